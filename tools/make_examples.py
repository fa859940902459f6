"""Writes `examples/`, the files of a sample country, the same from the same seed; it must never be fed a real person.

python -m tools.make_examples [folder]          writes them
python -m tools.make_examples --check [folder]  fails where a file is not what would be written
"""

from __future__ import annotations

import sys
import unicodedata
from collections import Counter
from pathlib import Path
from xml.sax.saxutils import escape

from nakadachi.intermediate.files import inquiries, people, provisions, provisions_xml
from nakadachi.intermediate.files.layout import Column
from nakadachi.neighbours.residents import MUNICIPALITIES, Chance, residents
from nakadachi.terms import OrganisationCode
from tools.sample_country import AOI, BOOK, INQUIRER, MIDORI, PENSION, TOWNS, Case, Country, cases, registrations

SEED = b"nakadachi examples 1"
COUNT = 400
FOLDER = Path(__file__).parent.parent / "examples"
HOME = MUNICIPALITIES[TOWNS.index(INQUIRER)]
# Every other household lives in the town that asks.
HOMES = [place for other in MUNICIPALITIES if other != HOME for place in (HOME, other)]
BOM = "\ufeff"
MARKS = {"\u3099": "ﾞ", "\u309a": "ﾟ"}
HALF = {unicodedata.normalize("NFKC", half): half for half in map(chr, range(0xFF66, 0xFF9E))}


def main(arguments: list[str]) -> int:
    """Write or check the examples; the number of files that were not as they should be."""
    folder = Path(next((each for each in arguments if each != "--check"), FOLDER))
    files = examples()
    if "--check" in arguments:
        stale = [
            name for name, raw in files.items() if not (folder / name).exists() or (folder / name).read_bytes() != raw
        ]
        for name in stale:
            print(f"{folder / name} is not what tools.make_examples writes: run python -m tools.make_examples")
        return len(stale)
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    print(f"{len(files)} files in {folder}")
    return 0


def examples() -> dict[str, bytes]:
    """Every example file by name."""
    chance = Chance(SEED + b" country")
    country = Country(residents(SEED, COUNT, municipalities=HOMES))
    registrations(country, chance)
    lines = inquiry_lines(cases(country, chance), chance)
    files = {
        "inquiries.csv": "".join(f"{line}\r\n" for line, _ in lines).encode(),
        "expected.csv": _csv(["line,expected", *(f"{at},{why}" for at, (_, why) in enumerate(lines, start=1))]),
    }
    for place in country.numbers:
        files[f"people-{place}.csv"] = people_file(country, place)
        if place == PENSION:
            files[f"provisions-{place}.xml"] = xml_file(country.rows[place])
        else:
            files[f"provisions-{place}.csv"] = _csv(
                [_header(provisions.COLUMNS), *(",".join(row.values()) for row in country.rows[place])]
            )
    for place, flags in country.flags.items():
        files[f"protections-{place}.csv"] = _csv([_header(provisions.PROTECTION_COLUMNS), *flags])
    files["README.md"] = readme(country, Counter(why for _, why in lines)).encode()
    return files


def _csv(lines: list[str]) -> bytes:
    return (BOM + "".join(f"{line}\r\n" for line in lines)).encode()


def _header(columns: tuple[Column, ...]) -> str:
    return ",".join(column.japanese for column in columns)


