"""The legal table: who may ask whom for what, for which affair, on which day; it knows codes and dates, no person.

There are two, one for what public bodies may ask and one for private bodies (R7); a row of one never lets the others
ask. Requirements C9, I2 and R7; what a row is stands in `rows`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Any

from nakadachi.law.masters import Masters, OrganisationKind
from nakadachi.law.reading import Edition, LawError, problem
from nakadachi.law.rows import PRIVATE_FOLDER, PUBLIC_FOLDER, LegalRow, Parties, read_table
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import ItemCode, Prefix

BYSTANDERS = frozenset(
    {OrganisationKind.OPERATOR, OrganisationKind.PORTAL, OrganisationKind.COMMISSION, OrganisationKind.REGISTRY}
)
"""Kinds that run or watch the network: no row of the table may make them an inquirer or a provider."""


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
class _Side:
    """One side of a row: whom its kinds name (`private` bodies or public ones), and whether its codes must be such
    bodies too.
    """

    name: str
    parties: Parties
    private: bool
    strict: bool = True


def _sides(row: LegalRow, *, private: bool) -> tuple[_Side, _Side]:
    """Who asks and who is asked under a row of the public or the `private` bodies' table.

    Between private bodies the network carries nothing (002). A public body may ask a private one that is named by its
    code, so that a kind which public bodies share never draws private ones in.
    """
    return _Side("inquirers", row.inquirers, private), _Side("providers", row.providers, private=False, strict=private)


@dataclass(frozen=True, slots=True)
class Whitelist:
    """ホワイトリスト: the rows of one edition over their masters. Raises LawError where they do not fit.

    `private` tells whose table it is: private bodies' (R7), or public bodies'. It lets nobody else ask.
    """

    edition: Edition
    rows: tuple[LegalRow, ...]
    masters: Masters
    private: bool = False
    _lines: dict[tuple[str, str], tuple[_Line, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = [wrong for row in self.rows for wrong in self._row_problems(row)]
        twice = {name for name, times in Counter(row.id for row in self.rows).items() if times > 1}
        again = [row for row in self.rows if row.id in twice]
        problems += [self._wrong(row, "it is there twice", "give each its own part") for row in again]
        lines: dict[tuple[str, str], tuple[_Line, ...]] = {}
        for line in _lines_of(self.rows, self.masters, private=self.private):
            key = (line.row.affair.value, line.row.information.value)
            lines[key] = (*lines.get(key, ()), line)
        for same in lines.values():
            for one, other in combinations(same, 2):
                if one.meets(other) and one.row.id != other.row.id:
                    wrong = f"it allows the same as {other.row.id} on some day"
                    problems.append(self._wrong(one.row, wrong, "make one of the two, or part their days or parties"))
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
        whose = "the private bodies' table: " if self.private else ""
        raise Refusal(Reason.NOT_IN_TABLE, whose + self._why_not(prefix, on))

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

    def _wrong(self, row: LegalRow, wrong: str, mend: str) -> str:
        folder = PRIVATE_FOLDER if self.private else PUBLIC_FOLDER
        return problem(f"{folder}/{row.number}.toml", f"grant {row.part}", wrong, mend)

    def _row_problems(self, row: LegalRow) -> Iterator[str]:
        """What in a row does not fit the masters or itself."""
        masters = self.masters
        if row.last_day is not None and row.last_day < row.first_day:
            yield self._wrong(
                row, f"it ends on {row.last_day}, before its first day {row.first_day}", "correct from or until"
            )
        affairs = {each.code: {one.code for one in each.procedures} for each in masters.affairs}
        informations = {each.code: {one.code for one in each.items} for each in masters.informations}
        wanted: tuple[tuple[str, Iterable[Any], Iterable[Any], str], ...] = (
            ("affair", (row.affair,), affairs, "affairs.toml"),
            ("procedure of the affair", row.procedures, affairs.get(row.affair, row.procedures), "affairs.toml"),
            ("information name", (row.information,), informations, "informations.toml"),
            (
                "item of the information name",
                row.items,
                informations.get(row.information, row.items),
                "informations.toml",
            ),
        )
        for what, used, known, file in wanted:
            for code in used:
                if code not in known:
                    yield self._wrong(row, f"{code} is no {what}", f"correct it or add it to masters/{file}")
        for name, codes in (("items", row.items), ("procedures", row.procedures)):
            if len(set(codes)) < len(codes):
                yield self._wrong(row, f"`{name}` names one twice", "name each once")
        for side in _sides(row, private=self.private):
            for wrong, mend in _party_problems(side, masters):
                yield self._wrong(row, f"`{side.name}`: {wrong}", mend)


def _resolve(parties: Parties, masters: Masters, *, private: bool) -> frozenset[str]:
    kinds, codes = frozenset(parties.kinds), frozenset(parties.codes)
    named = {
        each.code.value
        for each in masters.organisations
        if (each.kind in kinds and each.private is private) or each.code in codes
    }
    return frozenset(named - {code.value for code in parties.excluded})


def _lines_of(rows: Iterable[LegalRow], masters: Masters, *, private: bool) -> Iterator[_Line]:
    """Rows made ready; equal ranges of parties share one set, so that thousands of organisations cost little."""
    parties: dict[tuple[Parties, bool], frozenset[str]] = {}
    affairs = {each.code: each.procedures for each in masters.affairs}
    for row in rows:
        named = []
        for side in _sides(row, private=private):
            key = (side.parties, side.private)
            if key not in parties:
                parties[key] = _resolve(side.parties, masters, private=side.private)
            named.append(parties[key])
        procedures = row.procedures or tuple(each.code for each in affairs.get(row.affair, ()))
        yield _Line(
            row=row,
            inquirers=named[0],
            procedures=frozenset(each.value for each in procedures),
            providers=named[1],
            items=frozenset(each.value for each in row.items),
            first_day=row.first_day,
            last_day=row.last_day or date.max,
        )


def _party_problems(side: _Side, masters: Masters) -> Iterator[tuple[str, str]]:
    parties, known = side.parties, {each.code: each for each in masters.organisations}
    for code in (*parties.codes, *parties.excluded):
        if code not in known:
            yield f"{code} is no organisation", "correct it or add it to masters/organisations.toml"
    named = [known[code] for code in parties.codes if code in known]
    for kind in sorted({*parties.kinds, *(each.kind for each in named)} & BYSTANDERS):
        yield f"the kind {kind} takes no part in exchanges", "take it out"
    for each in named:
        if side.strict and each.private is not side.private:
            what = "is a private body" if each.private else "is no private body"
            yield f"{each.code} {what}", "take it out; each of the two tables lets its own bodies ask"
    if not _resolve(parties, masters, private=side.private):
        whom = "private body" if side.private else "organisation"
        yield f"it names no {whom}", "name a kind or a code that the masters have"


def load_whitelist(texts: Mapping[str, str], masters: Masters, *, private: bool = False) -> Whitelist:
    """The table from TOML texts by file name: `version.toml` and one `<number>.toml` per row; the `private` bodies' or
    the public ones'.

    A file holds what is common to its row and one `[[grant]]` per information name and range of providers.
    Raises LawError with every problem at once.
    """
    edition, rows, problems = read_table(texts, PRIVATE_FOLDER if private else PUBLIC_FOLDER)
    if problems or edition is None:
        raise LawError(problems)
    return Whitelist(edition, rows, masters, private)
