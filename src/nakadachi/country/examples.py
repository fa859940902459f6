"""Writes the files of a sample country, the same from the same seed; it must never be fed a real person.

`examples/` of this project is what it writes by itself; founding a country uses it too. Source: M7, facts 2.3 to 2.5.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

from nakadachi.country.examples_readme import readme
from nakadachi.country.sample import (
    AOI,
    INQUIRER,
    MIDORI,
    PENSION,
    Case,
    Country,
    Outcome,
    cases,
    registrations,
    settle,
)
from nakadachi.intermediate.files import inquiries, people, provisions, provisions_xml
from nakadachi.intermediate.files.results import Status
from nakadachi.neighbours.registry import RESIDENT_COLUMNS
from nakadachi.neighbours.residents import Chance
from nakadachi.refusal import Reason
from nakadachi.terms import OrganisationCode

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.intermediate.files.layout import Column

SEED = b"nakadachi examples 1"
COUNT = 1000
BOM = "\ufeff"
MARKS = {"\u3099": "ﾞ", "\u309a": "ﾟ"}
HALF = {unicodedata.normalize("NFKC", half): half for half in map(chr, range(0xFF66, 0xFF9E))}


@dataclass(frozen=True, slots=True)
class OrganisationFiles:
    """One organisation's files: who it knows, what it holds ready, in which form, and its markings if it has any."""

    people: Path
    provisions: Path
    provisions_form: Literal["csv", "xml"]
    protections: Path | None


def write_examples(folder: Path, *, seed: bytes | int = SEED, count: int = COUNT) -> None:
    """見本ファイルの作成: writes every example file; the folder is made where it is not there.

    Raises OSError, and ValueError where `count` residents are too few for the sample inquiries.
    """
    files = example_files(seed=seed, count=count)
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)


def organisations(folder: Path) -> tuple[OrganisationCode, ...]:
    """The organisations that have files in a folder of examples, by code."""
    return tuple(OrganisationCode(path.stem.removeprefix("people-")) for path in sorted(folder.glob("people-*.csv")))


def files_of(folder: Path, organisation: OrganisationCode) -> OrganisationFiles:
    """One organisation's files in a folder of examples. Raises FileNotFoundError where it has none."""
    own, xml = folder / f"people-{organisation}.csv", folder / f"provisions-{organisation}.xml"
    form: Literal["csv", "xml"] = "xml" if xml.exists() else "csv"
    held, marked = xml.with_suffix(f".{form}"), folder / f"protections-{organisation}.csv"
    for path in (own, held):
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such example file; write the examples anew")
    return OrganisationFiles(own, held, form, marked if marked.exists() else None)


def example_files(*, seed: bytes | int = SEED, count: int = COUNT) -> dict[str, bytes]:
    """Every example file by name. Raises ValueError where `count` residents are too few for the sample inquiries."""
    seed = seed if isinstance(seed, bytes) else str(seed).encode()
    chance = Chance(seed + b" country")
    country = settle(seed, count)
    registrations(country, chance)
    lines = inquiry_lines(cases(country, chance), chance)
    outcomes = [_outcome(each) for _, each in lines]
    expected = ["line,status,reason", *(f"{at},{each}" for at, each in enumerate(outcomes, start=1))]
    files = {
        "residents.csv": residents_file(country),
        "inquiries.csv": _csv([line for line, _ in lines], bom=""),
        "expected.csv": _csv(expected, bom=""),
    }
    for place in country.numbers:
        files[f"people-{place}.csv"] = people_file(country, place)
        rows = country.rows.get(place, [])
        if place == PENSION:
            files[f"provisions-{place}.xml"] = xml_file(rows)
        else:
            files[f"provisions-{place}.csv"] = _csv(
                [_header(provisions.COLUMNS), *(",".join(row.values()) for row in rows)]
            )
    for place, flags in country.flags.items():
        files[f"protections-{place}.csv"] = _csv([_header(provisions.PROTECTION_COLUMNS), *flags])
    files["README.md"] = readme(country, Counter(outcomes)).encode()
    return files


def _csv(lines: list[str], *, bom: str = BOM) -> bytes:
    return (bom + "".join(f"{line}\r\n" for line in lines)).encode()


def _header(columns: tuple[Column, ...]) -> str:
    return ",".join(column.japanese for column in columns)


def _outcome(expected: Outcome) -> str:
    """Status and reason as two cells."""
    if isinstance(expected, Reason):
        return f"{Status.REFUSED},{expected}"
    return f"{expected},{Reason.BAD_FORMAT if expected is Status.REJECTED else ''}"


def residents_file(country: Country) -> bytes:
    """Everybody whom the registry organisation knows: all but the strangers."""
    lines = [
        f"{each.code.value},{each.number.value},{each.name},{each.address},{each.sex},{each.born.isoformat()}"
        for each in country.people[: country.strangers.start]
    ]
    return _csv([",".join(RESIDENT_COLUMNS), *lines], bom="")


