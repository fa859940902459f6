"""Each check: where it turns from passed to a warning to failed, and that it says what to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nakadachi.health import checks
from nakadachi.health.reading import Effective, Grade, HeadsRead, Reading
from nakadachi.kit.kernel_clock import KernelClock
from nakadachi.telegrams.envelope import Lane

NOW = datetime(2026, 4, 1, tzinfo=UTC)
LAG = timedelta(minutes=5)
WELL = Reading(
    now=NOW,
    waiting={},
    records=0,
    certificate_until=NOW + timedelta(days=100),
    kernel=KernelClock(synchronised=True, offset_seconds=0.0, error_seconds=0.001),
    heads=HeadsRead(3, 3, NOW),
    effective=Effective(1, 2, in_force=True),
)
OK, WARNING, FAILED = Grade


def waiting(seconds):
    return replace(WELL, waiting={Lane.BULK: (1, seconds), Lane.INTERACTIVE: (2, 1.0)})


@pytest.mark.parametrize(
    ("checked", "grade"),
    [
        (checks.database(WELL), OK),
        (checks.database(replace(WELL, waiting=None)), FAILED),
        (checks.backlog(WELL), OK),
        (checks.backlog(replace(WELL, waiting=None)), FAILED),
        (checks.backlog(waiting(299)), OK),
        (checks.backlog(waiting(300)), WARNING),
        (checks.backlog(waiting(3599)), WARNING),
        (checks.backlog(waiting(3600)), FAILED),
        (checks.in_force(WELL), OK),
        (checks.in_force(replace(WELL, effective=Effective(1, 2, in_force=False))), FAILED),
        (checks.lease(held=True), OK),
        (checks.lease(held=False), FAILED),
    ],
)
def test_a_check_turns_where_it_is_said_to(checked, grade):
    assert checked.grade is grade


@pytest.mark.parametrize(("days", "grade"), [(30, OK), (29.9, WARNING), (0, WARNING), (-0.1, FAILED)])
def test_a_certificate_is_to_be_renewed_a_month_before_its_end(days, grade):
    checked = checks.certificate(replace(WELL, certificate_until=NOW + timedelta(days=days)))
    assert checked.grade is grade
    assert ("renew" in checked.english, "更新" in checked.japanese) == (grade is not OK, grade is not OK)


@pytest.mark.parametrize(
    ("kernel", "strict", "grade"),
    [
        (KernelClock(synchronised=True, offset_seconds=0.0, error_seconds=0.1), True, OK),
        (KernelClock(synchronised=False, offset_seconds=0.0, error_seconds=16.0), False, WARNING),
        (KernelClock(synchronised=False, offset_seconds=0.0, error_seconds=16.0), True, FAILED),
        (None, True, OK),
    ],
)
def test_a_clock_that_nothing_keeps_right_is_a_warning_unless_it_is_required(kernel, strict, grade):
    assert checks.clock(replace(WELL, kernel=kernel), strict=strict).grade is grade


@pytest.mark.parametrize(("seconds", "grade"), [(0, OK), (150, OK), (151, WARNING), (300, WARNING), (301, FAILED)])
def test_a_core_without_a_recent_cosigned_head_is_not_ready(seconds, grade):
    reading = replace(WELL, heads=HeadsRead(3, 3, NOW - timedelta(seconds=seconds)))
    assert checks.own_head(reading, LAG).grade is grade
    assert checks.own_head(replace(WELL, heads=HeadsRead(3)), LAG).grade is FAILED


@pytest.mark.parametrize("at", [None, NOW, NOW - timedelta(days=3)])
def test_an_organisation_that_was_sent_no_permit_is_ready_nonetheless(at):
    """Heads come with permits: that none came says nothing of the Commission."""
    assert checks.seen_head(replace(WELL, heads=HeadsRead(None, 3, at)), LAG).grade is OK


def test_whatever_is_not_passed_says_what_to_do_in_both_languages():
    bad = replace(
        waiting(4000),
        certificate_until=NOW,
        kernel=KernelClock(synchronised=False, offset_seconds=0.0, error_seconds=16.0),
        heads=HeadsRead(),
        effective=Effective(1, 2, in_force=False),
    )
    told = [
        checks.database(replace(bad, waiting=None)), checks.backlog(bad), checks.certificate(bad),
        checks.clock(bad, strict=False), checks.in_force(bad), checks.lease(held=False), checks.own_head(bad, LAG),
    ]  # fmt: skip
    assert len({one.check for one in told}) == len(told)
    for one in told:
        assert one.grade is not OK
        assert "ください" in one.japanese
        assert ":" in one.english
        assert one.words() == {
            "check": one.check.value,
            "grade": one.grade.name.lower(),
            "ja": one.japanese,
            "en": one.english,
        }


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (86400 * 3, "3 d")]
)
def test_an_age_is_told_in_its_largest_unit(seconds, words):
    assert checks.age(seconds) == words
