"""The people of the machine, invented by hand, each with values of their own at Aoba; and what must come of asking."""

from __future__ import annotations

from dataclasses import dataclass, field

from nakadachi.refusal import Reason
from tests.invented import AOBA, TSUBAKI, Person, invent
from tests.world import TAX_ITEMS, Land

HANA = invent("見本 初音", "ミホン ハツネ", "見本県見本市藍町1番", "1961-02-03")
JIRO = invent("見本 次郎", "ミホン ジロウ", "見本県見本市藍町2番", "1972-03-04", sex="1")
KIKU = invent("見本 菊", "ミホン キク", "見本県見本市藍町3番", "1983-04-05")
TOMO = invent("見本 友", "ミホン トモ", "見本県見本市藍町4番", "1994-05-06", sex="1")
MIWA = invent("見本 美和", "ミホン ミワ", "見本県見本市藍町5番", "1955-06-07")
KEN = invent("見本 健", "ミホン ケン", "見本県見本市藍町6番", "1966-07-08", sex="1")
SUZU = invent("見本 鈴", "ミホン スズ", "見本県見本市藍町7番", "1977-08-09")
LATER = tuple(
    invent(f"見本 {name}", f"ミホン {kana}", f"見本県見本市紺町{place}番", f"1988-09-{place + 10}")
    for place, (name, kana) in enumerate([("一子", "イチコ"), ("二葉", "フタバ"), ("三枝", "サエ"), ("四季", "シキ")])
)
"""Known at Tsubaki and linked only while the machine runs, if at all; Aoba never heard of them."""
NOBODY = "499999999999"
RESIDENTS = (HANA, JIRO, KIKU, TOMO, MIWA, KEN, SUZU, *LATER)

MISTABLED = {"information": "TM99000000000001"}
"""Asks for what the law does not list."""


@dataclass(frozen=True)
class Expected:
    """What comes of asking about a person where nothing goes wrong: values, or one of these reasons."""

    values: dict[str, str] = field(default_factory=dict)
    reasons: frozenset[str] = frozenset()


def _values(number: int) -> dict[str, str]:
    """Nobody's values are another's, and they are long enough to be found wherever they leak."""
    return {item: f"73{number}91846{place:03}57" for place, item in enumerate(TAX_ITEMS[:-1])} | {TAX_ITEMS[-1]: "1"}


def _reasons(*reasons: Reason) -> frozenset[str]:
    return frozenset(reason.value for reason in reasons)


EXPECTED = {
    HANA.at(TSUBAKI): Expected(_values(1)),
    JIRO.at(TSUBAKI): Expected(_values(2)),
    KIKU.at(TSUBAKI): Expected(_values(3)),
    TOMO.at(TSUBAKI): Expected(_values(4), _reasons(Reason.WITHHELD)),
    MIWA.at(TSUBAKI): Expected(reasons=_reasons(Reason.SUBJECT_MISMATCH)),
    KEN.at(TSUBAKI): Expected(reasons=_reasons(Reason.NOT_LINKED_AT_PROVIDER)),
    SUZU.at(TSUBAKI): Expected(reasons=_reasons(Reason.NOT_REGISTERED)),
    NOBODY: Expected(reasons=_reasons(Reason.UNKNOWN_ADDRESSEE)),
} | {
    one.at(TSUBAKI): Expected(reasons=_reasons(Reason.CODE_NOT_ISSUED, Reason.NOT_LINKED_AT_PROVIDER)) for one in LATER
}
"""By the addressee number at Tsubaki. Tomo is marked at Aoba: staff decide."""
ASKABLE = tuple(EXPECTED)
ANSWERABLE = ASKABLE[:4]


async def settle(land: Land) -> None:
    """Everybody is registered where they are known, and linked; Aoba's provision database is filled."""
    at_both = (HANA, JIRO, KIKU, TOMO, MIWA, SUZU)
    linked = await land.register(TSUBAKI, *(one.line(TSUBAKI) for one in (*at_both, KEN)))
    assert set(linked.values()) == {"linked"}
    await land.register(TSUBAKI, *(one.line(TSUBAKI) for one in LATER), link=False)
    linked = await land.register(AOBA, *(one.line(AOBA) for one in at_both))
    assert set(linked.values()) == {"linked"}
    # Linked as the register knows her; only then does Aoba's own file say another date.
    await land.register(AOBA, MIWA.line(AOBA, born="1955-07-06"), link=False)
    for one in (HANA, JIRO, KIKU, TOMO):
        await land.hold(AOBA, one.at(AOBA), EXPECTED[one.at(TSUBAKI)].values)
    await land.hold(AOBA, MIWA.at(AOBA), _values(5))
    await land.protect(AOBA, TOMO.at(AOBA))


def secrets_of(one: Person) -> tuple[str, ...]:
    """What of a person may stand in no log."""
    return one.code, one.number, one.name, one.kana, one.address, *one.addressees.values()
