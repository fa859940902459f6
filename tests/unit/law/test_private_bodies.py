"""Private bodies ask by a table of their own, public bodies by theirs; no row of one lets the others ask (R7)."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nakadachi.core.rules import decide_law
from nakadachi.law.lawbook import PRIVATE_SINCE, Lawbook, load, parse, sample
from nakadachi.law.masters import Organisation, OrganisationKind
from nakadachi.law.reading import LawError
from nakadachi.law.rows import Parties
from nakadachi.law.whitelist import BYSTANDERS, Whitelist
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode, Prefix
from tools import sample_law
from tools.sample_law import (
    CLAIMS,
    COMPANY,
    CONTRACTS,
    DEPENDANTS,
    FIRST,
    INSURER,
    OTHER_TOWN,
    PRIVATE_INSURER,
    TAX,
    TOWN,
    VACCINATION,
)

BOOK = sample_law.small()
PUBLIC, PRIVATE = BOOK.whitelist, BOOK.private_whitelist
NOON = datetime(2026, 7, 1, 3, tzinfo=UTC)
ASKED = Prefix(COMPANY, *CLAIMS, OTHER_TOWN, TAX)


def why_not(prefix, book=BOOK):
    with pytest.raises(Refusal) as refused:
        book.allows(prefix, FIRST)
    assert refused.value.reason is Reason.NOT_IN_TABLE
    return refused.value.detail


def problems_with(act, *arguments, **named):
    with pytest.raises(LawError) as wrong:
        act(*arguments, **named)
    return str(wrong.value)


def test_a_private_body_asks_what_its_own_table_lists():
    assert BOOK.allows(ASKED, FIRST).id == "951.1"
    assert BOOK.allows(replace(ASKED, inquirer=PRIVATE_INSURER), FIRST).id == "951.1"
    assert BOOK.allowed_items(ASKED, FIRST) == BOOK.allows(ASKED, FIRST).items
    assert why_not(replace(ASKED, items=(DEPENDANTS,))).startswith("the private bodies' table: item not allowed")


@pytest.mark.parametrize("private", [COMPANY, PRIVATE_INSURER])
def test_what_only_the_public_bodies_table_lists_is_refused_to_a_private_body(private):
    """Also where the row names a kind that public and private bodies share."""
    assert BOOK.allows(Prefix(INSURER, *VACCINATION, TOWN, TAX), FIRST).id == "018.1"
    told = why_not(Prefix(private, *VACCINATION, TOWN, TAX))
    assert told == f"the private bodies' table: no row for the affair {VACCINATION[0]}"


@pytest.mark.parametrize("public", [TOWN, INSURER])
def test_what_only_the_private_bodies_table_lists_is_refused_to_a_public_body(public):
    assert why_not(replace(ASKED, inquirer=public)) == f"no row for the affair {CLAIMS[0]}"


def test_a_public_body_asks_a_private_one_that_its_table_names_by_its_code():
    asked = Prefix(TOWN, *VACCINATION, COMPANY, CONTRACTS)
    assert BOOK.allows(asked, FIRST).id == "018.2"
    assert why_not(replace(asked, provider=PRIVATE_INSURER)).endswith("is no provider of it")


def test_private_bodies_do_not_ask_one_another():
    assert why_not(replace(ASKED, provider=PRIVATE_INSURER)).endswith("is no provider of it")


def test_without_a_table_of_theirs_private_bodies_ask_nothing():
    told = why_not(ASKED, replace(BOOK, private_whitelist=None))
    assert told == f"{COMPANY} is a private body, and there is no table for such"


def test_the_core_judges_a_private_body_by_its_table():
    """All but the assessment of the town's file is there, which comes after the table."""
    for prefix, reason in ((ASKED, Reason.NO_ASSESSMENT), (replace(ASKED, inquirer=TOWN), Reason.NOT_IN_TABLE)):
        with pytest.raises(Refusal) as refused:
            decide_law(prefix, caller=prefix.inquirer, lawbook=BOOK, now=NOON)
        assert refused.value.reason is reason


# What does not fit


def with_parties(table, **parties):
    return replace(table, rows=(msgspec.structs.replace(table.rows[0], **parties),))


