"""One row of a legal table, who may ask whom for what: data with its legal basis and its days, never code.

Source: 003 table 23 and the former Appended Table 2; today orders under art. 19(8) and (9) of the Act set it (facts
2.1, requirements C9, I2 and R7).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from nakadachi.law.masters import OrganisationKind
from nakadachi.law.reading import Edition, Entry, Words, problem, read_edition, read_entry, read_toml
from nakadachi.terms import AffairCode, InfoNameCode, ItemCode, OrganisationCode, ProcedureCode

PUBLIC_FOLDER, PRIVATE_FOLDER = "table2", "private-table"
"""Where the two tables stand as files: what public bodies may ask, and what private bodies may."""


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


def read_table(
    texts: Mapping[str, str], folder: str = PUBLIC_FOLDER
) -> tuple[Edition | None, tuple[LegalRow, ...], list[str]]:
    """The edition and rows of a table's files as far as they read, and every problem of their form."""
    problems: list[str] = []
    edition = read_edition(folder, texts, problems)
    rows: list[LegalRow | None] = []
    for name in sorted(texts.keys() - {"version.toml"}):
        file = f"{folder}/{name}"
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
