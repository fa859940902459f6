"""人口 (見本): a population of any size from a seed, person by person or as a stream; nobody of it exists.

Municipalities and their codes are real; every quarter of a town is called 見本…, which no town has, and that is how one
sees that an address, and so a person, is invented. Codes and numbers are images of the person's place under
permutations, so none comes twice and person n is had without those before. People stand in blocks of sixty, each made
from seed and block alone.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.resources import files

from nakadachi.neighbours.household import Weighted, household
from nakadachi.neighbours.individual_numbers import MANY, IndividualNumbers
from nakadachi.neighbours.numbers import IndividualNumber, LocalGovernmentCode, ResidentCodeFormula, ResidentRecordCode
from nakadachi.neighbours.permutation import DecimalPermutation
from nakadachi.neighbours.residents import TOWNS, Chance, Municipality, Resident

BLOCK = 60
MOST = 1_000_000_000
"""So many people there may be; record codes of people born later begin beyond them."""
ON = date(2026, 4, 1)
HALLS = ("見本荘", "見本ハイツ", "コーポ見本", "見本マンション")
PREFECTURES = (
    522, 124, 121, 230, 96, 107, 183, 287, 193, 194, 734, 628, 1405, 924, 220, 103, 113, 77, 81, 205,
    198, 363, 754, 177, 141, 258, 884, 547, 132, 92, 55, 67, 189, 280, 134, 72, 95, 133, 69, 514, 81,
    131, 174, 112, 107, 159, 147,
)  # fmt: skip
"""都道府県の人口: ten thousands of people by prefecture, in the order of their codes."""
_SIZES = {"区": 180, "市": 80, "町": 15, "村": 5}
"""How many people live in one of a kind beside the others of its prefecture."""


@dataclass(frozen=True, slots=True)
class LocalBody:
    """地方公共団体: a prefecture (no name), a municipality, or a ward of a designated city, with its official code."""

    code: LocalGovernmentCode
    prefecture: str
    name: str


def local_bodies() -> list[LocalBody]:
    """全国地方公共団体コード: all 47 prefectures, 1,741 municipalities and the wards of the designated cities."""
    text = files("nakadachi.neighbours").joinpath("data", "municipalities.csv").read_text(encoding="utf-8")
    return [
        LocalBody(LocalGovernmentCode(row["code"]), row["prefecture"], row["name"])
        for row in csv.DictReader(text.splitlines())
    ]


def places(bodies: Sequence[LocalBody]) -> Weighted[Municipality]:
    """Where people live, by how many do: municipalities, of designated cities their wards."""
    warded = {one.name[: one.name.index("市") + 1] for one in bodies if one.name.endswith("区") and "市" in one.name}
    homes = [one for one in bodies if one.name and one.name not in warded]
    sizes = [_SIZES[one.name[-1]] for one in homes]
    sums: dict[str, int] = {}
    for one, size in zip(homes, sizes, strict=True):
        sums[one.prefecture] = sums.get(one.prefecture, 0) + size
    return Weighted(
        [Municipality(one.code, one.prefecture + one.name) for one in homes],
        [
            10_000 * PREFECTURES[int(one.code.value[:2]) - 1] * size // sums[one.prefecture]
            for one, size in zip(homes, sizes, strict=True)
        ],
    )


class Population:
    """人口 (見本): residents alive on `on`, by place from 0. The same seed gives the same people everywhere.

    `formula`: of the resident record code.
    """

    def __init__(self, seed: bytes, *, on: date = ON, formula: ResidentCodeFormula | None = None) -> None:
        self.seed = seed
        self.on = on
        self._formula = formula or ResidentCodeFormula()
        self._codes = DecimalPermutation(sha256(b"record codes" + seed).digest(), 10)
        self._numbers = IndividualNumbers(sha256(b"numbers" + seed).digest())
        self._places = places(local_bodies())

    def person(self, place: int) -> Resident:
        """The person at a place. Raises ValueError where there is none."""
        if not 0 <= place < MOST:
            raise ValueError(f"people stand at 0 to {MOST - 1}")
        return self.block(place // BLOCK)[place % BLOCK]

    def people(self, start: int, stop: int) -> Iterator[Resident]:
        """The people from `start` to before `stop`, one after the other; only a block of them is in memory."""
        if not 0 <= start <= stop <= MOST:
            raise ValueError(f"people stand at 0 to {MOST - 1}")
        if stop - start >= MANY:  # look rounds up instead of computing them: the same numbers, sooner
            self._codes.table  # noqa: B018  made at its first use
            self._numbers.hasten()
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            first = number * BLOCK
            yield from self.block(number)[max(0, start - first) : stop - first]

    def block(self, number: int) -> list[Resident]:
        """Sixty people in whole households, but for the last, which may be cut."""
        chance = Chance(sha256(b"block" + self.seed + number.to_bytes(8, "big")).digest())
        found: list[Resident] = []
        home = number * BLOCK
        while len(found) < BLOCK:
            place = self._places.pick(chance)
            address = address_in(chance, place)
            home += 1
            for one in household(chance, self.on)[: BLOCK - len(found)]:
                at = number * BLOCK + len(found)
                found.append(
                    Resident(
                        code=self.code(at),
                        number=self.number(at),
                        name=one.name,
                        kana=one.kana,
                        address=address,
                        sex=one.sex,
                        born=one.born,
                        municipality=place,
                        household=home,
                    )
                )
        return found

    def code(self, at: int) -> ResidentRecordCode:
        """The resident record code of an index below ten thousand million."""
        return self._formula.complete(f"{self._codes.quick(at):010}")

    def number(self, at: int) -> IndividualNumber:
        """The Individual Number of an index."""
        return self._numbers.number(at)

    def somewhere(self, chance: Chance) -> str:
        """An address anywhere in the country."""
        return address_in(chance, self._places.pick(chance))


def address_in(chance: Chance, place: Municipality) -> str:
    """An address in a municipality: a quarter that does not exist, a number, for some a building."""
    house = f"{chance.pick(TOWNS)}{1 + chance.below(9)}丁目{1 + chance.below(60)}番{1 + chance.below(40)}号"
    hall = f" {chance.pick(HALLS)}{101 + 100 * chance.below(9) + chance.below(12)}号室" if chance.below(10) < 4 else ""
    return place.name + house + hall
