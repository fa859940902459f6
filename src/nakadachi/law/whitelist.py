"""The legal table: who may ask whom for what, for which affair, on which day; it knows codes and dates, no person.

Source: 003 table 23 and the former Appended Table 2; today orders under art. 19(8) and (9) of the Act set it, so a row
is data with its legal basis and its days, never code (facts 2.1, requirements C9 and I2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations
from typing import Annotated, Any

import msgspec

from nakadachi.law.masters import (
    Edition,
    Entry,
    LawError,
    Masters,
    OrganisationKind,
    Words,
    problem,
    read_edition,
    read_entry,
    read_toml,
)
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, InfoNameCode, ItemCode, OrganisationCode, Prefix, ProcedureCode

BYSTANDERS = frozenset(
    {OrganisationKind.OPERATOR, OrganisationKind.PORTAL, OrganisationKind.COMMISSION, OrganisationKind.REGISTRY}
)
"""Kinds that run or watch the network: no row of the table may make them an inquirer or a provider."""


class Basis(StrEnum):
    """根拠の別: an order under the Act (art. 19(8)), or an ordinance affair the Commission recognised (19(9))."""

    LAW = "law"
    ORDINANCE = "ordinance"


class Parties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """当事者の範囲: whole kinds and single organisations, less the excluded ones (art. 26: narrowed by ordinance)."""

    kinds: tuple[OrganisationKind, ...] = ()
    codes: tuple[OrganisationCode, ...] = ()
    excluded: tuple[OrganisationCode, ...] = ()


class DeemedDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """みなし提出書類: the document a provision replaces and the statute that asks for it (art. 22(2), L3)."""

    statute_ja: Words
    statute_en: Words
    document_ja: Words
    document_en: Words


class LegalRow(Entry, frozen=True, kw_only=True, rename={"first_day": "from", "last_day": "until"}):
    """法定事項の一行: one row of the table and, of it, one part (one information name from one range of providers).

    `number` is the file's name, `part` counts from 1; no procedures means all of the affair's; `last_day` is the last
    day in force, None while no end is set.
    """

    number: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{3}(-[0-9]{1,2})?$")]
    part: Annotated[int, msgspec.Meta(ge=1, le=999)]
    text_ja: Words
    text_en: Words
    citation_ja: Words
    citation_en: Words
    modelled_on: Words
    inquirers: Parties
    affair: AffairCode
    providers: Parties
    information: InfoNameCode
    items: Annotated[tuple[ItemCode, ...], msgspec.Meta(min_length=1)]
    first_day: date
    last_day: date | None = None
    procedures: tuple[ProcedureCode, ...] = ()
    basis: Basis = Basis.LAW
    deemed_document: DeemedDocument | None = None

    @property
    def id(self) -> str:
        """How a permit names this row: number, a point, part."""
        return f"{self.number}.{self.part}"


@dataclass(frozen=True, slots=True)
class _Line:
    """A row made ready for look-up: parties and procedures resolved to sets of code texts."""

    row: LegalRow
    inquirers: frozenset[str]
    procedures: frozenset[str]
    providers: frozenset[str]
    items: frozenset[str]
    first_day: date
    last_day: date

    def meets(self, other: _Line) -> bool:
        """Whether some prefix on some day would fall under both, their items apart."""
        return (
            self.first_day <= other.last_day
            and other.first_day <= self.last_day
            and not self.procedures.isdisjoint(other.procedures)
            and not self.providers.isdisjoint(other.providers)
            and not self.inquirers.isdisjoint(other.inquirers)
        )


@dataclass(frozen=True, slots=True)
class Whitelist:
    """ホワイトリスト: the rows of one edition over their masters. Raises LawError where they do not fit."""

    edition: Edition
    rows: tuple[LegalRow, ...]
    masters: Masters
    _lines: dict[tuple[str, str], tuple[_Line, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = [wrong for row in self.rows for wrong in _row_problems(row, self.masters)]
        twice = {name for name, times in Counter(row.id for row in self.rows).items() if times > 1}
        problems += [_wrong(row, "it is there twice", "give each its own part") for row in self.rows if row.id in twice]
        lines: dict[tuple[str, str], tuple[_Line, ...]] = {}
        for line in _lines_of(self.rows, self.masters):
            key = (line.row.affair.value, line.row.information.value)
            lines[key] = (*lines.get(key, ()), line)
        for same in lines.values():
            for one, other in combinations(same, 2):
                if one.meets(other) and one.row.id != other.row.id:
                    wrong = f"it allows the same as {other.row.id} on some day"
                    problems.append(_wrong(one.row, wrong, "make one of the two, or part their days or parties"))
        if problems:
            raise LawError(problems)
        object.__setattr__(self, "_lines", lines)

    @property
    def version(self) -> str:
        """The version text of this edition of the table."""
        return self.edition.version

    def allows(self, prefix: Prefix, on: date) -> LegalRow:
        """The one row that allows a prefix on a day (Japan's calendar). Raises Refusal(NOT_IN_TABLE), saying why."""
        inquirer, provider = prefix.inquirer.value, prefix.provider.value
        procedure = prefix.procedure.value
        for line in self._lines.get((prefix.affair.value, prefix.information.value), ()):
            if (
                line.first_day <= on <= line.last_day
                and inquirer in line.inquirers
                and provider in line.providers
                and procedure in line.procedures
                and inquirer != provider
                and all(item.value in line.items for item in prefix.items)
            ):
                return line.row
        raise Refusal(Reason.NOT_IN_TABLE, self._why_not(prefix, on))

    def allowed_items(self, prefix: Prefix, on: date) -> tuple[ItemCode, ...]:
        """The items a permit for a prefix names, in the row's order: those asked for, or all where none is named.

        Raises Refusal(NOT_IN_TABLE) as `allows` does.
        """
        row = self.allows(prefix, on)
        if not prefix.items:
            return row.items
        return tuple(item for item in row.items if item in prefix.items)

    def row(self, name: str) -> LegalRow:
        """The row of an id such as `042.1`. Raises Refusal(NOT_IN_TABLE)."""
        for each in self.rows:
            if each.id == name:
                return each
        raise Refusal(Reason.NOT_IN_TABLE, f"the table has no row {name[:20]!r}")

    def _why_not(self, prefix: Prefix, on: date) -> str:
        """The first part of a prefix at which no row is left; only ever called when none allows it."""
        if prefix.inquirer == prefix.provider:
            return f"inquirer and provider are one organisation: {prefix.inquirer}"
        lines = [each for (affair, _), same in self._lines.items() if affair == prefix.affair.value for each in same]
        tests: tuple[tuple[str, Callable[[_Line], bool]], ...] = (
            (f"no row for the affair {prefix.affair}", lambda _: True),
            (f"no row gives {prefix.information} for it", lambda each: each.row.information == prefix.information),
            (f"{prefix.inquirer} is no inquirer of it", lambda each: prefix.inquirer.value in each.inquirers),
            (f"not for the procedure {prefix.procedure}", lambda each: prefix.procedure.value in each.procedures),
            (f"{prefix.provider} is no provider of it", lambda each: prefix.provider.value in each.providers),
            (f"not in force yet on {on}", lambda each: each.first_day <= on),
            (f"expired before {on}", lambda each: on <= each.last_day),
        )
        for wrong, test in tests:
            lines = [each for each in lines if test(each)]
            if not lines:
                return wrong
        more = [item.value for item in prefix.items if item.value not in lines[0].items]
        return f"item not allowed by row {lines[0].row.id}: {', '.join(more)}"


def _wrong(row: LegalRow, wrong: str, mend: str) -> str:
    return problem(f"table2/{row.number}.toml", f"grant {row.part}", wrong, mend)


def _resolve(parties: Parties, masters: Masters) -> frozenset[str]:
    kinds, codes = frozenset(parties.kinds), frozenset(parties.codes)
    named = {each.code.value for each in masters.organisations if each.kind in kinds or each.code in codes}
    return frozenset(named - {code.value for code in parties.excluded})


def _lines_of(rows: Iterable[LegalRow], masters: Masters) -> Iterator[_Line]:
    """Rows made ready; equal ranges of parties share one set, so that thousands of organisations cost little."""
    parties: dict[Parties, frozenset[str]] = {}
    affairs = {each.code: each.procedures for each in masters.affairs}
    for row in rows:
        for each in (row.inquirers, row.providers):
            if each not in parties:
                parties[each] = _resolve(each, masters)
        procedures = row.procedures or tuple(each.code for each in affairs.get(row.affair, ()))
        yield _Line(
            row=row,
            inquirers=parties[row.inquirers],
            procedures=frozenset(each.value for each in procedures),
            providers=parties[row.providers],
            items=frozenset(each.value for each in row.items),
            first_day=row.first_day,
            last_day=row.last_day or date.max,
        )


def _row_problems(row: LegalRow, masters: Masters) -> Iterator[str]:
    """What in a row does not fit the masters or itself."""
    if row.last_day is not None and row.last_day < row.first_day:
        yield _wrong(row, f"it ends on {row.last_day}, before its first day {row.first_day}", "correct from or until")
    affairs = {each.code: {one.code for one in each.procedures} for each in masters.affairs}
    informations = {each.code: {one.code for one in each.items} for each in masters.informations}
    wanted: tuple[tuple[str, Iterable[Any], Iterable[Any], str], ...] = (
        ("affair", (row.affair,), affairs, "affairs.toml"),
        ("procedure of the affair", row.procedures, affairs.get(row.affair, row.procedures), "affairs.toml"),
        ("information name", (row.information,), informations, "informations.toml"),
        ("item of the information name", row.items, informations.get(row.information, row.items), "informations.toml"),
    )
    for what, used, known, file in wanted:
        for code in used:
            if code not in known:
                yield _wrong(row, f"{code} is no {what}", f"correct it or add it to masters/{file}")
    for name, codes in (("items", row.items), ("procedures", row.procedures)):
        if len(set(codes)) < len(codes):
            yield _wrong(row, f"`{name}` names one twice", "name each once")
    for name, parties in (("inquirers", row.inquirers), ("providers", row.providers)):
        yield from (_wrong(row, f"`{name}`: {wrong}", mend) for wrong, mend in _party_problems(parties, masters))


def _party_problems(parties: Parties, masters: Masters) -> Iterator[tuple[str, str]]:
    known = {each.code: each.kind for each in masters.organisations}
    for code in (*parties.codes, *parties.excluded):
        if code not in known:
            yield f"{code} is no organisation", "correct it or add it to masters/organisations.toml"
    for kind in sorted({*parties.kinds, *(known[code] for code in parties.codes if code in known)} & BYSTANDERS):
        yield f"the kind {kind} takes no part in exchanges", "take it out"
    if not _resolve(parties, masters):
        yield "it names no organisation", "name a kind or a code that the masters have"


def load_whitelist(texts: Mapping[str, str], masters: Masters) -> Whitelist:
    """The table from TOML texts by file name: `version.toml` and one `<number>.toml` per row.

    A file holds what is common to its row and one `[[grant]]` per information name and range of providers.
    Raises LawError with every problem at once.
    """
    edition, rows, problems = read_table(texts)
    if problems or edition is None:
        raise LawError(problems)
    return Whitelist(edition, rows, masters)


def read_table(texts: Mapping[str, str]) -> tuple[Edition | None, tuple[LegalRow, ...], list[str]]:
    """The edition and rows as far as they read, and every problem of their form."""
    problems: list[str] = []
    edition = read_edition("table2", texts, problems)
    rows: list[LegalRow | None] = []
    for name in sorted(texts.keys() - {"version.toml"}):
        file = f"table2/{name}"
        common = read_toml(file, texts[name], problems)
        grants = common.pop("grant", None)
        if not isinstance(grants, list) or not grants:
            problems.append(problem(file, "grant", "there is no entry", "write [[grant]] entries"))
            continue
        for part, grant in enumerate(grants, start=1):
            named = {"number": name.removesuffix(".toml"), "part": part}
            raw = {**common, **grant, **named} if isinstance(grant, dict) else grant
            rows.append(read_entry(LegalRow, raw, (file, f"grant {part}"), problems))
    return edition, tuple(each for each in rows if each is not None), problems
