"""The sample law with one private body, an insurance company; what it asks, what it holds, and who is insured there.

All of it is invented, and added as whoever keeps the law adds it: as entries and files.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from nakadachi.law import lawbook
from nakadachi.terms import OrganisationCode
from tests.invented import AOBA, Person
from tests.story.people import HANA, KENJI, SUMI
from tests.world import CARE, Land

MIRAI = OrganisationCode("9907000000000001")
"""The private body of the stories."""
CLAIMS, CLAIMS_STEP = "JM99000009510000", "JT99000009510001"
"""What it asks for: payments to the insured."""
RESIDENT, CONTRACTS = "TM99000000000003", "TM99000000000012"
"""What its own table lets it ask of towns; and what the public bodies' table lets towns ask of it."""
DAYS = {f"{RESIDENT}-{number:04}": f"2019{number:02}01" for number in (1, 6)}
"""What Aoba holds of Hana: item to value; the company may ask for just these two."""
CONTRACT = {f"{CONTRACTS}-0001": "20110401"}
"""What the company holds of Hana."""

_NAMES = 'name_ja = "{0}（見本）"\nname_en = "{1} (sample)"\nsample = true\n'
_ORDER = """text_ja = "{0}"
text_en = "{1}"
citation_ja = "見本"
citation_en = "Sample"
modelled_on = "官民連携 (002)"
sample = true
from = 2024-05-27
"""
_EDITION = 'version = "sample-1"\neffective = 2024-05-27\n'
ADDED = {
    "masters/organisations.toml": f'[[organisation]]\ncode = "{MIRAI}"\nkind = "company"\nprivate = true\n'
    + _NAMES.format("みらい生命保険", "Mirai Life Insurance"),
    "masters/affairs.toml": f'[[affair]]\ncode = "{CLAIMS}"\n'
    + _NAMES.format("保険金の支払に関する事務", "Payment of insurance claims")
    + f'[[affair.procedures]]\ncode = "{CLAIMS_STEP}"\n'
    + _NAMES.format("支払の決定", "Decision on payment"),
    "masters/informations.toml": f'[[information]]\ncode = "{CONTRACTS}"\n'
    + _NAMES.format("保険契約の情報", "Insurance contracts")
    + f'[[information.items]]\ncode = "{CONTRACTS}-0001"\nvalue = "date"\n'
    + _NAMES.format("契約日", "Day of the contract"),
    "table2/971.toml": _ORDER.format(
        "市町村は保険契約の情報を得ることができる。", "A municipality may ask for contracts."
    )
    + f'inquirers = {{ kinds = ["municipality"] }}\naffair = "{CARE}"\n[[grant]]\ninformation = "{CONTRACTS}"\n'
    + f'providers = {{ codes = ["{MIRAI}"] }}\nitems = ["{CONTRACTS}-0001"]\n',
    "private-table/version.toml": _EDITION,
    "private-table/951.toml": _ORDER.format(
        "保険会社は住民票の情報を得ることができる。", "An insurer may ask for records."
    )
    + f'inquirers = {{ kinds = ["company"] }}\naffair = "{CLAIMS}"\n[[grant]]\ninformation = "{RESIDENT}"\n'
    + f'providers = {{ kinds = ["municipality"] }}\nitems = {list(DAYS)}\n',
    "assessments.toml": f'[[assessment]]\nnumber = "S-901"\norganisation = "{MIRAI}"\n'
    'title_ja = "保険金の支払に関する事務"\ntitle_en = "Insurance claims"\nkind = "full"\npublished_on = 2024-05-27\n'
    f'affairs = ["{CLAIMS}"]\ninformations = ["{CONTRACTS}"]\nsample = true\n',
}
"""What is added to the files of the sample law."""


def law(folder: Path, version: int = 1) -> lawbook.Lawbook:
    """The sample law and the private body's, by way of files in a folder that is not there yet."""
    shutil.copytree(Path(lawbook.__file__).parent, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, text in ADDED.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write("\n" + text)
    return lawbook.load(folder, version)


def insured(person: Person) -> Person:
    """A person with an addressee number at the private body."""
    return replace(person, addressees=person.addressees | {MIRAI.value: "7" + person.at(AOBA)})


async def settle_insured(land: Land) -> dict[str, str]:
    """Hana, Sumi and Kenji are registered and linked there; Aoba and the company hold of Hana what the other may ask:
    the outcome per addressee number.
    """
    outcome = await land.register(MIRAI, *(insured(one).line(MIRAI) for one in (HANA, SUMI, KENJI)))
    await land.hold(AOBA, HANA.at(AOBA), DAYS)
    await land.hold(MIRAI, insured(HANA).at(MIRAI), CONTRACT)
    return outcome
