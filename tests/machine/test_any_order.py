"""Whatever happens in whatever order, every promise is kept; and the same seed plays the same way again."""

from __future__ import annotations

from pathlib import Path

import pytest

from nakadachi.kit.postgres import PostgresServer
from tests.machine.machine import AnyOrder
from tests.machine.people import ASKABLE
from tests.machine.playing import play
from tests.machine.promises import Broken
from tests.machine.run import Tally

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

STEPS, SEED = 600, 20260701
"""The fixed budget of CI. Longer: make machine STEPS=…"""


def test_whatever_happens_in_any_order_every_promise_is_kept(postgres: PostgresServer, open_directory: Path) -> None:
    played = play(postgres, open_directory, seed=SEED, steps=STEPS, shrink=False)
    print(*played.lines, sep="\n")  # noqa: T201  what was played is part of CI's report
    assert not played.failure, "\n".join(played.lines)


def test_the_same_seed_plays_the_same_way_again(postgres: PostgresServer, open_directory: Path) -> None:
    AnyOrder.server, AnyOrder.directory, AnyOrder.tally = postgres, open_directory, Tally()
    seen = []
    for _ in range(2):
        machine = AnyOrder()
        machine.found(seed=7)
        machine.ask_many(addressees=list(ASKABLE[:4]))
        machine.trouble(node="core", troubles=["connection lost after the commit", "disk full"])
        machine.spoil(faults=[("request repeated later", None), ("answer dropped", "server B")])
        machine.restart(node="interface A", pause=0.5, kill=True)
        machine.wait(seconds=25.0)
        machine.teardown()
        seen.append((machine.played, machine.tally.met.copy(), machine.tally.telegrams))
        machine.tally.met.clear()
        machine.tally.telegrams = 0
    assert seen[0] == seen[1]


def test_a_broken_promise_is_found_and_told_with_the_seed_that_replays_it(
    postgres: PostgresServer, open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgets(_machine: AnyOrder, addressees: list[str], **_other: str) -> None:
        raise Broken(f"{len(addressees)} inquiries are lost")

    monkeypatch.setattr(AnyOrder, "_ask", forgets)
    played = play(postgres, open_directory, seed=5, steps=40, of_a_run=20, shrink=False)
    assert "inquiries are lost" in played.failure
    assert "replay with: make machine SEED=5 STEPS=40" in list(played.lines)[-1]
