"""Invents the residents of a sample country from a seed; none of them exists, and it must never be fed a real one.

Names come from small lists, places are invented, numbers are drawn from the seed and given fitting check digits;
where one equals a real person's, that is chance.
The same seed gives the same residents everywhere. Among them are families, twins and people of the same name, because
those are whom real systems mixed up (facts 7.1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from nakadachi.neighbours.numbers import (
    IndividualNumber,
    LocalGovernmentCode,
    ResidentCodeFormula,
    ResidentRecordCode,
    individual_check_digit,
    local_government_check_digit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

Name = tuple[str, ...]


def _names(text: str) -> tuple[Name, ...]:
    return tuple(tuple(pair.split(":")) for pair in text.split())


SURNAMES = _names(
    "青沢:アオサワ 石見田:イワミダ 上倉木:カミクラキ 江ノ川:エノカワ 大鳥井:オオトリイ 風早田:カザハヤダ "
    "霧原:キリハラ 葛木野:カツラギノ 古泉:コイズミ 桜庭野:サクラバノ 塩津:シオツ 杉戸:スギト 瀬尾田:セオダ "
    "空知川:ソラチガワ 高遠野:タカトオノ 月岡:ツキオカ 友部:トモベ 七瀬川:ナナセガワ 野々山:ノノヤマ "
    "浜辺:ハマベ 氷室:ヒムロ 福富:フクトミ 星川:ホシカワ 真壁:マカベ 水無瀬:ミナセ 森脇:モリワキ "
    "柳川瀬:ヤナガワセ 雪村:ユキムラ 吉備野:キビノ 若狭:ワカサ"
)
MALE = _names(
    "明人:アキト 一郎太:イチロウタ 栄司:エイジ 和真:カズマ 啓太:ケイタ 航平:コウヘイ 悟:サトル "
    "修一:シュウイチ 大地:ダイチ 直樹:ナオキ 晴人:ハルト 光:ヒカル 誠:マコト 実:ミノル 康夫:ヤスオ "
    "悠真:ユウマ 義之:ヨシユキ 龍之介:リュウノスケ 蓮:レン 亘:ワタル"
)
FEMALE = _names(
    "葵:アオイ 泉:イズミ 恵美:エミ 香織:カオリ 京子:キョウコ 小春:コハル 咲:サキ 静香:シズカ 澄江:スミエ "
    "千夏:チナツ 直美:ナオミ 春菜:ハルナ 光:ヒカル 文子:フミコ 真琴:マコト 美月:ミツキ 百合子:ユリコ "
    "陽菜:ヒナ 玲奈:レナ 和歌:ワカ"
)
TOWNS = ("見本本町", "見本東町", "見本西町", "見本が丘", "見本浜", "見本台", "見本新田", "見本川原")

MALE_SEX, FEMALE_SEX = 1, 2
YOUNGEST_PARENT, OLDEST_PARENT = 22, 44
SAME_NAME_EVERY = 40
TWINS_IN = 12
# Of ten families: three are people alone, two are couples, the rest have children.
ALONE, COUPLE = 3, 5


@dataclass(frozen=True, slots=True)
class Municipality:
    """市区町村: where sample residents live. `code` has a fitting check digit, `name` begins every address."""

    code: LocalGovernmentCode
    name: str


def municipality(body: str, name: str) -> Municipality:
    """A municipality of 5 digits and a name. Raises ValueError."""
    return Municipality(LocalGovernmentCode(body + local_government_check_digit(body)), name)


# Prefecture number 99 is nobody's; the names are those of the sample organisations.
MUNICIPALITIES = (
    municipality("99101", "さくら県青葉市"),
    municipality("99102", "さくら県みどり町"),
    municipality("99103", "さくら県つばき市"),
    municipality("99104", "さくら県あおい村"),
    municipality("99105", "さくら県ひなた市"),
    municipality("99106", "さくら県こはる町"),
)


@dataclass(frozen=True, slots=True)
class Resident:
    """住民 (見本): one invented person as the registry organisation holds them. Shows no item in a repr.

    `sex` 1 male, 2 female; `household` numbers the families of one call; kana is full-width katakana.
    """

    code: ResidentRecordCode
    number: IndividualNumber
    name: str = field(repr=False)
    kana: str = field(repr=False)
    address: str = field(repr=False)
    sex: int = field(repr=False)
    born: date = field(repr=False)
    municipality: Municipality
    household: int


class Chance:
    """Chance from a seed: SHA-256 of seed and counter, so that it is the same on every machine and version."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._blocks = self._stream()

    def _stream(self) -> Iterator[int]:
        counter = 0
        while True:
            block = sha256(self._seed + counter.to_bytes(8, "big")).digest()
            yield from (int.from_bytes(block[at : at + 8], "big") for at in range(0, 32, 8))
            counter += 1

    def below(self, bound: int) -> int:
        """0 … bound-1; the bias of a 64-bit rest does not matter for samples."""
        return next(self._blocks) % bound

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """`count` digits, at most 19."""
        return str(self.below(10**count)).zfill(count)


