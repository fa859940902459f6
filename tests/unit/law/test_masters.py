from dataclasses import replace

import msgspec
import pytest

from nakadachi.law.masters import OrganisationKind, load_masters
from nakadachi.law.reading import LawError, read_code, write_code
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, InfoNameCode, ItemCode, OrganisationCode, ProcedureCode


def problems_of(texts):
    with pytest.raises(LawError) as wrong:
        load_masters(texts)
    return wrong.value.problems


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 5000])
def test_a_file_that_ends_the_reader_of_toml_is_a_problem_like_any_other(master_texts, text):
    (told,) = [each for each in problems_of(master_texts | {"affairs.toml": text}) if "affairs" in each]
    assert told.startswith("masters/affairs.toml, whole file: not TOML")


@pytest.mark.parametrize("name", ["\\u0000市", "甲\\u0007市", "甲\\n市", "甲市\\n"])
def test_a_name_without_a_word_for_every_database_is_a_problem(master_texts, name):
    text = master_texts["organisations.toml"].replace("甲市", name)
    assert "name_ja" in "".join(problems_of(master_texts | {"organisations.toml": text}))


def test_what_the_masters_hold_is_found_by_its_code(master_texts):
    masters = load_masters(master_texts)
    assert masters.edition.version == "test-1"
    assert masters.organisation(OrganisationCode("0000000000000001")).name_en == "City A"
    assert masters.affair(AffairCode("JM00000000000001")).name_ja == "手当"
    assert masters.procedure(ProcedureCode("JT00000000000002")).name_en == "Report"
    assert masters.information(InfoNameCode("TM00000000000002")).name_en == "Resident"
    assert masters.item(ItemCode("TM00000000000001-0001")).value == "amount"


def test_a_code_the_masters_do_not_have_is_refused(master_texts):
    masters = load_masters(master_texts)
    with pytest.raises(Refusal) as refused:
        masters.organisation(OrganisationCode("0000000000000007"))
    assert refused.value.reason is Reason.NOT_IN_TABLE
    assert "no organisation 0000000000000007" in refused.value.detail


def test_a_kind_names_all_its_organisations(master_texts):
    names = [each.name_en for each in load_masters(master_texts).of_kind(OrganisationKind.MUNICIPALITY)]
    assert names == ["City A", "City B"]


def test_items_that_need_consent_are_told_apart(master_texts):
    masters = load_masters(master_texts)
    items = [ItemCode("TM00000000000001-0001"), ItemCode("TM00000000000001-0003")]
    assert masters.consent_required(items) == (ItemCode("TM00000000000001-0003"),)


def test_a_code_is_given_once(master_texts):
    doubled = master_texts["affairs.toml"].replace("JT00000000000003", "JT00000000000001")
    assert problems_of(master_texts | {"affairs.toml": doubled}) == (
        "masters/affairs.toml, JT00000000000001: the code is given 2 times. Mend: give each entry its own.",
    )


def test_an_item_stands_under_its_information_name(master_texts):
    moved = master_texts["informations.toml"].replace("TM00000000000002-0001", "TM00000000000003-0001")
    (told,) = problems_of(master_texts | {"informations.toml": moved})
    assert told.startswith("masters/informations.toml, TM00000000000003-0001: the item stands under TM00000000000002.")


def test_every_wrong_field_is_told_at_once_with_its_file_entry_and_mend(master_texts):
    bad = '[[organisation]]\ncode = "12"\nname_ja = "甲市"\nkind = "town"\nboss = "?"\n'
    told = problems_of(master_texts | {"organisations.toml": bad, "affairs.toml": "[[affair", "version.toml": " "})
    assert all(each.startswith("masters/") and "Mend: " in each for each in told)
    joined = "\n".join(told)
    for words in (
        "masters/version.toml, whole file: it is missing or empty",
        "masters/organisations.toml, organisation 1: the field `boss` is not known",
        "masters/organisations.toml, organisation 1: the field `code` does not read",
        "masters/organisations.toml, organisation 1: the field `name_en` is missing. Mend: add `name_en = …`",
        "masters/organisations.toml, organisation 1: the field `kind` does not read",
        "masters/affairs.toml, whole file: not TOML",
    ):
        assert words in joined


def test_a_missing_file_a_file_without_entries_and_a_stray_table_are_told(master_texts):
    del master_texts["informations.toml"]
    stray = '[[affairs]]\ncode = "JM00000000000001"\n'
    plain = "organisation = [1]\n"
    told = "\n".join(problems_of(master_texts | {"affairs.toml": stray, "organisations.toml": plain}))
    assert "masters/informations.toml, whole file: it is missing or empty" in told
    assert "masters/affairs.toml, affairs: it does not belong here" in told
    assert "masters/affairs.toml, affair: there is no entry" in told
    assert "masters/organisations.toml, organisation 1: it is not a table" in told


def test_an_affair_without_procedures_is_no_affair(master_texts):
    bare = '[[affair]]\ncode = "JM00000000000001"\nname_ja = "手当"\nname_en = "Allowance"\nprocedures = []\n'
    (told,) = problems_of(master_texts | {"affairs.toml": bare})
    assert "the field `procedures` does not read" in told


def test_only_codes_are_words_of_the_law():
    assert write_code(AffairCode("JM00000000000001")) == "JM00000000000001"
    with pytest.raises(NotImplementedError, match="object is not a word of the law"):
        write_code(object())
    with pytest.raises(ValueError, match="expected AffairCode as text"):
        read_code(AffairCode, 1)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("JM1", AffairCode, dec_hook=read_code)


def test_masters_that_do_not_fit_are_not_made(master_texts):
    masters = load_masters(master_texts)
    with pytest.raises(LawError, match="the code is given 2 times"):
        replace(masters, organisations=masters.organisations * 2)
