"""Exactly once in effect: what was handled is kept with the digest of its bytes and its final answer (design 2.8).

An exact retry gets the former answer; the same number with other bytes is refused. "Later" is never stored as an
answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.kit.unit import Forward
from nakadachi.terms import NodeName, TelegramId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection


@dataclass(frozen=True, slots=True)
class Seen:
    """A telegram handled before: the digest of its bytes, and its answer or the way it was relayed."""

    digest: bytes
    answer: bytes | None
    forward: Forward | None


@dataclass(frozen=True, slots=True)
class Handled:
    """A telegram handled now, as it is kept."""

    author: NodeName
    id: TelegramId
    digest: bytes
    answer: bytes | None
    forward: Forward | None


async def seen(
    connection: Connection, keys: Sequence[tuple[NodeName, TelegramId]]
) -> dict[tuple[NodeName, TelegramId], Seen]:
    """Those of `keys` that were handled before."""
    rows = await connection.fetch(
        "SELECT author, id, digest, answer, forward_to, forward_url FROM inbox WHERE id = ANY($1::text[])",
        [key[1].value for key in keys],
    )
    found = {}
    for row in rows:
        forward = Forward(NodeName(row["forward_to"]), row["forward_url"]) if row["forward_to"] else None
        found[NodeName(row["author"]), TelegramId(row["id"])] = Seen(row["digest"], row["answer"], forward)
    return found


async def keep(connection: Connection, handled: Sequence[Handled], now: datetime) -> None:
    """Keep what was handled; a concurrent second handling fails on the key and is rolled back."""
    await connection.executemany(
        "INSERT INTO inbox (author, id, digest, answer, forward_to, forward_url, handled_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (
                one.author.value,
                one.id.value,
                one.digest,
                one.answer,
                one.forward.to.value if one.forward else None,
                one.forward.url if one.forward else None,
                now,
            )
            for one in handled
        ],
    )


async def answers(connection: Connection, ids: Sequence[TelegramId]) -> dict[TelegramId, bytes]:
    """The final answers there are to telegrams of these numbers, whoever settled them."""
    rows = await connection.fetch(
        "SELECT id, answer FROM inbox WHERE id = ANY($1::text[]) AND answer IS NOT NULL", [one.value for one in ids]
    )
    return {TelegramId(row["id"]): bytes(row["answer"]) for row in rows}


async def settle(connection: Connection, settled: Sequence[tuple[NodeName, TelegramId, bytes]]) -> None:
    """Keep the final answer to telegrams handled before, so that a retry gets it."""
    await connection.executemany(
        "UPDATE inbox SET answer = $3 WHERE id = $2 AND author = $1",
        [(author.value, one.value, answer) for author, one, answer in settled],
    )
