"""The masters of the network: who takes part, for which affairs, with what information; they never hold a person.

Source: 003 tables 19 to 22, requirement C16. An item's affairs (table 22, column 4) stand in the rows of the legal
table, which is the one place that says which affair may use which item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec

from nakadachi.law.reading import (
    Edition,
    Entry,
    LawError,
    Words,
    problem,
    read_edition,
    read_entries,
    read_toml,
)
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, Code, InfoNameCode, ItemCode, OrganisationCode, ProcedureCode

T = TypeVar("T", bound=msgspec.Struct)
E = TypeVar("E")


class OrganisationKind(StrEnum):
    """機関の種別: what an organisation is, so that a row of the table can name thousands at once."""

    MUNICIPALITY = "municipality"
    PREFECTURE = "prefecture"
    MINISTRY = "ministry"
    INSURER = "insurer"
    UNION = "union"
    """後期高齢者医療広域連合"""
    PENSION = "pension"
    COMPANY = "company"
    """民間事業者: banks, insurance companies, private universities and others; each is a private body."""
    OPERATOR = "operator"
    PORTAL = "portal"
    COMMISSION = "commission"
    REGISTRY = "registry"


PRIVATE_KINDS = frozenset({OrganisationKind.INSURER, OrganisationKind.PENSION, OrganisationKind.COMPANY})
"""Kinds of which an organisation may be a private body; one of the last kind is nothing else."""


class ValueKind(StrEnum):
    """項目値の種別: how an item's value is written; `amount` is a whole number (yen or a count)."""

    TEXT = "text"
    DATE = "date"
    AMOUNT = "amount"
    FLAG = "flag"
    CODE = "code"


class Organisation(Entry, frozen=True, kw_only=True):
    """行政機関: one organisation that takes part (003 table 19).

    `private` marks a private body (民間組織): what it may ask stands in the private bodies' table alone (R7).
    """

    code: OrganisationCode
    name_ja: Words
    name_en: Words
    kind: OrganisationKind
    private: bool = False


class Procedure(Entry, frozen=True, kw_only=True):
    """事務手続: one procedure of an affair."""

    code: ProcedureCode
    name_ja: Words
    name_en: Words


class Affair(Entry, frozen=True, kw_only=True):
    """事務: one affair and its procedures (003 table 20)."""

    code: AffairCode
    name_ja: Words
    name_en: Words
    procedures: Annotated[tuple[Procedure, ...], msgspec.Meta(min_length=1)]


class Item(Entry, frozen=True, kw_only=True):
    """特定個人情報の項目: one item (003 table 22); `consent_required` needs the person's recorded consent (C12)."""

    code: ItemCode
    name_ja: Words
    name_en: Words
    value: ValueKind
    consent_required: bool = False


class Information(Entry, frozen=True, kw_only=True):
    """特定個人情報名: one information name and its items (003 table 21)."""

    code: InfoNameCode
    name_ja: Words
    name_en: Words
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Masters:
    """マスタ: organisations, affairs and information names of one edition. Raises LawError where they do not fit."""

    edition: Edition
    organisations: tuple[Organisation, ...]
    affairs: tuple[Affair, ...]
    informations: tuple[Information, ...]
    _organisations: dict[str, Organisation] = field(init=False, repr=False, compare=False)
    _affairs: dict[str, Affair] = field(init=False, repr=False, compare=False)
    _procedures: dict[str, Procedure] = field(init=False, repr=False, compare=False)
    _informations: dict[str, Information] = field(init=False, repr=False, compare=False)
    _items: dict[str, Item] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = problems_of(self.organisations, self.affairs, self.informations)
        if problems:
            raise LawError(problems)
        index = {
            "_organisations": {each.code.value: each for each in self.organisations},
            "_affairs": {each.code.value: each for each in self.affairs},
            "_procedures": {each.code.value: each for affair in self.affairs for each in affair.procedures},
            "_informations": {each.code.value: each for each in self.informations},
            "_items": {each.code.value: each for information in self.informations for each in information.items},
        }
        for name, entries in index.items():
            object.__setattr__(self, name, entries)

    def organisation(self, code: OrganisationCode) -> Organisation:
        """The organisation of a code. Raises Refusal(NOT_IN_TABLE) where the masters do not have it."""
        return _found(self._organisations, code, "organisation")

    @property
    def private_bodies(self) -> tuple[OrganisationCode, ...]:
        """The codes of all private bodies, in the masters' order."""
        return tuple(each.code for each in self.organisations if each.private)

    def is_private(self, code: OrganisationCode) -> bool:
        """Whether a code is a private body's; one that the masters do not have is not."""
        found = self._organisations.get(code.value)
        return found is not None and found.private

    def affair(self, code: AffairCode) -> Affair:
        """The affair of a code. Raises Refusal(NOT_IN_TABLE)."""
        return _found(self._affairs, code, "affair")

    def procedure(self, code: ProcedureCode) -> Procedure:
        """The procedure of a code. Raises Refusal(NOT_IN_TABLE)."""
        return _found(self._procedures, code, "procedure")

    def information(self, code: InfoNameCode) -> Information:
        """The information name of a code. Raises Refusal(NOT_IN_TABLE)."""
        return _found(self._informations, code, "information name")

    def item(self, code: ItemCode) -> Item:
        """The item of a code. Raises Refusal(NOT_IN_TABLE)."""
        return _found(self._items, code, "item")

    def of_kind(self, kind: OrganisationKind) -> tuple[Organisation, ...]:
        """Every organisation of a kind, in the masters' order."""
        return tuple(each for each in self.organisations if each.kind is kind)

    def consent_required(self, items: Iterable[ItemCode]) -> tuple[ItemCode, ...]:
        """Those of the items that need the person's recorded consent (C12). Raises Refusal(NOT_IN_TABLE)."""
        return tuple(code for code in items if self.item(code).consent_required)


