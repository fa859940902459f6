"""A try that was spent stays spent, whatever happens to the process; two readers share one card's counters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nakadachi.neighbours.card.counter_commands import counter_key
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import Reader
from nakadachi.neighbours.card.texts import CardError, Trouble
from tests import cards

ROOT = Path(__file__).parents[4]
CHILD = """
import os, signal, sys
from pathlib import Path
from nakadachi.neighbours.card import pin
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.medium import Medium
from nakadachi.kit.entropy import SystemEntropy
pin.is_right = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
card = Card(Medium(Path(sys.argv[1]), sys.argv[2].encode(), SystemEntropy()), SystemEntropy())
for command in ("00A4040C0AD392F000260100000001", "00A4020C020018", "0020008004" + sys.argv[3].encode().hex()):
    card.transmit(bytes.fromhex(command))
"""


@pytest.mark.parametrize("typed", ["0000", cards.PIN])
def test_a_kill_between_the_try_and_its_answer_gives_no_try_back(town, typed):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, town.medium().path, cards.TRANSPORT.decode(), typed],
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "src"},
    )
    assert done.returncode == -signal.SIGKILL
    assert town.reader().tries(Secret.AUTHENTICATION) == 2


def test_two_readers_share_one_counter(town):
    readers = [town.reader(), town.reader()]
    for place in range(3):
        with pytest.raises(CardError) as refused:
            readers[place % 2].sign(Secret.AUTHENTICATION, "0000", bytes(32))
        assert refused.value.left == 2 - place
    with pytest.raises(CardError) as refused:
        readers[1].sign(Secret.AUTHENTICATION, cards.PIN, bytes(32))
    assert refused.value.trouble is Trouble.LOCKED


def test_a_card_is_not_written_over_another(town):
    with pytest.raises(CardError, match="already"):
        town.medium().create(town.medium().read())


def test_a_card_taken_out_in_the_middle_of_a_command_is_not_written_back(town):
    medium = town.medium()
    with medium.turn() as turn:
        medium.path.rename(town.folder / "in-a-pocket")
        with pytest.raises(CardError) as refused:
            turn.keep(turn.state)
    assert refused.value.trouble is Trouble.ABSENT
    assert not medium.is_there


class Holder(RuleBasedStateMachine):
    """A card against a model of three counters: tries, changes, the counter, removal, in any order."""

    folder: Path

    @initialize()
    def begin(self):
        self.reader = Reader(cards.Card(_MEMORY, cards.ENTROPY))
        self.key = counter_key(cards.MASTER, self.reader.serial())
        opened = self.reader.at_counter(self.key)
        for secret, text in cards.SECRETS.items():
            opened.set_secret(secret, text)
        self.reader.reset()
        self.texts = dict(cards.SECRETS)
        self.left = {one: one.rule.tries for one in Secret}

    @rule(secret=st.sampled_from(Secret), right=st.booleans())
    def enter(self, secret, right):
        text = self.texts[secret] if right else ("ZZZZ99" if secret is Secret.SIGNATURE else "0007")
        trouble = self._change(secret, text, self.texts[secret])
        if not self.left[secret]:
            assert trouble is Trouble.LOCKED
        elif right:
            assert trouble is None
            self.left[secret] = secret.rule.tries
        else:
            self.left[secret] -= 1
            assert trouble is (Trouble.WRONG_SECRET if self.left[secret] else Trouble.LOCKED)

    @rule(secret=st.sampled_from(Secret))
    def enter_what_cannot_be_one(self, secret):
        assert self._change(secret, "x", self.texts[secret]) in {Trouble.BAD_SHAPE, Trouble.LOCKED}

    @rule(secret=st.sampled_from(Secret), number=st.integers(10, 99))
    def change(self, secret, number):
        new = f"NEWONE{number}" if secret is Secret.SIGNATURE else f"55{number}"
        if self._change(secret, self.texts[secret], new) is None:
            self.texts[secret], self.left[secret] = new, secret.rule.tries

    @rule(secret=st.sampled_from(Secret), number=st.integers(10, 99))
    def unlock_at_the_counter(self, secret, number):
        self.texts[secret] = f"UNLOCK{number}" if secret is Secret.SIGNATURE else f"66{number}"
        self.reader.at_counter(self.key).set_secret(secret, self.texts[secret])
        self.reader.reset()
        self.left[secret] = secret.rule.tries

    @invariant()
    def the_card_tells_the_tries_that_are_left(self):
        if hasattr(self, "left"):
            assert {one: self.reader.tries(one) for one in Secret} == self.left

    def _change(self, secret, old, new):
        try:
            self.reader.change(secret, old, new)
        except CardError as refused:
            return refused.trouble
        return None


class _Memory:
    """A card's medium without a disk, for many steps: one content, replaced as the file is."""

    def __init__(self):
        self.state = cards.CardState("0" * 16, bytes(32), counter_key(cards.MASTER, "0" * 16))

    def turn(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def keep(self, state):
        self.state = state


_MEMORY = _Memory()
TestHolder = Holder.TestCase
TestHolder.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
