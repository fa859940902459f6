"""What the decisions of the systems make of the example files, line by line, is what `expected.csv` says."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from nakadachi.core.rules import decide_law
from nakadachi.country.examples import files_of, organisations
from nakadachi.country.sample import INQUIRER, STOPPED
from nakadachi.crypto.subject import Subject, compare, subject_check
from nakadachi.intermediate.files.inquiries import inquiries
from nakadachi.intermediate.files.people import people
from nakadachi.intermediate.files.provisions import protections, provisions
from nakadachi.intermediate.files.provisions_xml import provisions_xml
from nakadachi.intermediate.files.reading import LineReader, Reject
from nakadachi.intermediate.rules import Held, Protection, choose_items, must_hold
from nakadachi.law import lawbook
from nakadachi.neighbours.matching import items_of
from nakadachi.neighbours.registry import read_residents
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode, Prefix, japan_day
from tools.make_examples import FOLDER

BOOK = lawbook.sample()


class Loaded:
    """One organisation's files as its systems would have them after linking; `linked` by resident record code."""

    def __init__(self, organisation, residents):
        files = files_of(FOLDER, organisation)
        self.subjects, self.codes, self.linked = {}, {}, {}
        self.held, self.marked = defaultdict(list), defaultdict(list)
        with files.people.open("rb") as file:
            for one in people(LineReader(file)):
                items, number = one.items, one.individual_number
                four = items_of(items.name, items.address, str(int(items.sex)), items.born.isoformat())
                key = number.value if number else four
                self.subjects[one.addressee] = Subject(items.born, str(int(items.sex)), items.kana)
                self.codes[one.addressee] = residents.get(key)
        self.linked = {code: addressee for addressee, code in self.codes.items() if code}
        with files.provisions.open("rb") as file:
            xml = files.provisions_form == "xml"
            for one in provisions_xml(file) if xml else provisions(LineReader(file)):
                days = (one.publish_from, one.publish_until)
                content = (one.value, one.reason_of_null, one.updated_at)
                self.held[one.addressee].append(Held(one.item, one.version, *days, *content))
        if files.protections:
            with files.protections.open("rb") as file:
                for one in protections(LineReader(file)):
                    self.marked[one.addressee].append(Protection(one.information, one.withheld, one.until))


@pytest.fixture(scope="module")
def country():
    residents = {}
    for one in read_residents(FOLDER / "residents.csv"):
        four = items_of(one.name, one.address, str(one.sex), one.born)
        residents[one.number] = residents[four] = one.code
    return {each: Loaded(each, residents) for each in organisations(FOLDER)}


def outcome(line, country, now):
    if isinstance(line, Reject):
        return "rejected", Reason.BAD_FORMAT
    own, provider = country[OrganisationCode(INQUIRER)], country.get(line.provider)
    prefix = Prefix(line.inquirer, line.affair, line.procedure, line.provider, line.information)
    try:
        if line.addressee not in own.codes:
            raise Refusal(Reason.UNKNOWN_ADDRESSEE)
        if own.codes[line.addressee] is None:
            raise Refusal(Reason.CODE_NOT_ISSUED)
        allowed = decide_law(prefix, caller=OrganisationCode(INQUIRER), lawbook=BOOK, now=now)
        if line.provider.value == STOPPED:
            raise Refusal(Reason.PROVIDER_STOPPED)
        there = provider.linked.get(own.codes[line.addressee])
        if there is None:
            raise Refusal(Reason.NOT_LINKED_AT_PROVIDER)
        if compare(subject_check(bytes(32), own.subjects[line.addressee]), provider.subjects[there]):
            raise Refusal(Reason.SUBJECT_MISMATCH)
        items = choose_items(provider.held[there], allowed.prefix.items, on=japan_day(now))
        held = must_hold(provider.marked[there], line.information, on=japan_day(now))
    except Refusal as refusal:
        return "refused", refusal.reason
    assert {each.item for each in items} == set(allowed.prefix.items)
    return "pending" if held else "answered", ""


@pytest.mark.parametrize("year", [2026, 2028])
def test_every_line_comes_out_as_expected(country, year):
    with (FOLDER / "inquiries.csv").open("rb") as file:
        found = [outcome(line, country, datetime(year, 4, 1, 3, tzinfo=UTC)) for line in inquiries(LineReader(file))]
    with (FOLDER / "expected.csv").open(encoding="utf-8", newline="") as file:
        expected = [(row["status"], row["reason"]) for row in csv.DictReader(file)]
    assert found == expected
