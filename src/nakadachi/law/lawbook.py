"""The lawbook: masters, legal table and assessments of one version, as the bytes that are signed and distributed.

Requirements C16, I13, L2, design 2.11. It holds no key and no person; whoever reads it checks its signatures first.
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
from nakadachi.law.masters import (
    Affair,
    Edition,
    Information,
    LawError,
    Masters,
    Organisation,
    load_masters,
    read_code,
    write_code,
)
from nakadachi.law.whitelist import LegalRow, Whitelist, read_table
from nakadachi.refusal import Reason, Refusal

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


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal[1]
    version: VersionNumber
    effective: date
    masters: _Masters
    table: _Table
    assessments: _Assessments


_encoder = msgspec.json.Encoder(enc_hook=write_code, order="sorted")
_decoder = msgspec.json.Decoder(_Document, dec_hook=read_code)


@dataclass(frozen=True, slots=True)
class Lawbook:
    """法令データ一式: one version of all law data; a later version has a greater number.

    `effective` is the first day it is to be used. Raises LawError where its parts do not fit one another.
    """

    version: int
    effective: date
    masters: Masters
    whitelist: Whitelist
    assessments: Assessments

    def __post_init__(self) -> None:
        problems = list(self.assessments.problems_with(self.masters))
        if self.whitelist.masters != self.masters:
            problems.append("the legal table was made over other masters. Mend: load both from one lawbook.")
        if problems:
            raise LawError(problems)

    def to_bytes(self) -> bytes:
        """The canonical JSON: keys sorted, no spaces, UTF-8; one lawbook has one text, so that it can be signed."""
        masters, table, registry = self.masters, self.whitelist, self.assessments
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
        )
        return _encoder.encode(document)


def parse(raw: bytes) -> Lawbook:
    """Any bytes become a Lawbook or Refusal(BAD_FORMAT); a text that is not the canonical one is refused too."""
    try:
        read = _decoder.decode(raw)
        kept = read.masters
        masters = Masters(kept.edition, kept.organisations, kept.affairs, kept.informations)
        whitelist = Whitelist(read.table.edition, read.table.rows, masters)
        assessments = Assessments(read.assessments.edition, read.assessments.entries)
        lawbook = Lawbook(read.version, read.effective, masters, whitelist, assessments)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"lawbook: {str(wrong)[:500]}") from None
    if lawbook.to_bytes() != raw:
        raise Refusal(Reason.BAD_FORMAT, "lawbook: not the canonical text of what it says")
    return lawbook


def load(folder: Traversable, version: int) -> Lawbook:
    """The lawbook of a folder with `masters/`, `table2/` and `assessments.toml`, given a version number (from 1).

    It takes effect with the latest of its three editions. Raises LawError with every problem at once.
    """
    problems: list[str] = []
    masters = _made(lambda: load_masters(_texts(folder / "masters")), problems)
    assessments = _made(lambda: load_assessments(_texts(folder).get(FILE)), problems)
    edition, rows, wrong = read_table(_texts(folder / "table2"))
    problems += wrong
    whitelist = None
    if masters and edition:
        over = (edition, rows, masters)
        whitelist = _made(lambda: Whitelist(*over), problems)
    if masters and assessments:
        problems += assessments.problems_with(masters)
    if problems or not (masters and assessments and whitelist):
        raise LawError(problems)
    effective = max(each.edition.effective for each in (masters, whitelist, assessments))
    return Lawbook(version, effective, masters, whitelist, assessments)


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
