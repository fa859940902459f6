"""What Tsubaki's existing system asks in the stories, and what it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nakadachi.terms import OrganisationCode, Serial
from tests.invented import TSUBAKI

CARE, CARE_STEP = "JM99000000940000", "JT99000000940001"
TAX = "TM99000000000002"
TAX_ITEMS = tuple(f"{TAX}-{number:04}" for number in (1, 2, 3, 4, 6, 9, 10))
"""What the sample law lets Tsubaki ask of Aoba for long-term care."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an existing system was told of one inquiry."""

    status: str
    reason: str
    serial: Serial | None
    items: dict[str, dict[str, str]]


DEPARTMENT, OPERATOR = "CARE-DESK", "clerk-yamabuki"


def inquiry_line(addressee: str, provider: OrganisationCode, **other: str) -> str:
    """One line of an inquiry file; `affair`, `procedure`, `information`, `inquirer` where others than usual."""
    asked = {"inquirer": TSUBAKI.value, "affair": CARE, "procedure": CARE_STEP, "information": TAX} | other
    cells = (
        "01", addressee, addressee, "20260401090302000", DEPARTMENT, OPERATOR, asked["inquirer"], "0",
        asked["affair"], asked["procedure"], "", "", provider.value, asked["information"], "1", "1",
        "20250401", "20260331",
    )  # fmt: skip
    return ",".join(cells) + "\n"


def told(text: str) -> Told:
    """One line of results."""
    words = json.loads(text)
    return Told(words["status"], words["reason"], Serial(words["serial"]) if words["serial"] else None, words["items"])
