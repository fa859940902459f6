"""The kinds of findings are told to people in both languages."""

from datetime import UTC, datetime

import pytest

from nakadachi.telegrams.oversight import FindingKind, Operation, ReportOperation
from nakadachi.terms import NodeName, TelegramId, crockford


@pytest.mark.parametrize("kind", list(FindingKind))
def test_every_kind_of_finding_has_a_text_in_both_languages(kind):
    assert any(ord(character) > 0x2FFF for character in kind.japanese)
    assert kind.english.isascii()


def test_no_two_kinds_of_findings_are_told_in_the_same_words():
    assert (
        len({kind.japanese for kind in FindingKind}) == len({kind.english for kind in FindingKind}) == len(FindingKind)
    )


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("instance", ["", "1"])
def test_a_system_ends_when_it_says_so_as_a_whole_and_one_of_several_instances_speaks_for_itself(operation, instance):
    core, at = NodeName("core:9910000000000001"), datetime(2026, 4, 1, tzinfo=UTC)
    report = ReportOperation(
        id=TelegramId(crockford(1, length=26)), author=core, to=core, made_at=at, operation=operation, at=at,
        software="0.2.0", lawbook=1, directory=1, instance=instance,
    )  # fmt: skip
    assert report.says_that_it_ends == (operation is Operation.STOPPED and not instance)