def inquiry_lines(planned: list[tuple[Case, str]], chance: Chance) -> list[tuple[str, str]]:
    """The lines of the inquiry file in a mixed order, and what is to come of each: bad lines and repeats among them."""
    cells = [(_cells(case, at), why) for at, (case, why) in enumerate(planned)]
    good = [each for each, why in cells if why == "answered"]
    lines = [(_line(each), why) for each, why in cells]
    lines += [(_line(each | {"inquirer": MIDORI, "start": "20230401"}), "refused") for each in good[:3]]
    lines += [(text, "rejected") for text in _malformed(good[3:])]
    lines += [(_line(each | {"non_disclosure": "1", "start": "20220401"}), "answered") for each in good[20:22]]
    mixed = [lines.pop(chance.below(len(lines))) for _ in range(len(lines))]
    return [*mixed, *((_line(each), "rejected") for each in good[-2:])]


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
    for at, number in country.numbers[place].items():
        person = country.people[at]
        shown = country.people[country.mixed.get((place, at), at)]
        home = (
            person.address if place not in _TOWNS_BEFORE or at not in country.numbers[INQUIRER] else _before(place, at)
        )
        kana = _half(shown.kana) if place == AOI else shown.kana
        born = shown.born.isoformat() if place == MIDORI else shown.born.strftime("%Y%m%d")
        lines.append(",".join((number, shown.name, kana, home, str(shown.sex), born, person.number.value)))
    header = _header(people.COLUMNS)
    if place == AOI:
        return "".join(f"{line}\r\n" for line in (header, *lines)).encode("cp932")
    if place == MIDORI:
        return "".join(f"{line}\n" for line in lines).encode()
    return _csv([header, *lines])


_TOWNS_BEFORE = {code: each.name for code, each in zip(TOWNS, MUNICIPALITIES, strict=True) if code != INQUIRER}


def _before(place: str, at: int) -> str:
    return f"{_TOWNS_BEFORE[place]}見本旧町{1 + at % 9}丁目{1 + at % 30}番{at + 1}号"


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


def readme(country: Country, outcomes: Counter[str]) -> str:
    """What each file is, three lines each."""
    names = {place: BOOK.masters.organisation(OrganisationCode(place)) for place in country.numbers}
    table = "\n".join(
        f"| `{place}` | {each.name_ja} | {len(country.numbers[place])} | {len(country.rows.get(place, []))} |"
        for place, each in names.items()
    )
    counts = "\n".join(f"| {outcome} | {count} |" for outcome, count in sorted(outcomes.items()))
    return README.format(table=table, counts=counts, inquirer=INQUIRER, pension=PENSION, midori=MIDORI, aoi=AOI)


README = """# Examples: the files of a sample country

Written by `python -m tools.make_examples`. Generated sample data: nobody in these files exists, all codes are invented.
Individual Numbers are drawn from the seed with fitting check digits; where one equals a real one, that is chance.

## inquiries.csv

What the existing system of {inquirer} asks: 18 columns, padded to their widths and comma separated, CRLF, no header.
Among the lines are some that are refused, held or rejected on purpose; three ask in another organisation's name.
The last two lines repeat earlier ones.

## expected.csv

What is to come of each line of `inquiries.csv`: `answered`, `rejected` (the line itself is wrong), or a reason.
`refused` means any reason will do; `WITHHELD` may first be held for the provider's staff.
`PROVIDER_STOPPED` supposes that Koharu Town's system is stopped; `SUBJECT_MISMATCH` supposes mixed-up rows were linked.

## people-(organisation).csv

Who is registered there under which addressee number, with the four basic items and the Individual Number for issuance.
{midori} has no header and dates with hyphens; {aoi} is Shift_JIS (CP932) with half-width kana; the rest are UTF-8
with BOM. Three people have someone else's name, kana and date of birth there: mis-linkage.

## provisions-(organisation).csv

What the organisation holds ready to answer: one row per person and item, with its days of publication.
A row has a value or a reason of null. One value of twenty is such a reason.
Some rows are missing on purpose (`NOT_REGISTERED`).

## provisions-{pension}.xml

The same for one organisation as the XML message `IF_DBM_20113_R01`.
One `AttachmentRow` for each person and information name, one element for each item.
It has no DOCTYPE: a file that has one is refused.

## protections-(organisation).csv

Whose information may not be shown, for which information name (`*`: all), and until when.
`withheld` stops the automatic answer; `self_information_allowed` 0 stops the person's own view.
Blank `until` means no end.

## Who is there

| organisation | name | people | replica rows |
|---|---|---|---|
{table}

## What comes of the inquiries

| expected | lines |
|---|---|
{counts}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
