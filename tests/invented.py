"""People and organisations of the stories' country; nobody of them exists."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from nakadachi.neighbours.numbers import ResidentCodeFormula, individual_check_digit
from nakadachi.terms import OrganisationCode

TSUBAKI, AOBA, PENSION = (
    OrganisationCode("9901000000000003"),
    OrganisationCode("9901000000000001"),
    OrganisationCode("9903000000000001"),
)
"""The inquirer of the stories, the provider, and an organisation that has nothing to do with them."""


@dataclass(frozen=True)
class Person:
    """An invented person: as the registry organisation has them, and their addressee numbers here and there."""

    code: str
    number: str
    name: str
    kana: str
    address: str
    sex: str
    born: str
    addressees: dict[str, str]

    def at(self, organisation: OrganisationCode) -> str:
        """The addressee number at an organisation."""
        return self.addressees[organisation.value]

    def line(self, organisation: OrganisationCode, **other: str) -> tuple[str, ...]:
        """Their line in the organisation's people file; `other` says what stands differently in it."""
        own = {name: getattr(self, name) for name in ("name", "kana", "address", "sex", "born", "number")} | other
        return (self.at(organisation), *own.values())


_BODIES = itertools.count(31)


def invent(name: str, kana: str, address: str, born: str, *, sex: str = "2") -> Person:
    """A new person with numbers nobody else in the country has."""
    count = next(_BODIES)
    body = f"71{count * 7919 % 10**9:09}"
    numbers = {
        one.value: f"{place}{count * 15485863 % 10**9:09}" for place, one in enumerate((TSUBAKI, AOBA, PENSION), 4)
    }
    return Person(
        ResidentCodeFormula().complete(f"8{count * 104729 % 10**9:09}").value,
        body + individual_check_digit(body),
        name,
        kana,
        address,
        sex,
        born,
        numbers,
    )
