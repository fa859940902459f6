"""Tells what the files of a sample country are, as the README of their folder; it counts people and names none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.country.sample import AOI, BOOK, HINATA, INQUIRER, MIDORI, PENSION, STOPPED
from nakadachi.terms import OrganisationCode

if TYPE_CHECKING:
    from collections import Counter

    from nakadachi.country.sample import Country


def readme(country: Country, outcomes: Counter[str]) -> str:
    """What each file is, a few lines each. `outcomes`: lines of the inquiry file by `status,reason`."""
    names = {place: BOOK.masters.organisation(OrganisationCode(place)) for place in country.numbers}
    table = "\n".join(
        f"| `{place}` | {each.name_ja} | {len(country.numbers[place])} | {_without(country, place)} "
        f"| {len(country.rows.get(place, []))} |"
        for place, each in sorted(names.items())
    )
    counts = "\n".join(
        f"| {outcome.partition(',')[0]} | {outcome.partition(',')[2]} | {count} |"
        for outcome, count in sorted(outcomes.items())
    )
    return README.format(
        table=table,
        counts=counts,
        residents=country.strangers.start,
        strangers=len(country.strangers),
        held=HINATA,
        stopped=STOPPED,
        inquirer=INQUIRER,
        pension=PENSION,
        midori=MIDORI,
        aoi=AOI,
    )


def _without(country: Country, place: str) -> int:
    return sum(where == place for where, _ in country.unnumbered)


README = """# Examples: the files of a sample country

Generated sample data, written by `python -m tools.make_examples`; do not edit it by hand. Nobody in these files exists,
all codes are invented. Individual Numbers and resident record codes are drawn from the seed with fitting check digits;
where one equals a real one, that is chance. Never mix these files with those of real people.

Line ends, byte order marks and encodings differ on purpose. `.gitattributes` keeps them as they are.

## residents.csv

All {residents} residents, as the stand-in of the registry organisation reads them: resident record code, Individual
Number, name, address, sex, date of birth. UTF-8 without BOM.

## inquiries.csv

What the existing system of {inquirer} asks: 18 columns, padded to their widths and comma separated, CRLF, no header.
Among the lines are some that are refused, held or rejected on purpose; three ask in another organisation's name.
The last two lines repeat earlier ones.

## expected.csv

What is to come of each line of `inquiries.csv`, once everybody in the people files has been linked as far as possible
and all other files are loaded. `line` counts from 1. `status` and `reason` are those of the result file:

- `answered`: values, or reasons why there is none.
- `pending`: held at {held} until its staff decide. All of them are there.
- `refused`: for the reason given. `PROVIDER_STOPPED` supposes that {stopped} has said that it stopped.
- `rejected`: the line itself is wrong, and is not asked.

## people-(organisation).csv

Who is registered there under which addressee number, with the four basic items. A row has the Individual Number too,
or not: either way all that it says fits exactly one resident. A town that somebody left has the address they moved to.
{midori} has no header and dates with hyphens; {aoi} is Shift_JIS (CP932) with half-width kana; the rest are UTF-8
with BOM. Three rows show someone else's kana, which the register does not compare: the subject check finds the mix-up.
{strangers} people of {inquirer} are unknown to the registry organisation, so no code can be issued for them.

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
Where nobody is marked there is no file.
`withheld` 1 stops the automatic answer; `self_information_allowed` 0 stops the person's own view.
Blank `until` means no end. Three marks have ended: the inquiries about these people are answered.

## Who is there

| organisation | name | people | of them without number | replica rows |
|---|---|---|---|---|
{table}

## What comes of the inquiries

| status | reason | lines |
|---|---|---|
{counts}
"""
