"""The lawbook: masters, legal tables and assessments of one version, as the bytes that are signed and distributed.

Requirements C16, I13, L2, R7, design 2.11. It holds no key and no person; whoever reads it checks its signatures first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal, TypeVar

import msgspec

from nakadachi.law.assessments import FILE, Assessment, Assessments, load_assessments
from nakadachi.law.directory import is_older
from nakadachi.law.masters import Affair, Information, Masters, Organisation, load_masters
from nakadachi.law.reading import Edition, LawError, problem, read_code, write_code
from nakadachi.law.rows import PRIVATE_FOLDER, PUBLIC_FOLDER, LegalRow, read_table
from nakadachi.law.whitelist import Whitelist
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import ItemCode, OrganisationCode, Prefix

PRIVATE_SINCE = "0.2.0"
"""The first version that reads a law book with private bodies: their mark, their kind and their table."""

T = TypeVar("T")
VersionNumber = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class _Masters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    edition: Edition
    organisations: tuple[Organisation, ...]
    affairs: tuple[Affair, ...]
    informations: tuple[Information, ...]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    edition: Edition
    rows: tuple[LegalRow, ...]


class _Assessments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    edition: Edition
    entries: tuple[Assessment, ...]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    format: Literal[1]
    version: VersionNumber
    effective: date
    masters: _Masters
    table: _Table
    assessments: _Assessments
    private_table: _Table | None = None


_encoder = msgspec.json.Encoder(enc_hook=write_code, order="sorted")
_decoder = msgspec.json.Decoder(_Document, dec_hook=read_code)


@dataclass(frozen=True, slots=True)
class Lawbook:
    """法令データ一式: one version of all law data; a later version has a greater number.

    `effective` is the first day it is to be used, `whitelist` what public bodies may ask, `private_whitelist` what
    private bodies may (R7; None: nothing). Raises LawError where its parts do not fit one another.
    """

    version: int
    effective: date
    masters: Masters
    whitelist: Whitelist
    assessments: Assessments
    private_whitelist: Whitelist | None = None

    def __post_init__(self) -> None:
        problems = list(self.assessments.problems_with(self.masters))
        public, private = self.whitelist, self.private_whitelist
        if public.private or not (private is None or private.private):
            problems.append("a legal table stands in the place of the other. Mend: exchange them.")
        if public.masters != self.masters or (private is not None and private.masters != self.masters):
            problems.append("the legal table was made over other masters. Mend: load both from one lawbook.")
        problems += _shared_rows(public, private)
        if problems:
            raise LawError(problems)

    def table_of(self, inquirer: OrganisationCode) -> Whitelist:
        """The one table that says what an organisation may ask. Raises Refusal(NOT_IN_TABLE) where it has none."""
        if not self.masters.is_private(inquirer):
            return self.whitelist
        if self.private_whitelist is None:
            raise Refusal(Reason.NOT_IN_TABLE, f"{inquirer} is a private body, and there is no table for such")
        return self.private_whitelist

    def allows(self, prefix: Prefix, on: date) -> LegalRow:
        """The one row that allows a prefix on a day (Japan's calendar). Raises Refusal(NOT_IN_TABLE), saying why."""
        return self.table_of(prefix.inquirer).allows(prefix, on)

    def allowed_items(self, prefix: Prefix, on: date) -> tuple[ItemCode, ...]:
        """The items a permit for a prefix names, in the row's order: those asked for, or all where none is named.

        Raises Refusal(NOT_IN_TABLE) as `allows` does.
        """
        return self.table_of(prefix.inquirer).allowed_items(prefix, on)

    @property
    def readable_since(self) -> str | None:
        """The first version of nodes that read it; None where all do."""
        return PRIVATE_SINCE if self.private_whitelist or self.masters.private_bodies else None

    def require_readable(self, minimum: str) -> None:
        """Every node of a directory's minimum version can read this law book: it has no private bodies before they can.

        Raises Refusal(BAD_FORMAT) (decision 0021).
        """
        since = self.readable_since
        if since is not None and is_older(minimum, since):
            detail = f"nodes before {since} refuse a law book that has private bodies; raise the minimum first"
            raise Refusal(Reason.BAD_FORMAT, detail)

    def to_bytes(self) -> bytes:
        """The canonical JSON: keys sorted, no spaces, UTF-8; one lawbook has one text, so that it can be signed."""
        masters, table, registry = self.masters, self.whitelist, self.assessments
        private = self.private_whitelist
        document = _Document(
            format=1,
            version=self.version,
            effective=self.effective,
            masters=_Masters(
                edition=masters.edition,
                organisations=masters.organisations,
                affairs=masters.affairs,
                informations=masters.informations,
            ),
            table=_Table(edition=table.edition, rows=table.rows),
            assessments=_Assessments(edition=registry.edition, entries=registry.entries),
            private_table=_Table(edition=private.edition, rows=private.rows) if private else None,
        )
        return _encoder.encode(document)


def parse(raw: bytes) -> Lawbook:
    """Any bytes become a Lawbook or Refusal(BAD_FORMAT); a text that is not the canonical one is refused too."""
    try:
        read = _decoder.decode(raw)
        kept = read.masters
        masters = Masters(kept.edition, kept.organisations, kept.affairs, kept.informations)
        whitelist = Whitelist(read.table.edition, read.table.rows, masters)
        own = read.private_table
        private = Whitelist(own.edition, own.rows, masters, private=True) if own else None
        assessments = Assessments(read.assessments.edition, read.assessments.entries)
        lawbook = Lawbook(read.version, read.effective, masters, whitelist, assessments, private)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"lawbook: {str(wrong)[:500]}") from None
    if lawbook.to_bytes() != raw:
        raise Refusal(Reason.BAD_FORMAT, "lawbook: not the canonical text of what it says")
    return lawbook


