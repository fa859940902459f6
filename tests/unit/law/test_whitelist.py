from dataclasses import replace
from datetime import date

import pytest

from nakadachi.law.masters import load_masters
from nakadachi.law.reading import LawError
from nakadachi.law.rows import Basis
from nakadachi.law.whitelist import load_whitelist
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, InfoNameCode, ItemCode, OrganisationCode, Prefix, ProcedureCode

DAY = date(2026, 6, 1)
A, B, C = (OrganisationCode(f"{n:016d}") for n in (1, 2, 3))
INCOME, YEAR, CHECK_UP = (ItemCode(f"TM00000000000001-{n:04d}") for n in (1, 2, 3))
ASK = Prefix(
    inquirer=A,
    affair=AffairCode("JM00000000000001"),
    procedure=ProcedureCode("JT00000000000001"),
    provider=B,
    information=InfoNameCode("TM00000000000001"),
)
SECOND = """
[[grant]]
information = "TM00000000000001"
providers = { codes = ["0000000000000002"] }
procedures = ["JT00000000000002"]
items = ["TM00000000000001-0002"]
"""


@pytest.fixture
def masters(master_texts):
    return load_masters(master_texts)


@pytest.fixture
def table(table_texts, masters):
    return load_whitelist(table_texts, masters)


def why_not(table, prefix, on=DAY):
    with pytest.raises(Refusal) as refused:
        table.allows(prefix, on)
    assert refused.value.reason is Reason.NOT_IN_TABLE
    return refused.value.detail


def problems_with(masters, texts):
    with pytest.raises(LawError) as wrong:
        load_whitelist(texts, masters)
    assert all(each.startswith("table2/") and "Mend: " in each for each in wrong.value.problems)
    return "\n".join(wrong.value.problems)


def test_a_prefix_the_table_lists_is_allowed_by_its_row(table):
    row = table.allows(ASK, DAY)
    assert row.id == "001.1"
    assert row.basis is Basis.LAW
    assert table.version == "test-1"
    assert table.row("001.1") is row


def test_a_row_that_is_not_there_is_refused(table):
    with pytest.raises(Refusal) as refused:
        table.row("009.1")
    assert refused.value.reason is Reason.NOT_IN_TABLE


def test_a_line_of_the_law_counts_from_its_first_day_to_its_last(table):
    assert table.allows(ASK, date(2026, 4, 1)) is table.allows(ASK, date(2027, 3, 31))
    assert why_not(table, ASK, date(2026, 3, 31)) == "not in force yet on 2026-03-31"
    assert why_not(table, ASK, date(2027, 4, 1)) == "expired before 2027-04-01"


def test_the_refusal_says_which_part_fails(table):
    assert why_not(table, replace(ASK, affair=AffairCode("JM00000000000002"))).startswith("no row for the affair")
    assert why_not(table, replace(ASK, information=InfoNameCode("TM00000000000002"))).startswith("no row gives TM")
    assert why_not(table, replace(ASK, inquirer=C)) == f"{C} is no inquirer of it"
    assert why_not(table, replace(ASK, procedure=ProcedureCode("JT00000000000002"))).startswith("not for the procedure")
    assert why_not(table, replace(ASK, provider=OrganisationCode("0000000000000009"))).endswith("is no provider of it")
    assert why_not(table, replace(ASK, items=(INCOME, CHECK_UP))) == f"item not allowed by row 001.1: {CHECK_UP}"


def test_nobody_asks_itself_over_the_network(table):
    assert why_not(table, replace(ASK, provider=A)).startswith("inquirer and provider are one organisation")


def test_no_items_named_means_all_the_row_allows(table):
    assert table.allowed_items(ASK, DAY) == (INCOME, YEAR)


def test_items_named_come_back_in_the_rows_order_each_once(table):
    assert table.allowed_items(replace(ASK, items=(YEAR, INCOME, YEAR)), DAY) == (INCOME, YEAR)
    assert table.allowed_items(replace(ASK, items=(YEAR,)), DAY) == (YEAR,)
    with pytest.raises(Refusal):
        table.allowed_items(replace(ASK, items=(CHECK_UP,)), DAY)


def test_two_parts_may_share_affair_and_information_when_their_procedures_differ(table_texts, masters):
    table = load_whitelist(table_texts | {"001.toml": table_texts["001.toml"] + SECOND}, masters)
    report = replace(ASK, procedure=ProcedureCode("JT00000000000002"))
    assert table.allows(report, DAY).id == "001.2"
    assert table.allows(ASK, DAY).id == "001.1"
    assert why_not(table, replace(report, provider=C)) == f"{C} is no provider of it"