def _found(entries: Mapping[str, E], code: Code, what: str) -> E:
    found = entries.get(code.value)
    if found is None:
        raise Refusal(Reason.NOT_IN_TABLE, f"the masters have no {what} {code.value}")
    return found


def problems_of(
    organisations: Sequence[Organisation], affairs: Iterable[Affair], informations: Iterable[Information]
) -> list[str]:
    """Everything in which masters do not fit together: codes given twice, items under another information name, private
    bodies of a public body's kind.
    """
    codes: dict[str, list[Code]] = {"organisations": [each.code for each in organisations]}
    codes["affairs"] = [code for each in affairs for code in (each.code, *(one.code for one in each.procedures))]
    codes["informations"] = [code for each in informations for code in (each.code, *(one.code for one in each.items))]
    problems = [
        problem(f"masters/{table}.toml", code.value, f"the code is given {times} times", "give each entry its own")
        for table, given in codes.items()
        for code, times in Counter(given).items()
        if times > 1
    ]
    for information in informations:
        for item in information.items:
            if item.code.information != information.code:
                at, wrong = ("masters/informations.toml", item.code.value), f"the item stands under {information.code}"
                problems.append(problem(*at, wrong, "move it to the information name its code begins with"))
    return problems + [wrong for each in organisations for wrong in _private_problems(each)]


def _private_problems(organisation: Organisation) -> Iterator[str]:
    """A public body under a private one's kind, or the other way round."""
    at = ("masters/organisations.toml", organisation.code.value)
    if organisation.private and organisation.kind not in PRIVATE_KINDS:
        yield problem(*at, f"the kind {organisation.kind} is no private body", "take out `private` or correct `kind`")
    if organisation.kind is OrganisationKind.COMPANY and not organisation.private:
        yield problem(*at, "the kind company is a private body", "add `private = true` or correct `kind`")


def load_masters(texts: Mapping[str, str]) -> Masters:
    """The masters from TOML texts by file name: `version.toml` and one file per table. Raises LawError, all at once."""
    problems: list[str] = []
    edition = read_edition("masters", texts, problems)
    organisations = _read_table(texts, ("organisation", Organisation), problems)
    affairs = _read_table(texts, ("affair", Affair), problems)
    informations = _read_table(texts, ("information", Information), problems)
    problems += problems_of(organisations, affairs, informations)
    if problems or edition is None:
        raise LawError(problems)
    return Masters(edition, organisations, affairs, informations)


def _read_table(texts: Mapping[str, str], wanted: tuple[str, type[T]], problems: list[str]) -> tuple[T, ...]:
    name = f"{wanted[0]}s.toml"
    file = f"masters/{name}"
    content = read_toml(file, texts.get(name), problems)
    return read_entries(file, content, wanted, problems) if content else ()