@pytest.mark.parametrize(
    ("private", "parties", "told"),
    [
        (False, {"inquirers": Parties(codes=(COMPANY,))}, f"`inquirers`: {COMPANY} is a private body"),
        (False, {"inquirers": Parties(kinds=(OrganisationKind.COMPANY,))}, "`inquirers`: it names no organisation"),
        (False, {"providers": Parties(kinds=(OrganisationKind.COMPANY,))}, "`providers`: it names no organisation"),
        (True, {"inquirers": Parties(codes=(TOWN,))}, f"`inquirers`: {TOWN} is no private body"),
        (True, {"inquirers": Parties(codes=(COMPANY, INSURER))}, f"`inquirers`: {INSURER} is no private body"),
        (True, {"inquirers": Parties(kinds=(OrganisationKind.MUNICIPALITY,))}, "it names no private body"),
        (True, {"providers": Parties(codes=(COMPANY,))}, f"`providers`: {COMPANY} is a private body"),
        (True, {"providers": Parties(kinds=(OrganisationKind.COMPANY,))}, "`providers`: it names no organisation"),
    ],
)
def test_a_row_that_names_bodies_of_the_other_table_is_told_with_its_file(private, parties, told):
    table, file = (PRIVATE, "private-table/951.toml") if private else (PUBLIC, "table2/018.toml")
    found = problems_with(with_parties, table, **parties)
    assert found.startswith(f"{file}, grant 1: ")
    assert told in found
    assert "Mend: " in found


@pytest.mark.parametrize("kind", sorted(set(OrganisationKind)))
def test_only_some_kinds_may_be_private_and_a_company_is_nothing_else(kind):
    def masters(private):
        other = OrganisationCode("9999000000000001")
        names = {"name_ja": "見本", "name_en": "Sample"}
        one = Organisation(code=other, kind=kind, private=private, **names)
        return replace(BOOK.masters, organisations=(*BOOK.masters.organisations, one))

    if kind in {OrganisationKind.INSURER, OrganisationKind.PENSION, OrganisationKind.COMPANY}:
        assert masters(private=True).private_bodies[-1].value == "9999000000000001"
    else:
        assert f"the kind {kind} is no private body" in problems_with(masters, private=True)
    if kind is OrganisationKind.COMPANY:
        assert "the kind company is a private body" in problems_with(masters, private=False)
    else:
        assert masters(private=False).private_bodies == BOOK.masters.private_bodies


def test_a_table_in_the_place_of_the_other_and_a_row_in_both_are_no_law_book():
    assert "in the place of the other" in problems_with(replace, BOOK, private_whitelist=PUBLIC)
    assert "in the place of the other" in problems_with(replace, BOOK, whitelist=PRIVATE)
    other = replace(PRIVATE, masters=sample().masters, rows=())
    assert "made over other masters" in problems_with(replace, BOOK, private_whitelist=other)
    same = replace(PRIVATE, rows=(msgspec.structs.replace(PRIVATE.rows[0], number="018"),))
    told = problems_with(replace, BOOK, private_whitelist=same)
    assert told == "private-table/018.toml, grant 1: table2 has it too. Mend: renumber it."


# Files and bytes

COMPANY_ENTRY = """
[[organisation]]
code = "0000000000000007"
name_ja = "丁社"
name_en = "Company D"
kind = "company"
private = true
"""


@pytest.fixture
def folder(law_folder, table_texts):
    """The small law as files, with a company and a table for it that begins later than the rest."""
    with (law_folder / "masters/organisations.toml").open("a", encoding="utf-8") as file:
        file.write(COMPANY_ENTRY)
    (law_folder / "private-table").mkdir()
    row = table_texts["001.toml"].replace('{ kinds = ["municipality"] }', '{ kinds = ["company"] }')
    for name, text in (("951.toml", row), ("version.toml", 'version = "own-1"\neffective = 2026-05-09\n')):
        (law_folder / "private-table" / name).write_text(text, encoding="utf-8")
    return law_folder


def test_the_private_bodies_table_is_a_folder_beside_the_other_with_an_edition_of_its_own(folder):
    book = load(folder, version=3)
    assert book.private_whitelist.version == "own-1"
    assert [row.id for row in book.private_whitelist.rows] == ["951.1"]
    assert book.effective == date(2026, 5, 9)
    assert parse(book.to_bytes()) == book


def test_everything_wrong_in_the_private_bodies_table_is_told_with_the_rest(folder, table_texts):
    (folder / "private-table/version.toml").unlink()
    (folder / "private-table/001.toml").write_text(table_texts["001.toml"], encoding="utf-8")
    (folder / "assessments.toml").unlink()
    told = problems_with(load, folder, version=1)
    assert "private-table/version.toml, whole file: it is missing" in told
    assert "assessments.toml, whole file: it is missing" in told
    (folder / "private-table/version.toml").write_text('version = "own-1"\neffective = 2026-05-09\n', encoding="utf-8")
    told = problems_with(load, folder, version=1)
    assert "private-table/001.toml, grant 1: `inquirers`: it names no private body" in told
    assert "assessments.toml, whole file: it is missing" in told


