"""The catalogue, the codec and the words of the wire agree with one another."""

import dataclasses
import types
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest

from nakadachi.refusal import Reason
from nakadachi.telegrams.catalogue import CATALOGUE, TELEGRAMS, received_by
from nakadachi.telegrams.envelope import Answer, Pending, Refused, Telegram
from nakadachi.telegrams.permit import Opening, Permit, PermitContent, RefusalContent
from nakadachi.telegrams.provision import Body
from nakadachi.terms import Code, Role
from tools.vectors_telegrams import read

KINDS = sorted(get_args(TELEGRAMS), key=lambda kind: kind.__name__)
PLAIN = {str, int, bool, bytes, date, datetime, type(None)}
SECRET_OUTSIDE = {"IdCode", "AddresseeNumber", "FourItems", "IndividualNumber", "ResidentRecordCode", "Subject"}
PART_STRUCTS = [Permit, PermitContent, RefusalContent, Opening]


def below(kind):
    """Every subclass there is."""
    return {kind} | {deep for each in kind.__subclasses__() for deep in below(each)}


def kinds_in(hint):
    """The plain types that a field's hint is made of."""
    if get_origin(hint) is Annotated:
        return kinds_in(get_args(hint)[0])
    if get_origin(hint) in {tuple, Union, types.UnionType}:
        return {kind for each in get_args(hint) if each is not Ellipsis for kind in kinds_in(each)}
    return {hint}


def reached(kind, seen=None):
    """Every type that a struct's bytes can hold, however deep."""
    seen = set() if seen is None else seen
    for hint in get_type_hints(kind, include_extras=True).values():
        for each in kinds_in(hint):
            if each in seen:
                continue
            seen.add(each)
            if isinstance(each, type) and (issubclass(each, msgspec.Struct) or dataclasses.is_dataclass(each)):
                reached(each, seen)
    return seen


def test_the_codec_knows_the_telegrams_and_answers_of_the_catalogue_and_no_other():
    listed = {hop.telegram for hop in CATALOGUE} | {hop.answer for hop in CATALOGUE}
    assert set(KINDS) == listed | {Refused, Pending}


def test_every_telegram_there_is_stands_in_the_catalogue():
    assert below(Telegram) - {Telegram, Answer} == set(KINDS)


def test_what_answers_is_an_answer_and_what_asks_is_not():
    assert all(issubclass(hop.answer, Answer) and not issubclass(hop.telegram, Answer) for hop in CATALOGUE)


def test_a_path_has_no_stop_twice():
    assert all(len(set(hop.path)) == len(hop.path) >= 2 for hop in CATALOGUE)


def test_what_must_precede_a_telegram_is_a_telegram_of_the_catalogue_with_exchanges():
    asking = {hop.telegram for hop in CATALOGUE}
    assert all(before in asking for hop in CATALOGUE for before in hop.after)


def test_the_core_is_never_on_the_path_of_a_body():
    assert all("body" not in {part["name"] for part in read(kind.__name__)["parts"]} for kind in received_by(Role.CORE))


@pytest.mark.parametrize("kind", KINDS + PART_STRUCTS, ids=lambda kind: kind.__name__)
def test_telegrams_carry_only_words_of_the_wire(kind):
    for each in reached(kind):
        allowed = (
            each in PLAIN
            or each is Reason
            or (issubclass(each, Code | Enum) and each.__module__ == "nakadachi.terms")
            or each.__module__.startswith("nakadachi.telegrams.")
            or each.__name__ == "Prefix"
        )
        assert allowed, f"{kind.__name__} carries {each.__name__} of {each.__module__}"


@pytest.mark.parametrize("kind", [*KINDS, *PART_STRUCTS, Body], ids=lambda kind: kind.__name__)
def test_no_telegram_has_a_place_for_what_must_not_leave_a_system(kind):
    assert not {each.__name__ for each in reached(kind)} & SECRET_OUTSIDE


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_header_holds_a_word_that_names_a_person(kind):
    assert not {each.__name__ for each in reached(kind) if issubclass(each, Code) and each.SECRET}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_telegram_is_frozen_tagged_by_its_name_and_closed(kind):
    config = kind.__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    assert (config.tag_field, config.tag) == ("telegram", kind.__name__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_telegram_names_the_exchanges_that_it_carries(kind):
    names = {"serials", "statements", "completions", "closings"} & set(kind.__struct_fields__)
    assert bool(names) == ("exchanges" in vars(kind)) or issubclass(kind, Answer)
