"""What is refused at the door becomes a finding: once an hour, of what honest nodes do not do, and never a fault."""

from datetime import UTC, datetime, timedelta

import pytest

from nakadachi.kit.clock import FixedClock
from nakadachi.kit.suspect import AGAIN, MOST_REMEMBERED, Suspicions
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.suspicion import Suspicion
from nakadachi.terms import NodeName, Serial

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
LIAR, OTHER = NodeName("interface:9901000000000001"), NodeName("interface:9901000000000002")
SERIAL = Serial("9901000000000001-01KN2J9Z80F0G0000000000001")


@pytest.fixture
def clock():
    return FixedClock(NOW)


@pytest.fixture
def kept():
    return []


@pytest.fixture
def door(clock, kept):
    async def keep(finding):
        kept.append(finding)

    return Suspicions(clock, keep)


async def test_a_refused_act_is_told_with_its_kind_reason_and_whose_it_is(door, kept):
    await door.tell(LIAR, Refusal(Reason.BAD_SIGNATURE), SERIAL)
    (found,) = kept
    assert (found.kind, found.reason, found.about, found.serial, found.at) == (
        FindingKind.SIGNATURE_INVALID,
        Reason.BAD_SIGNATURE,
        LIAR,
        SERIAL,
        NOW,
    )


async def test_a_kind_known_better_than_by_its_reason_is_told(door, kept):
    await door.tell(LIAR, Suspicion(FindingKind.ANSWER_AGAIN, Reason.OUT_OF_TURN))
    assert kept[0].kind is FindingKind.ANSWER_AGAIN


@pytest.mark.parametrize("reason", [Reason.OUT_OF_TURN, Reason.TIMED_OUT, Reason.WITHHELD, Reason.TOO_LARGE])
async def test_what_honest_nodes_do_too_is_not_told(door, kept, reason):
    await door.tell(LIAR, Refusal(reason))
    assert kept == []


async def test_the_same_again_is_told_once_an_hour_and_of_each_apart(door, kept, clock):
    for about, serial in ((LIAR, None), (LIAR, None), (OTHER, None), (LIAR, SERIAL)):
        await door.tell(about, Refusal(Reason.BAD_FORMAT), serial)
    assert len(kept) == 3
    clock.set(NOW + AGAIN - timedelta(seconds=1))
    await door.tell(LIAR, Refusal(Reason.BAD_FORMAT))
    assert len(kept) == 3
    clock.set(NOW + AGAIN)
    await door.tell(LIAR, Refusal(Reason.BAD_FORMAT))
    assert len(kept) == 4


async def test_a_door_remembers_so_many_acts_and_no_more(door):
    for number in range(MOST_REMEMBERED + 10):
        serial = Serial(f"9901000000000001-0{number:025}")
        await door.tell(LIAR, Refusal(Reason.BAD_FORMAT), serial)
    assert len(door._told) == MOST_REMEMBERED


async def test_a_finding_that_cannot_be_kept_harms_nothing(clock):
    async def fail(_finding):
        raise OSError

    await Suspicions(clock, fail).tell(LIAR, Refusal(Reason.BAD_FORMAT))