def test_a_row_of_the_private_bodies_table_has_a_number_of_its_own(folder):
    (folder / "private-table/951.toml").rename(folder / "private-table/001.toml")
    assert "private-table/001.toml, grant 1: table2 has it too" in problems_with(load, folder, version=1)


def test_a_law_book_without_private_bodies_is_written_as_before_and_read_by_every_version():
    assert b"private" not in sample().to_bytes()
    assert sample().readable_since is None
    sample().require_readable("0.1.0")


def test_a_law_book_with_private_bodies_waits_until_every_node_can_read_it():
    listed = replace(BOOK, private_whitelist=None)
    for book in (BOOK, listed):
        assert book.readable_since == PRIVATE_SINCE
        for minimum in ("0.1.0", "0.1.99"):
            with pytest.raises(Refusal) as refused:
                book.require_readable(minimum)
            assert refused.value.reason is Reason.BAD_FORMAT
            assert "raise the minimum first" in refused.value.detail
        for minimum in (PRIVATE_SINCE, "0.3.0"):
            book.require_readable(minimum)


def test_a_mark_that_says_nothing_and_an_empty_table_are_not_the_canonical_text():
    document = json.loads(BOOK.to_bytes())
    document["masters"]["organisations"][0]["private"] = False
    empty = json.loads(sample().to_bytes()) | {"private_table": None}
    for each in (document, empty):
        with pytest.raises(Refusal) as refused:
            parse(json.dumps(each, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode())
        assert "not the canonical text" in refused.value.detail


# Any rows at all

CODES = [each.code for each in BOOK.masters.organisations]
KINDS = [kind for kind in OrganisationKind if kind not in BYSTANDERS]
PARTIES = st.builds(
    Parties,
    kinds=st.lists(st.sampled_from(KINDS), max_size=3, unique=True).map(tuple),
    codes=st.lists(st.sampled_from(CODES), max_size=2, unique=True).map(tuple),
    excluded=st.lists(st.sampled_from(CODES), max_size=2, unique=True).map(tuple),
)
MARKS = st.fixed_dictionaries(
    {code: st.booleans() for code in (INSURER, PRIVATE_INSURER)},
)


def marked(marks):
    """The small masters with the two insurers public or private, as it comes."""
    organisations = tuple(
        msgspec.structs.replace(each, private=marks.get(each.code, each.private)) for each in BOOK.masters.organisations
    )
    return replace(BOOK.masters, organisations=organisations)


def prefixes(row):
    """Whoever asks whomever for what a row gives."""
    for inquirer in CODES:
        for provider in CODES:
            yield Prefix(inquirer, row.affair, CLAIMS[1] if row.affair == CLAIMS[0] else VACCINATION[1], provider, TAX)


@settings(deadline=None, max_examples=150)
@given(marks=MARKS, inquirers=PARTIES, providers=PARTIES, private=st.booleans())
def test_no_row_of_one_table_lets_the_bodies_of_the_other_ask(marks, inquirers, providers, private):
    """Whatever a row names: it is refused when the table is made, or lets only its own bodies ask."""
    masters = marked(marks)
    row = msgspec.structs.replace((PRIVATE if private else PUBLIC).rows[0], inquirers=inquirers, providers=providers)
    try:
        made = Whitelist(BOOK.whitelist.edition, (row,), masters, private)
    except LawError:
        event("refused")
        return
    event("made")
    none = Whitelist(BOOK.whitelist.edition, (), masters)
    tables = (none, made) if private else (made, None)
    book = Lawbook(1, FIRST, masters, tables[0], BOOK.assessments, tables[1])
    allowed = [each for each in prefixes(row) if bears(book, each)]
    assert all(masters.is_private(each.inquirer) is private for each in allowed)
    assert not any(masters.is_private(each.inquirer) and masters.is_private(each.provider) for each in allowed)
    by_kind = [each for each in allowed if each.provider not in providers.codes]
    assert not any(masters.is_private(each.provider) for each in by_kind)
    assert [each for each in prefixes(row) if bears(made, each)] == allowed


def bears(table, prefix):
    try:
        table.allows(prefix, FIRST)
    except Refusal:
        return False
    return True
