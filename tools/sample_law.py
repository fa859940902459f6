"""Writes a small law book in which private bodies take part (R7): two towns, two insurers of which one is private, a
company; all of it is invented.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

from nakadachi.law.assessments import load_assessments
from nakadachi.law.lawbook import Lawbook
from nakadachi.law.masters import load_masters
from nakadachi.law.whitelist import load_whitelist
from nakadachi.refusal import Refusal
from nakadachi.terms import AffairCode, InfoNameCode, ItemCode, OrganisationCode, Prefix, ProcedureCode

FIRST = date(2026, 4, 1)
TOWN, OTHER_TOWN, INSURER, PRIVATE_INSURER, COMPANY = (
    OrganisationCode(f"99{kind:02}{count:012}") for kind, count in ((1, 1), (1, 2), (4, 1), (4, 2), (7, 1))
)
TAX, CONTRACTS = InfoNameCode("TM99000000000002"), InfoNameCode("TM99000000000012")
INCOME, DEPENDANTS = (ItemCode(f"{TAX}-{number:04}") for number in (1, 6))
VACCINATION = (AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"))
"""What public bodies ask for."""
CLAIMS = (AffairCode("JM99000009510000"), ProcedureCode("JT99000009510001"))
"""What private bodies ask for."""

_EDITION = f'version = "small-1"\neffective = {FIRST}\n'


def _named(table: str, code: str, name: str, more: str = "") -> str:
    return f'[[{table}]]\ncode = "{code}"\nname_ja = "見本{name}"\nname_en = "Sample {name}"\nsample = true\n{more}\n'


def _row(inquirers: str, affair: AffairCode, grants: str) -> str:
    words = "".join(f'{what}_ja = "見本"\n{what}_en = "Sample"\n' for what in ("text", "citation"))
    return (
        f'{words}modelled_on = "nothing"\nsample = true\nfrom = {FIRST}\ninquirers = {{ kinds = [{inquirers}] }}\n'
        f'affair = "{affair}"\n{grants}'
    )


def _grant(providers: str, information: InfoNameCode, *items: ItemCode) -> str:
    named = ", ".join(f'"{item}"' for item in items)
    return f'[[grant]]\ninformation = "{information}"\nproviders = {{ {providers} }}\nitems = [{named}]\n'


_MASTERS = {
    "version.toml": _EDITION,
    "organisations.toml": _named("organisation", TOWN.value, "Town", 'kind = "municipality"')
    + _named("organisation", OTHER_TOWN.value, "Other Town", 'kind = "municipality"')
    + _named("organisation", INSURER.value, "Insurer", 'kind = "insurer"')
    + _named("organisation", PRIVATE_INSURER.value, "Private Insurer", 'kind = "insurer"\nprivate = true')
    + _named("organisation", COMPANY.value, "Company", 'kind = "company"\nprivate = true'),
    "affairs.toml": _named("affair", VACCINATION[0].value, "Vaccination")
    + _named("affair.procedures", VACCINATION[1].value, "Benefits")
    + _named("affair", CLAIMS[0].value, "Insurance")
    + _named("affair.procedures", CLAIMS[1].value, "Claims"),
    "informations.toml": _named("information", TAX.value, "Tax")
    + _named("information.items", INCOME.value, "Income", 'value = "amount"')
    + _named("information.items", DEPENDANTS.value, "Dependants", 'value = "amount"')
    + _named("information", CONTRACTS.value, "Contracts")
    + _named("information.items", f"{CONTRACTS}-0001", "Day of the contract", 'value = "date"'),
}
_PUBLIC = {
    "version.toml": _EDITION,
    "018.toml": _row(
        '"municipality", "insurer"',
        VACCINATION[0],
        _grant('kinds = ["municipality"]', TAX, INCOME, DEPENDANTS)
        + _grant(f'codes = ["{COMPANY}"]', CONTRACTS, ItemCode(f"{CONTRACTS}-0001")),
    ),
}
_PRIVATE = {
    "version.toml": _EDITION,
    "951.toml": _row('"company", "insurer"', CLAIMS[0], _grant('kinds = ["municipality"]', TAX, INCOME)),
}
_ASSESSMENTS = f"""
[edition]
{_EDITION}
[[assessment]]
number = "S-1"
organisation = "{COMPANY}"
title_ja = "見本"
title_en = "Sample"
kind = "basic"
published_on = {FIRST}
affairs = ["{CLAIMS[0]}"]
informations = ["{CONTRACTS}"]
sample = true
"""


@cache
def small() -> Lawbook:
    """The law book: public bodies ask by row 018, private bodies by row 951 of their own table."""
    masters = load_masters(_MASTERS)
    public, private = load_whitelist(_PUBLIC, masters), load_whitelist(_PRIVATE, masters, private=True)
    return Lawbook(1, FIRST, masters, public, load_assessments(_ASSESSMENTS), private)


def asked() -> list[tuple[Prefix, date]]:
    """What some organisations ask, and on which day."""
    public = Prefix(TOWN, *VACCINATION, OTHER_TOWN, TAX)
    private = Prefix(COMPANY, *CLAIMS, OTHER_TOWN, TAX)
    prefixes = [
        public,
        replace(public, inquirer=INSURER),
        replace(public, inquirer=COMPANY),
        replace(public, inquirer=PRIVATE_INSURER),
        replace(public, provider=COMPANY, information=CONTRACTS),
        private,
        replace(private, inquirer=PRIVATE_INSURER),
        replace(private, inquirer=TOWN),
        replace(private, inquirer=INSURER),
        replace(private, provider=PRIVATE_INSURER),
        replace(private, items=(DEPENDANTS,)),
    ]
    return [(each, FIRST) for each in prefixes] + [(private, date(2026, 3, 31))]


def answer(book: Lawbook, prefix: Prefix, on: date) -> str:
    """The id of the row that allows it, or the reason why none does."""
    try:
        return book.allows(prefix, on).id
    except Refusal as refusal:
        return refusal.reason.value
