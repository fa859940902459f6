"""SQL on how people's links stand, and on what the core was asked to change of them (C8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.refusal import Reason
from nakadachi.telegrams.link import LinkChange
from nakadachi.telegrams.standing import days_of
from nakadachi.terms import LinkCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.standing import LinkDays
    from nakadachi.terms import TelegramId


@dataclass(frozen=True, slots=True)
class Linked:
    """One of the organisation's people with a link, also one that is over: the code and its days."""

    addressee: AddresseeNumber
    code: LinkCode
    days: LinkDays


@dataclass(frozen=True, slots=True)
class Asked:
    """What the core was asked to change of a person's link; `outcome` None while it has not answered, '' where done."""

    addressee: AddresseeNumber = field(repr=False)
    change: LinkChange
    on: date
    outcome: Reason | str | None = None


_LINKED = (
    "SELECT addressee, coalesce(link_code, ended_code) AS link_code, linked_at, suspended_at, resumed_at, unlinked_at"
    " FROM person"
)


async def links(connection: Connection, addressees: Sequence[AddresseeNumber]) -> dict[AddresseeNumber, Linked]:
    """The links of these people; none for who is not known or was never linked."""
    rows = await connection.fetch(
        f"{_LINKED} WHERE addressee = ANY($1::text[]) AND linked_at IS NOT NULL", [one.value for one in addressees]
    )
    return {one.addressee: one for one in map(_linked, rows)}


async def special_links(connection: Connection, *, most: int) -> list[Linked]:
    """Up to `most` links of which more is told than since when they are, in the order of the addressee numbers."""
    rows = await connection.fetch(
        f"{_LINKED} WHERE linked_at IS NOT NULL AND (suspended_at IS NOT NULL OR unlinked_at IS NOT NULL)"
        " ORDER BY addressee LIMIT $1",
        most,
    )
    return [_linked(row) for row in rows]


def _linked(row: Any) -> Linked:
    days = days_of(row["linked_at"], row["suspended_at"], row["resumed_at"], row["unlinked_at"])
    assert days is not None  # noqa: S101  a code is set with its day
    return Linked(AddresseeNumber(row["addressee"]), LinkCode(row["link_code"]), days)


async def known(connection: Connection, addressees: Sequence[AddresseeNumber]) -> frozenset[AddresseeNumber]:
    """Those of these who are registered."""
    rows = await connection.fetch(
        "SELECT addressee FROM person WHERE addressee = ANY($1::text[])", [one.value for one in addressees]
    )
    return frozenset(AddresseeNumber(row["addressee"]) for row in rows)


async def ask(connection: Connection, telegram: TelegramId, asked: Sequence[Asked], now: datetime) -> None:
    """Keep what a telegram asks of the core; the item is the place in it. What was asked of a person before goes."""
    await connection.executemany(
        "INSERT INTO link_change (addressee, telegram, item, change, on_day, asked_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (addressee) DO UPDATE SET telegram = excluded.telegram, item = excluded.item,"
        " change = excluded.change, on_day = excluded.on_day, asked_at = excluded.asked_at, outcome = NULL",
        [(one.addressee.value, telegram.value, item, one.change.value, one.on, now) for item, one in enumerate(asked)],
    )


async def settle(
    connection: Connection, telegram: TelegramId, outcomes: Sequence[Reason | None] | None, refused: Reason
) -> list[Asked]:
    """Keep how the core answered: an outcome per item, or a refusal of all. Returns what was done now."""
    rows = await connection.fetch(
        "UPDATE link_change SET outcome = coalesce(($2::text[])[item + 1], $3)"
        " WHERE telegram = $1 AND outcome IS NULL RETURNING addressee, change, on_day, outcome",
        telegram.value,
        [one.value if one else "" for one in outcomes or ()],
        refused.value,
    )
    return [_asked(row) for row in rows if row["outcome"] == ""]


async def asked(connection: Connection, addressees: Sequence[AddresseeNumber]) -> dict[AddresseeNumber, Asked]:
    """What the core was asked last for these people."""
    rows = await connection.fetch(
        "SELECT addressee, change, on_day, outcome FROM link_change WHERE addressee = ANY($1::text[])",
        [one.value for one in addressees],
    )
    return {one.addressee: one for one in map(_asked, rows)}


def _asked(row: Any) -> Asked:
    outcome = Reason(row["outcome"]) if row["outcome"] else row["outcome"]
    return Asked(AddresseeNumber(row["addressee"]), LinkChange(row["change"]), row["on_day"], outcome)


async def hold_links(connection: Connection, addressees: Sequence[AddresseeNumber]) -> dict[AddresseeNumber, Linked]:
    """The links of these people, held until the commit."""
    rows = await connection.fetch(
        f"{_LINKED} WHERE addressee = ANY($1::text[]) AND linked_at IS NOT NULL ORDER BY addressee FOR UPDATE",
        [one.value for one in addressees],
    )
    return {one.addressee: one for one in map(_linked, rows)}


async def set_days(connection: Connection, changed: Mapping[AddresseeNumber, LinkDays]) -> None:
    """Keep the days of these people's links."""
    await connection.executemany(
        "UPDATE person SET suspended_at = $2, resumed_at = $3, unlinked_at = $4 WHERE addressee = $1",
        [(one.value, days.suspended, days.resumed, days.unlinked) for one, days in changed.items()],
    )


async def mark_listed(connection: Connection, addressees: Iterable[AddresseeNumber], *, listed: bool) -> None:
    """変更通知の対象: whether these people are among those whose changes are wanted (C17)."""
    await connection.execute(
        "UPDATE person SET listed = $2 WHERE addressee = ANY($1::text[]) AND listed <> $2",
        [one.value for one in addressees],
        listed,
    )


async def forget_listed(connection: Connection) -> None:
    """Nobody is listed any more."""
    await connection.execute("UPDATE person SET listed = false WHERE listed")


async def listed_codes(connection: Connection) -> list[LinkCode]:
    """The codes of those whose changes are wanted."""
    rows = await connection.fetch(
        "SELECT link_code FROM person WHERE listed AND link_code IS NOT NULL ORDER BY addressee"
    )
    return [LinkCode(row["link_code"]) for row in rows]


async def addressees_of(connection: Connection, codes: Sequence[LinkCode]) -> dict[LinkCode, AddresseeNumber]:
    """Whose codes these are; a code that was replaced a while ago is still its person's (C6)."""
    rows = await connection.fetch(
        "SELECT addressee, link_code FROM former_code WHERE link_code = ANY($1::text[])"
        " UNION ALL SELECT addressee, link_code FROM person WHERE link_code = ANY($1::text[])",
        [one.value for one in codes],
    )
    return {LinkCode(row["link_code"]): AddresseeNumber(row["addressee"]) for row in rows}


async def end_links(connection: Connection, now: datetime) -> None:
    """Who is unlinked by now has no code any more: a new link is a new issuance."""
    await connection.execute(
        "UPDATE person SET ended_code = link_code, link_code = NULL WHERE unlinked_at <= $1 AND link_code IS NOT NULL",
        now,
    )
