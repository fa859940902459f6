import json
from dataclasses import replace
from datetime import date
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.law.lawbook import Lawbook, in_force, load, parse, sample
from nakadachi.law.masters import OrganisationKind
from nakadachi.law.reading import LawError
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode

DAY = date(2026, 6, 1)


def refused(raw):
    with pytest.raises(Refusal) as refusal:
        parse(raw)
    assert refusal.value.reason is Reason.BAD_FORMAT
    return refusal.value.detail


def canonical(document):
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def test_a_lawbook_comes_back_from_its_bytes_as_it_was():
    lawbook = sample()
    assert parse(lawbook.to_bytes()) == lawbook
    assert parse(lawbook.to_bytes()).to_bytes() == lawbook.to_bytes()


def test_the_bytes_of_a_lawbook_are_canonical_json():
    assert canonical(json.loads(sample().to_bytes())) == sample().to_bytes()


def test_a_text_that_says_the_same_in_another_way_is_refused():
    assert "not the canonical text" in refused(sample().to_bytes() + b" ")


def test_a_lawbook_takes_effect_with_the_latest_of_its_editions(law_folder):
    lawbook = load(law_folder, version=7)
    assert (lawbook.version, lawbook.effective) == (7, date(2026, 5, 1))


def test_of_several_lawbooks_the_latest_in_effect_counts(law_folder):
    first = load(law_folder, version=1)
    second = Lawbook(2, date(2026, 10, 1), first.masters, first.whitelist, first.assessments)
    assert in_force([first, second], date(2026, 9, 30)) is first
    assert in_force([second, first], date(2026, 10, 1)) is second
    with pytest.raises(Refusal) as refusal:
        in_force([first, second], date(2026, 4, 30))
    assert refusal.value.reason is Reason.NOT_IN_TABLE


def test_everything_wrong_in_a_folder_is_told_at_once(law_folder):
    (law_folder / "masters/version.toml").unlink()
    (law_folder / "table2/001.toml").write_text("", encoding="utf-8")
    (law_folder / "assessments.toml").unlink()
    with pytest.raises(LawError) as wrong:
        load(law_folder, version=1)
    assert [each.partition(",")[0] for each in wrong.value.problems] == [
        "masters/version.toml",
        "assessments.toml",
        "table2/001.toml",
        "table2/001.toml",
    ]


def test_rows_and_assessments_are_held_against_the_masters_of_their_folder(law_folder, assessment_text, table_texts):
    (law_folder / "notes.md").write_text("not law", encoding="utf-8")
    strange = assessment_text.replace("JM00000000000001", "JM00000000000007")
    (law_folder / "assessments.toml").write_text(strange, encoding="utf-8")
    row = table_texts["001.toml"].replace("JM00000000000001", "JM00000000000008")
    (law_folder / "table2/001.toml").write_text(row, encoding="utf-8")
    with pytest.raises(LawError) as wrong:
        load(law_folder, version=1)
    told = str(wrong.value)
    assert "JM00000000000007 is no affair or information name" in told
    assert "JM00000000000008 is no affair" in told


def test_a_folder_without_law_is_no_lawbook(tmp_path):
    with pytest.raises(LawError, match=r"masters/organisations.toml, whole file: it is missing"):
        load(tmp_path, version=1)


def test_the_parts_of_a_lawbook_belong_together(law_folder):
    lawbook = load(law_folder, version=1)
    with pytest.raises(LawError, match="made over other masters"):
        replace(lawbook, whitelist=sample().whitelist)
    with pytest.raises(LawError, match="is no organisation"):
        replace(lawbook, assessments=sample().assessments)


@given(st.binary(max_size=200))
def test_any_bytes_become_a_lawbook_or_are_refused(raw):
    refused(raw)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_lawbook_is_read_as_changed_or_refused(data):
    """One value somewhere in the document is replaced by another; what is read then says just that."""
    document = json.loads(sample().to_bytes())
    place, key = document, data.draw(st.sampled_from(sorted(document)))
    while isinstance(place[key], dict | list) and place[key]:
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    other = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.just([]), st.just({}))
    place[key] = data.draw(other)
    raw = canonical(document)
    try:
        read = parse(raw)
    except Refusal as refusal:
        reason = refusal.reason
    else:
        assert read.to_bytes() == raw
        return
    assert reason is Reason.BAD_FORMAT


def test_nesting_without_end_is_refused():
    refused(b'{"masters":' + b"[" * 100_000)


def test_a_dangling_code_in_a_received_lawbook_is_refused():
    raw = sample().to_bytes().replace(b'"affair":"JM99000000740000"', b'"affair":"JM99000000740009"')
    assert "JM99000000740009 is no affair" in refused(raw)


def test_the_sample_has_at_least_ten_affairs_and_says_what_each_row_is_modelled_on():
    lawbook = sample()
    assert len({row.affair for row in lawbook.whitelist.rows}) >= 10
    assert all(row.sample and row.modelled_on.startswith("別表第2 第") for row in lawbook.whitelist.rows)
    entries = chain(lawbook.masters.organisations, lawbook.masters.affairs, lawbook.masters.informations)
    assert all(each.sample for each in chain(entries, lawbook.assessments.entries))
    assert all("（見本）" in each.name_ja for each in lawbook.masters.organisations)


def test_every_affair_information_and_kind_of_the_sample_is_used():
    lawbook = sample()
    rows = lawbook.whitelist.rows
    assert {row.affair for row in rows} == {each.code for each in lawbook.masters.affairs}
    assert {row.information for row in rows} == {each.code for each in lawbook.masters.informations}
    # A private body is in no sample, as nodes of the version before this one start with it.
    kinds = set(OrganisationKind) - {OrganisationKind.COMPANY}
    assert {each.kind for each in lawbook.masters.organisations} == kinds
    assert lawbook.readable_since is None
    used = {item for row in rows for item in row.items}
    assert used == {item.code for each in lawbook.masters.informations for item in each.items}


def test_in_the_sample_one_allowed_pair_only_lacks_its_assessment():
    lawbook = sample()
    lacking = set()
    for line in chain.from_iterable(lawbook.whitelist._lines.values()):
        files = [(each, line.row.affair) for each in line.inquirers]
        files += [(each, line.row.information) for each in line.providers]
        for organisation, file in files:
            if lawbook.assessments.published(OrganisationCode(organisation), file, DAY) is None:
                lacking.add((organisation, file.value))
    assert lacking == {("9901000000000003", "JM99000000310000")}


def test_half_a_character_in_a_name_is_refused():
    refused(sample().to_bytes().replace("青葉市".encode(), b"\\ud800"))
    refused(sample().to_bytes().replace("青葉市".encode(), "青葉市".encode()[:-1]))
