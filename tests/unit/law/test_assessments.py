from dataclasses import replace
from datetime import date

import pytest

from nakadachi.law.assessments import load_assessments, require_assessment
from nakadachi.law.masters import load_masters
from nakadachi.law.reading import LawError
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, InfoNameCode, OrganisationCode, Prefix, ProcedureCode

A, B = OrganisationCode("0000000000000001"), OrganisationCode("0000000000000002")
ASK = Prefix(
    inquirer=A,
    affair=AffairCode("JM00000000000001"),
    procedure=ProcedureCode("JT00000000000001"),
    provider=B,
    information=InfoNameCode("TM00000000000001"),
)


def refused(registry, prefix, on):
    with pytest.raises(Refusal) as refusal:
        require_assessment(registry, prefix, on)
    assert refusal.value.reason is Reason.NO_ASSESSMENT
    return refusal.value.detail


def test_both_ends_assessments_are_named_when_both_are_published(assessment_text):
    both = require_assessment(load_assessments(assessment_text), ASK, date(2026, 6, 1))
    assert [each.number for each in both] == ["A-1", "B-1"]


def test_an_assessment_counts_from_the_day_it_is_published_until_it_is_withdrawn(assessment_text):
    registry = load_assessments(assessment_text)
    assert require_assessment(registry, ASK, date(2026, 4, 10))
    assert refused(registry, ASK, date(2026, 4, 9)).startswith(f"inquirer {A}")
    assert require_assessment(registry, ASK, date(2026, 9, 30))
    assert refused(registry, ASK, date(2026, 10, 1)).startswith(f"provider {B}")


def test_an_assessment_of_another_file_does_not_count(assessment_text):
    registry = load_assessments(assessment_text)
    other_affair = replace(ASK, affair=AffairCode("JM00000000000002"))
    other_information = replace(ASK, information=InfoNameCode("TM00000000000002"))
    assert "for the affair JM00000000000002" in refused(registry, other_affair, date(2026, 6, 1))
    assert "for TM00000000000002" in refused(registry, other_information, date(2026, 6, 1))


def test_the_latest_published_one_is_the_one_that_is_named(assessment_text):
    again = assessment_text.split("[[assessment]]")[1].replace("A-1", "A-2").replace("2026-04-10", "2026-08-01")
    registry = load_assessments(f"{assessment_text}\n[[assessment]]{again}")
    assert require_assessment(registry, ASK, date(2026, 7, 31))[0].number == "A-1"
    assert require_assessment(registry, ASK, date(2026, 8, 1))[0].number == "A-2"


def test_a_number_is_given_once(assessment_text):
    with pytest.raises(LawError, match=r"assessments.toml, A-1: the number is given 2 times\. Mend: "):
        load_assessments(assessment_text.replace("B-1", "A-1"))


def test_a_missing_registry_edition_or_field_is_told():
    with pytest.raises(LawError, match=r"assessments.toml, whole file: it is missing or empty"):
        load_assessments(None)
    with pytest.raises(LawError) as wrong:
        load_assessments('[[assessment]]\nnumber = "A-1"\n')
    told = "\n".join(wrong.value.problems)
    assert "assessments.toml, edition: it is not a table" in told
    assert "assessments.toml, assessment 1: the field `kind` is missing" in told


def test_an_assessment_names_only_what_the_masters_have(assessment_text, master_texts):
    masters = load_masters(master_texts)
    assert not list(load_assessments(assessment_text).problems_with(masters))
    strange = assessment_text.replace("0000000000000001", "0000000000000007").replace("JM00000000000001", f"JM{7:014d}")
    told = list(load_assessments(strange).problems_with(masters))
    assert told[0].startswith("assessments.toml, A-1: 0000000000000007 is no organisation. Mend: ")
    assert told[1].startswith("assessments.toml, A-1: JM00000000000007 is no affair or information name. Mend: ")
