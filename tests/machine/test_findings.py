"""What the machine found once, in as few steps as it takes, each with the promise that was broken."""

from __future__ import annotations

from typing import Any

import pytest

from nakadachi.terms import Role
from tests.invented import TSUBAKI
from tests.machine.machine import AnyOrder
from tests.machine.people import ASKABLE, HANA, secrets_of
from tests.machine.promises import Broken
from tests.machine.rest import check_at_rest, come_to_rest, deadlines_pass

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


def ended(machine: AnyOrder) -> list[tuple[Any, Any]]:
    """How all inquiries ended, once all has come to rest."""
    run = machine.run
    assert run is not None
    run.do(come_to_rest(run.promises))
    rows = run.do(run.land.rows(run.promises.inquirer, "SELECT state, reason FROM inquiry ORDER BY serial"))
    return [(row["state"], row["reason"]) for row in rows]


@pytest.mark.parametrize(
    ("node", "trouble"),
    [
        ("interface A", "connection lost after the commit"),
        ("core", "connection lost after the commit"),
        ("core", "disk full"),
        ("server B", "connection lost after the commit"),
    ],
)
def test_a_system_that_fails_at_its_commit_is_asked_again_and_the_inquiry_is_answered(
    machine: AnyOrder, node: str, trouble: str
) -> None:
    machine.ask(addressee=HANA.at(TSUBAKI))  # so that serials are at hand
    machine.wait(seconds=5.0)
    machine.trouble(node=node, troubles=[trouble])
    machine.ask(addressee=HANA.at(TSUBAKI))
    assert ended(machine) == [("answered", None), ("answered", None)]


def test_an_exchange_that_the_providers_server_never_heard_of_ends_as_the_inquirer_was_told(machine: AnyOrder) -> None:
    machine.jump(node="interface B", seconds=86400.0)
    machine.ask(addressee=HANA.at(TSUBAKI))
    machine.wait(seconds=5.0)
    assert ended(machine) == [("refused", "PERMIT_EXPIRED")]
    run = machine.run
    assert run is not None
    run.do(deadlines_pass(run.promises))
    rows = run.do(run.land.rows(run.land.name(Role.CORE), "SELECT ending, provider_ending FROM exchange"))
    assert rows == [{"ending": "refused", "provider_ending": "refused"}]


def test_a_bulk_permit_asked_for_once_more_names_its_exchanges_in_the_same_order(machine: AnyOrder) -> None:
    machine.ask_many(addressees=list(ASKABLE[:6]))
    machine.wait(seconds=5.0)


def test_a_secret_in_a_log_is_found(machine: AnyOrder) -> None:
    machine.ask(addressee=HANA.at(TSUBAKI))
    machine.wait(seconds=5.0)
    run = machine.run
    assert run is not None
    end, log = run.promises, run.land.log
    run.do(come_to_rest(end))
    run.do(check_at_rest(end))
    for secret in secrets_of(HANA):
        before = log.tell()
        log.write(b'{"event":"planted","detail":"' + secret.encode() + b'"}\n')
        with pytest.raises(Broken, match="stands in the log"):
            run.do(check_at_rest(end))
        log.seek(before)
        log.truncate()