@dataclass(frozen=True, slots=True)
class _Person:
    surname: Name
    given: Name
    sex: int
    born: date


def residents(
    seed: bytes,
    count: int,
    *,
    on: date = date(2026, 4, 1),
    municipalities: Sequence[Municipality] = MUNICIPALITIES,
    formula: ResidentCodeFormula | None = None,
) -> list[Resident]:
    """見本住民: `count` invented residents alive on `on`, the same for the same arguments.

    Codes and numbers are each unique; families stand together in the list. `formula`: of the resident record code.
    """
    chance = Chance(seed)
    formula = formula or ResidentCodeFormula()
    used: set[str] = set()
    found: list[Resident] = []
    household = 0
    while len(found) < count:
        household += 1
        place = municipalities[household % len(municipalities)]
        address = f"{place.name}{chance.pick(TOWNS)}{1 + chance.below(5)}丁目{1 + chance.below(30)}番{household}号"
        family = _family(chance, on)
        if household % SAME_NAME_EVERY == 0 and found:
            family = [_namesake(chance.pick(found), on, chance)]
        for person in family[: count - len(found)]:
            number = _unused(chance, 11, used)
            found.append(
                Resident(
                    code=formula.complete(_unused(chance, 10, used)),
                    number=IndividualNumber(number + individual_check_digit(number)),
                    name=f"{person.surname[0]} {person.given[0]}",
                    kana=f"{person.surname[1]} {person.given[1]}",
                    address=address,
                    sex=person.sex,
                    born=person.born,
                    municipality=place,
                    household=household,
                )
            )
    return found


def _unused(chance: Chance, length: int, used: set[str]) -> str:
    while (body := chance.digits(length)) in used:
        continue
    used.add(body)
    return body


def _born(chance: Chance, on: date, youngest: int, oldest: int) -> date:
    return on - timedelta(days=youngest * 366 + chance.below((oldest - youngest) * 365 + 1))


def _family(chance: Chance, on: date) -> list[_Person]:
    """One to six people of one surname: a person alone, a couple, or parents with children, some of them twins."""
    surname = chance.pick(SURNAMES)
    kind = chance.below(10)
    if kind < ALONE:
        sex = 1 + chance.below(2)
        return [_Person(surname, chance.pick(_given(sex)), sex, _born(chance, on, 18, 90))]
    parents = [
        _Person(
            surname,
            chance.pick(_given(sex)),
            sex,
            _born(chance, on, YOUNGEST_PARENT, OLDEST_PARENT + 45 * (kind < COUPLE)),
        )
        for sex in (MALE_SEX, FEMALE_SEX)
    ]
    return parents if kind < COUPLE else parents + _children(chance, surname, on, parents)


def _children(chance: Chance, surname: Name, on: date, parents: list[_Person]) -> list[_Person]:
    ages = (on - max(parent.born for parent in parents)).days // 365
    names: set[Name] = {parent.given for parent in parents}
    found: list[_Person] = []
    for _ in range(1 + chance.below(3)):
        born = _born(chance, on, 0, max(1, ages - 20))
        for _twin in range(2 if chance.below(TWINS_IN) == 0 else 1):
            sex = 1 + chance.below(2)
            given = chance.pick([name for name in _given(sex) if name not in names])
            names.add(given)
            found.append(_Person(surname, given, sex, born))
    return found[:4]


def _given(sex: int) -> Sequence[Name]:
    return MALE if sex == MALE_SEX else FEMALE


def _namesake(known: Resident, on: date, chance: Chance) -> _Person:
    """Another person of the same name, sex and kana, born on another day."""
    surname, given = zip(known.name.split(" "), known.kana.split(" "), strict=True)
    return _Person(surname, given, known.sex, _born(chance, on, 18, 90))
