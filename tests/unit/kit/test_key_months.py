"""Which months may be destroyed, and what is known of those that were."""

from datetime import UTC, date, datetime

import pytest

from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_journal import Act, Entry, Outcome
from nakadachi.kit.key_months import Month, months, require_destroyable

AT = datetime(2026, 11, 20, 3, tzinfo=UTC)


def entry(key, act=Act.DESTROY, outcome=Outcome.DONE):
    return Entry(seq=1, at=AT, key=key, act=act, outcome=outcome, who="w", process="p", note="why", prev="0" * 64)


def test_a_month_may_go_seven_years_after_its_end():
    for day, may in ((date(2026, 3, 31), False), (date(2026, 4, 1), True)):
        assert months(["2019-03"], [], day) == [Month("2019-03", "2026-04", may)]
    assert months(["2019-12"], [], date(2026, 12, 31))[0].kept_until == "2027-01"


def test_what_was_destroyed_is_known_from_the_journal():
    journal = [
        entry("month-2019-01"),
        entry("month-2019-02", outcome=Outcome.BEGUN),
        entry("log"),
        entry("month-2019-03", act=Act.MAKE),
        entry("month-2019-04"),
    ]
    found = months(["2019-03", "2019-04"], journal, date(2026, 4, 1), {"2019-03": 7})
    assert found[0] == Month("2019-01", "2026-02", may_go=True, destroyed_at=AT, by="w", why="why", wrapped=0)
    # A key made anew under a name that was destroyed once is there.
    assert [(one.name, one.destroyed_at, one.wrapped) for one in found[1:]] == [
        ("2019-03", None, 7),
        ("2019-04", None, 0),
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("2019-3", "is no month: write it as 2019-03"),
        ("2019-13", "is no month"),
        ("../../etc", "is no month"),
        ("2019-04", "there is no key of 2019-04; there are: 2019-03, 2026-11"),
        ("2026-11", "2026-11 is to be kept until 2033-12 .* --force"),
    ],
)
def test_what_may_not_go_is_refused_with_what_to_do(name, said):
    with pytest.raises(KeyStoreError, match=said):
        require_destroyable(name, ["2026-11", "2019-03"], date(2026, 11, 20), " ")


def test_a_month_before_its_time_goes_with_a_reason_only():
    require_destroyable("2019-03", ["2019-03"], date(2026, 4, 1), "")
    require_destroyable("2026-11", ["2026-11"], date(2026, 11, 20), "the key was seen by others")
