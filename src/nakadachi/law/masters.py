"""The masters of the network: who takes part, for which affairs, with what information; they never hold a person.

Source: 003 tables 19 to 22, requirement C16. An item's affairs (table 22, column 4) stand in the rows of the legal
table, which is the one place that says which affair may use which item.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import msgspec

from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, Code, InfoNameCode, ItemCode, OrganisationCode, ProcedureCode

T = TypeVar("T", bound=msgspec.Struct)
E = TypeVar("E")
Words = Annotated[str, msgspec.Meta(pattern=r"^(?!.*[\x00-\x1f\x7f])\S.*\S\Z")]
"""A text that says something: two characters or more, no space at either end, no control character."""


class LawError(ValueError):
    """法令データの誤り: everything that is wrong with law data, one sentence with its mend per problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


def problem(file: str, entry: str, wrong: str, mend: str) -> str:
    """One problem of law data: the file, the entry in it, what is wrong, and how to mend it."""
    return f"{file}, {entry}: {wrong}. Mend: {mend}."


class OrganisationKind(StrEnum):
    """機関の種別: what an organisation is, so that a row of the table can name thousands at once."""

    MUNICIPALITY = "municipality"
    PREFECTURE = "prefecture"
    MINISTRY = "ministry"
    INSURER = "insurer"
    UNION = "union"
    """後期高齢者医療広域連合"""
    PENSION = "pension"
    OPERATOR = "operator"
    PORTAL = "portal"
    COMMISSION = "commission"
    REGISTRY = "registry"


class ValueKind(StrEnum):
    """項目値の種別: how an item's value is written; `amount` is a whole number (yen or a count)."""

    TEXT = "text"
    DATE = "date"
    AMOUNT = "amount"
    FLAG = "flag"
    CODE = "code"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of law data; `sample` marks an invented one."""

    sample: bool = False


class Edition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """版: the version text of one body of law data and the day it takes effect."""

    version: Words
    effective: date


class Organisation(Entry, frozen=True, kw_only=True):
    """行政機関: one organisation that takes part (003 table 19)."""

    code: OrganisationCode
    name_ja: Words
    name_en: Words
    kind: OrganisationKind


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
    organisations: Iterable[Organisation], affairs: Iterable[Affair], informations: Iterable[Information]
) -> list[str]:
    """Everything in which masters do not fit together: codes given twice, items under another information name."""
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
    return problems


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


def read_edition(folder: str, texts: Mapping[str, str], problems: list[str]) -> Edition | None:
    """The edition in a folder's `version.toml`; what is wrong is added to `problems`."""
    file = f"{folder}/version.toml"
    content = read_toml(file, texts.get("version.toml"), problems)
    return read_entry(Edition, content, (file, "edition"), problems) if content else None


def read_toml(file: str, text: str | None, problems: list[str]) -> dict[str, Any]:
    """A TOML text as a dict; empty, and the reason in `problems`, where there is none or it is not TOML."""
    if not text or not text.strip():
        problems.append(problem(file, "whole file", "it is missing or empty", "write it"))
        return {}
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:  # a number of thousands of digits, brackets in thousands of brackets
        problems.append(problem(file, "whole file", f"not TOML: {wrong}", "correct that line"))
        return {}


def read_entries(
    file: str, content: Mapping[str, Any], wanted: tuple[str, type[T]], problems: list[str]
) -> tuple[T, ...]:
    """The entries of `[[table]]` in a file that holds no other table; the broken ones left out and reported."""
    table, kind = wanted
    mend = f"write [[{table}]] entries only"
    problems += [problem(file, other, "it does not belong here", mend) for other in sorted(content.keys() - {table})]
    raws = content.get(table)
    if not isinstance(raws, list) or not raws:
        problems.append(problem(file, table, "there is no entry", f"write [[{table}]] entries"))
        return ()
    read = (read_entry(kind, raw, (file, f"{table} {n}"), problems) for n, raw in enumerate(raws, start=1))
    return tuple(each for each in read if each is not None)


def read_entry(kind: type[T], raw: object, at: tuple[str, str], problems: list[str]) -> T | None:
    """One entry, each field on its own so that every wrong one is reported; None where any is wrong."""
    if not isinstance(raw, dict):
        problems.append(problem(*at, "it is not a table", "write its fields as key = value"))
        return None
    fields = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    before, values = len(problems), {}
    for name in sorted(raw.keys() - fields.keys()):
        mend = f"take it out or spell it as one of {', '.join(sorted(fields))}"
        problems.append(problem(*at, f"the field `{name}` is not known", mend))
    for name, each in fields.items():
        if name not in raw:
            if each.required:
                problems.append(problem(*at, f"the field `{name}` is missing", f"add `{name} = …`"))
            continue
        try:
            values[each.name] = msgspec.convert(raw[name], each.type, dec_hook=read_code)
        except msgspec.ValidationError as wrong:
            problems.append(problem(*at, f"the field `{name}` does not read: {wrong}", "correct the value"))
    return kind(**values) if len(problems) == before else None


def write_code(value: object) -> str:
    """A code as JSON text; msgspec's hook. Raises NotImplementedError for anything else."""
    if isinstance(value, Code):
        return value.value
    msg = f"{type(value).__name__} is not a word of the law"
    raise NotImplementedError(msg)


def read_code(kind: type, value: object) -> Any:
    """A code from text; msgspec's hook. Raises ValueError where it has not the shape."""
    if issubclass(kind, Code) and isinstance(value, str):
        return kind(value)
    msg = f"expected {kind.__name__} as text"
    raise ValueError(msg)