def inquiry_lines(planned: list[tuple[Case, Outcome]], chance: Chance) -> list[tuple[str, Outcome]]:
    """The lines of the inquiry file in a mixed order, and what is to come of each: bad lines and repeats among them."""
    cells = [(_cells(case, at), expected) for at, (case, expected) in enumerate(planned)]
    good = [each for each, expected in cells if expected is Status.ANSWERED]
    lines: list[tuple[str, Outcome]] = [(_line(each), expected) for each, expected in cells]
    elsewhere = {"inquirer": MIDORI, "start": "20230401"}
    lines += [(_line(each | elsewhere), Reason.NOT_IN_TABLE) for each in good[:3]]
    lines += [(text, Status.REJECTED) for text in _malformed(good[3:])]
    closed = {"non_disclosure": "1", "start": "20220401"}
    lines += [(_line(each | closed), Status.ANSWERED) for each in good[20:22]]
    mixed = [lines.pop(chance.below(len(lines))) for _ in range(len(lines))]
    return [*mixed, *((_line(each), Status.REJECTED) for each in good[-2:])]


def _cells(case: Case, at: int) -> dict[str, str]:
    addressee, affair, procedure, provider, information = case
    return {
        "number_system": "01",
        "addressee_number": addressee.zfill(15),
        "integrated_addressee_number": addressee.zfill(15),
        "request_time": f"2026040109{at // 60:02}{at % 60:02}000",
        "department": f"SAMPLE-{affair[10:13]}",
        "operator": f"SAMPLE-USER-{1 + at % 3}",
        "inquirer": INQUIRER,
        "non_disclosure": "0",
        "affair": affair,
        "procedure": procedure,
        "delegating_inquirer": "",
        "delegating_provider": "",
        "provider": provider,
        "information": information,
        "condition": "1",
        "fiscal_year": "1",
        "start": "20250401",
        "end": "20260331",
    }


def _line(cells: dict[str, str]) -> str:
    return ",".join(cells[column.name].ljust(column.width) for column in inquiries.COLUMNS)


def _malformed(good: list[dict[str, str]]) -> list[str]:
    changes = [
        {"start": "20260401", "end": "20250331"},
        {"start": "20260230"},
        {"number_system": "09"},
        {"affair": "JM-LOCAL-TAX"},
        {"addressee_number": "A0001", "integrated_addressee_number": ""},
        {"department": '"SAMPLE'},
    ]
    lines = [_line(cells | change) for cells, change in zip(good, changes, strict=False)]
    return [*lines, _line(good[7]).rpartition(",")[0], "この行は照会ではありません"]


def people_file(country: Country, place: str) -> bytes:
    """Who is registered at an organisation, as differently as existing systems write it."""
    lines = []
    for at, addressee in country.numbers[place].items():
        person = country.people[at]
        shown = country.people[country.mixed.get((place, at), at)]
        kana = _half(shown.kana) if place == AOI else shown.kana
        born = person.born.isoformat() if place == MIDORI else person.born.strftime("%Y%m%d")
        number = "" if (place, at) in country.unnumbered else person.number.value
        lines.append(",".join((addressee, person.name, kana, person.address, str(person.sex), born, number)))
    header = _header(people.COLUMNS)
    if place == AOI:
        return "".join(f"{line}\r\n" for line in (header, *lines)).encode("cp932")
    if place == MIDORI:
        return "".join(f"{line}\n" for line in lines).encode()
    return _csv([header, *lines])


def _half(kana: str) -> str:
    plain = unicodedata.normalize("NFD", kana)
    return "".join(MARKS.get(each) or HALF.get(each, each) for each in plain)


def xml_file(rows: list[dict[str, str]]) -> bytes:
    """Replica rows as the XML message, one `AttachmentRow` for each person and information name."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["addressee_number"], row["information"]), []).append(row)
    header = {"MsgId": "SAMPLE-1", "MsgTypeId": provisions_xml.MESSAGE, "MsgMode": "0", "SourceSystemID": "SAMPLE"}
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<{provisions_xml.MESSAGE} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n',
        f"<Header>{_elements(header)}</Header>\n",
        f"<Body>{_elements({'RequestingUnit': 'SAMPLE', 'RequestingUser': 'SAMPLE-USER-1'})}</Body>\n<Attachment>\n",
        *(_attachment_row(group) for group in groups.values()),
        f"</Attachment>\n</{provisions_xml.MESSAGE}>\n",
    ]
    return "".join(parts).encode()


def _elements(texts: dict[str, str]) -> str:
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in texts.items())


def _attachment_row(rows: list[dict[str, str]]) -> str:
    first = rows[0]
    cells = {
        "RecordIdentificationNumber": first["record_id"],
        "IntegratedAddressNumber": first["addressee_number"],
        "SpecificPersonalInformationCode": first["information"],
        "SPIMajorVersion": first["version"],
        "PublicationDate": first["publish_from"],
        "PublishedEndDate": first["publish_until"],
    }
    items = "".join(f"  {_item(row)}\n" for row in rows)
    delete = _elements({"SegmentOfRegistrationDelete": first["delete"]})
    return (
        f"<AttachmentRow>{_elements(cells)}<DuplicateCopyData>\n{items}</DuplicateCopyData>{delete}</AttachmentRow>\n"
    )


def _item(row: dict[str, str]) -> str:
    head = f'<{row["item"]} Version="{row["version"]}" TimeAndDateOfUpdate="{row["updated_at"]}"'
    if row["value"]:
        return f"{head}>{escape(row['value'])}</{row['item']}>"
    return f'{head} ReasonOfNull="{row["reason_of_null"]}" xsi:nil="true"/>'
