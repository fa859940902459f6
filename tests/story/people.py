"""The people of the stories, invented by hand, and what the two organisations hold of them when a story begins."""

from __future__ import annotations

from tests.invented import AOBA, PENSION, TSUBAKI, invent
from tests.world import TAX_ITEMS, Land

HANA = invent("見本 花", "ミホン ハナ", "見本県見本市菫町1番", "1971-02-03")
"""Known at both ends; Aoba holds all that the law lets Tsubaki ask for."""
TARO = invent("見本 太郎", "ミホン タロウ", "見本県見本市楓町2番", "1982-03-04", sex="1")
"""As Hana, but marked at Aoba: staff decide."""
MIYO = invent("見本 美代", "ミホン ミヨ", "見本県見本市桐町3番", "1993-04-05")
"""Mixed up at Aoba: since she was linked, her row was given another date of birth."""
KENJI = invent("見本 健司", "ミホン ケンジ", "見本県見本市樫町4番", "1964-05-06", sex="1")
"""Known at Tsubaki only."""
SUMI = invent("見本 澄", "ミホン スミ", "見本県見本市杉町5番", "1955-06-07")
"""Known at both ends; Aoba holds nothing of her."""
RAN = invent("見本 蘭", "ミホン ラン", "見本県見本市萩町6番", "1986-07-08")
"""Registered at Tsubaki, but no link code was ever asked for."""
AKI, OTHER_AKI = (invent("見本 秋", "ミホン アキ", "見本県見本市栗町7番", "1977-08-09") for _ in range(2))
"""Two residents that no four items tell apart."""
NOBODY = invent("見本 無", "ミホン ム", "見本県見本市柊町8番", "1948-09-10")
"""No resident at all."""
EVERYBODY = (HANA, TARO, MIYO, KENJI, SUMI, RAN, AKI, OTHER_AKI)
"""Whom the registry organisation has."""

VALUES = {item: f"92718355{place:03}46" for place, item in enumerate(TAX_ITEMS[:-1])} | {TAX_ITEMS[-1]: "1"}
"""What Aoba holds of Hana: item to value."""


async def settle(land: Land) -> None:
    """Everybody is registered where they are known, and linked; Aoba's provision database is filled."""
    linked = await land.register(TSUBAKI, *(one.line(TSUBAKI) for one in (HANA, TARO, MIYO, KENJI, SUMI)))
    assert set(linked.values()) == {"linked"}
    await land.register(TSUBAKI, RAN.line(TSUBAKI), link=False)
    rows = [one.line(AOBA) for one in (HANA, TARO, MIYO, SUMI)]
    assert set((await land.register(AOBA, *rows)).values()) == {"linked"}
    await land.register(AOBA, MIYO.line(AOBA, born="1993-05-04"), link=False)
    assert await land.register(PENSION, HANA.line(PENSION)) == {HANA.at(PENSION): "linked"}
    for one in (HANA, TARO, MIYO):
        await land.hold(AOBA, one.at(AOBA), VALUES)
    await land.protect(AOBA, TARO.at(AOBA))