def test_no_procedures_named_means_all_of_the_affairs(table_texts, masters):
    whole = table_texts["001.toml"].replace('procedures = ["JT00000000000001"]\n', "")
    table = load_whitelist(table_texts | {"001.toml": whole}, masters)
    assert table.allows(replace(ASK, procedure=ProcedureCode("JT00000000000002")), DAY).id == "001.1"


def test_a_provider_that_narrowed_by_ordinance_is_no_provider(table_texts, masters):
    kinds = 'providers = { kinds = ["municipality", "prefecture"]'
    narrowed = table_texts["001.toml"].replace(kinds, kinds + f', excluded = ["{B}"]')
    table = load_whitelist(table_texts | {"001.toml": narrowed}, masters)
    assert why_not(table, ASK) == f"{B} is no provider of it"
    assert table.allows(replace(ASK, provider=C), DAY).id == "001.1"


def test_one_prefix_falls_under_one_row_only(table_texts, masters):
    told = problems_with(masters, table_texts | {"002.toml": table_texts["001.toml"]})
    assert told == (
        "table2/001.toml, grant 1: it allows the same as 002.1 on some day. "
        "Mend: make one of the two, or part their days or parties."
    )


def test_a_row_may_follow_one_that_ended_on_the_day_before(table_texts, masters):
    later = table_texts["001.toml"].replace("from = 2026-04-01", "from = 2027-04-01").replace("until = 2027-03-31", "")
    table = load_whitelist(table_texts | {"002.toml": later}, masters)
    assert table.allows(ASK, date(2027, 3, 31)).number == "001"
    assert table.allows(ASK, date(2027, 4, 1)).number == "002"
    assert table.allows(ASK, date(2099, 1, 1)).number == "002"


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("JM00000000000001", "JM00000000000009", "JM00000000000009 is no affair"),
        ("JT00000000000001", "JT00000000000003", "JT00000000000003 is no procedure of the affair"),
        ('"TM00000000000001"', '"TM00000000000009"', "TM00000000000009 is no information name"),
        ("TM00000000000001-0002", "TM00000000000002-0001", "TM00000000000002-0001 is no item of the information name"),
        ("TM00000000000001-0002", "TM00000000000001-0001", "`items` names one twice"),
        ('["JT00000000000001"]', '["JT00000000000001", "JT00000000000001"]', "`procedures` names one twice"),
        ("until = 2027-03-31", "until = 2026-03-31", "it ends on 2026-03-31, before its first day 2026-04-01"),
        ('{ kinds = ["municipality"] }', "{}", "`inquirers`: it names no organisation"),
        ('{ kinds = ["municipality"] }', '{ codes = ["0000000000000008"] }', "0000000000000008 is no organisation"),
        ('{ kinds = ["municipality"] }', '{ kinds = ["operator"] }', "`inquirers`: the kind operator takes no part"),
        ('{ kinds = ["municipality"] }', '{ codes = ["0000000000000009"] }', "the kind operator takes no part"),
        ("from = 2026-04-01", 'from = "soon"', "the field `from` does not read"),
        ("[[grant]]", "[[grants]]", "table2/001.toml, grant: there is no entry"),
    ],
)
def test_a_row_that_does_not_fit_is_told_with_its_file_and_mend(table_texts, masters, was, becomes, told):
    assert told in problems_with(masters, table_texts | {"001.toml": table_texts["001.toml"].replace(was, becomes)})


def test_the_number_of_a_row_is_the_name_of_its_file(table_texts, masters):
    told = problems_with(masters, {"version.toml": table_texts["version.toml"], "first.toml": table_texts["001.toml"]})
    assert "table2/first.toml, grant 1: the field `number` does not read" in told


def test_a_grant_that_is_no_table_and_a_missing_edition_are_told(table_texts, masters):
    told = problems_with(masters, {"001.toml": "grant = [1]", "002.toml": table_texts["001.toml"]})
    assert "table2/version.toml, whole file: it is missing or empty" in told
    assert "table2/001.toml, grant 1: it is not a table" in told


def test_a_row_is_there_once(table):
    with pytest.raises(LawError, match="it is there twice"):
        replace(table, rows=(table.rows[0], table.rows[0]))
