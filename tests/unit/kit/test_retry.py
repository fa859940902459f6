"""How often something is sent again, and when a destination is left in peace (source 003 6.5; I7, I8)."""

from datetime import UTC, datetime, timedelta

import pytest

from nakadachi.kit.config import ConfigError, load
from nakadachi.kit.retry import Parking, RetryConfig, Rule
from nakadachi.telegrams.catalogue import CATALOGUE, Wait
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.permit import CheckPrefix, RequestPermit
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import NodeName

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
CORE, OTHER = NodeName("core:9910000000000001"), NodeName("interface:9901000000000001")
RULE = Rule(attempts=3, first=timedelta(seconds=1), longest=timedelta(seconds=5))


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def test_the_sources_cases_are_the_telegrams_of_an_exchange_and_everything_else_is_a_notice():
    cases = {wait: {hop.telegram for hop in CATALOGUE if hop.number and hop.wait is wait} for wait in Wait}
    assert cases[Wait.PERMIT] == {CheckPrefix, RequestPermit}
    assert cases[Wait.ACCEPTANCE] == {Inquire, InquireAt}
    assert cases[Wait.COMPLETION] == {Provide}


def test_a_telegram_has_one_case_on_every_path():
    cases = {}
    for hop in CATALOGUE:
        assert cases.setdefault(hop.telegram, hop.wait) is hop.wait


def test_a_notice_is_never_given_up_whatever_its_rule_says():
    assert RetryConfig(notice=Rule(attempts=3)).limit(Wait.NOTICE) == 0
    assert RetryConfig(permit=Rule(attempts=3)).limit(Wait.PERMIT) == 3


def test_a_destination_is_parked_after_so_many_failures_in_a_row():
    parking = Parking(RULE)
    assert [parking.failed(CORE, NOW) for _ in range(3)] == [False, False, True]
    assert parking.parked == [CORE]
    assert not parking.is_parked(OTHER)
    assert not parking.failed(CORE, NOW)


def test_a_sign_of_life_between_two_failures_starts_the_count_again():
    parking = Parking(RULE)
    parking.failed(CORE, NOW)
    parking.failed(CORE, NOW)
    assert not parking.heard(CORE)
    assert not parking.failed(CORE, NOW)
    assert parking.parked == []


def test_a_parked_destination_is_probed_one_at_a_time_with_growing_pauses():
    parking = Parking(RULE)
    for _ in range(3):
        parking.failed(CORE, NOW)
    assert parking.due(after(0.9)) == []
    assert parking.due(after(1)) == [CORE]
    assert parking.due(after(1)) == []
    parking.failed(CORE, after(1))
    assert parking.due(after(2.9)) == []
    assert parking.due(after(3)) == [CORE]
    for _ in range(9):
        parking.failed(CORE, after(3))
    assert parking.due(after(7.9)) == []
    assert parking.due(after(8)) == [CORE]


def test_a_sign_of_life_ends_the_parking():
    parking = Parking(RULE)
    for _ in range(3):
        parking.failed(CORE, NOW)
    assert parking.heard(CORE)
    assert parking.parked == []
    assert parking.due(after(99)) == []
    assert not parking.heard(CORE)


def test_the_rules_are_read_from_the_configuration(tmp_path):
    file = tmp_path / "retry.toml"
    file.write_text("[permit]\nattempts = 2\nfirst = 0.5\n[connect]\nlongest = 90\n")
    rules = load(file, RetryConfig)
    assert rules.of(Wait.PERMIT) == Rule(2, timedelta(seconds=0.5))
    assert rules.connect.longest == timedelta(seconds=90)


def test_a_destination_that_says_it_stops_is_parked_at_once_and_probed_seldom():
    parking = Parking(RULE)
    parking.stopped(CORE, NOW)
    assert parking.parked == [CORE]
    assert parking.due(after(4.9)) == []
    assert parking.due(after(5)) == [CORE]
    assert parking.heard(CORE)


@pytest.mark.parametrize("line", ["attempts = -1", "first = 0", "first = 9\nlongest = 8"])
def test_a_rule_that_cannot_be_kept_is_refused_at_the_start(tmp_path, line):
    file = tmp_path / "retry.toml"
    file.write_text(f"[permit]\n{line}\n")
    with pytest.raises(ConfigError, match="permit: attempts is not negative, and 0 < first <= longest"):
        load(file, RetryConfig)