def load(folder: Traversable, version: int) -> Lawbook:
    """The lawbook of a folder with `masters/`, `table2/`, `assessments.toml` and, where private bodies may ask
    something, `private-table/`, given a version number (from 1).

    It takes effect with the latest of its editions. Raises LawError with every problem at once.
    """
    problems: list[str] = []
    masters = _made(lambda: load_masters(_texts(folder / "masters")), problems)
    assessments = _made(lambda: load_assessments(_texts(folder).get(FILE)), problems)
    whitelist = _table(folder, PUBLIC_FOLDER, masters, problems)
    private = _table(folder, PRIVATE_FOLDER, masters, problems) if (folder / PRIVATE_FOLDER).is_dir() else None
    if masters and assessments:
        problems += assessments.problems_with(masters)
    if whitelist and private:
        problems += _shared_rows(whitelist, private)
    if problems or not (masters and assessments and whitelist):
        raise LawError(problems)
    effective = max(each.edition.effective for each in (masters, whitelist, assessments, private) if each)
    return Lawbook(version, effective, masters, whitelist, assessments, private)


def _table(folder: Traversable, name: str, masters: Masters | None, problems: list[str]) -> Whitelist | None:
    """A table of a folder; None, and what is wrong added to `problems`, where it does not read or fit."""
    edition, rows, wrong = read_table(_texts(folder / name), name)
    problems += wrong
    if not (masters and edition):
        return None
    over = (edition, rows, masters, name == PRIVATE_FOLDER)
    return _made(lambda: Whitelist(*over), problems)


def _shared_rows(public: Whitelist, private: Whitelist | None) -> list[str]:
    """Rows whose name both tables have: a permit names its row by number and part alone."""
    taken = {row.id for row in public.rows}
    return [
        problem(
            f"{PRIVATE_FOLDER}/{row.number}.toml", f"grant {row.part}", f"{PUBLIC_FOLDER} has it too", "renumber it"
        )
        for row in (private.rows if private else ())
        if row.id in taken
    ]


@cache
def sample() -> Lawbook:
    """The lawbook that comes with the package: invented organisations and codes, each row marked as a sample."""
    return load(files("nakadachi.law"), version=1)


def in_force(lawbooks: Iterable[Lawbook], on: date) -> Lawbook:
    """Of several versions, the latest that is in effect on a day. Raises Refusal(NOT_IN_TABLE) where none is."""
    started = [each for each in lawbooks if each.effective <= on]
    if not started:
        raise Refusal(Reason.NOT_IN_TABLE, f"no lawbook is in force on {on}")
    return max(started, key=lambda each: each.version)


def _made(make: Callable[[], T], problems: list[str]) -> T | None:
    try:
        return make()
    except LawError as wrong:
        problems += wrong.problems
        return None


def _texts(folder: Traversable) -> dict[str, str]:
    """The TOML files of a folder by name; none where there is no such folder."""
    found = folder.iterdir() if folder.is_dir() else ()
    return {each.name: each.read_text(encoding="utf-8") for each in found if each.name.endswith(".toml")}
