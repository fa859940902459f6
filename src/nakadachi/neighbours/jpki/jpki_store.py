"""All SQL about certificates and their holders. It takes and returns the service's own words, never rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nakadachi.neighbours.jpki.profile import Kind
from nakadachi.neighbours.jpki.rules import Change, Holder, ResidentChange
from nakadachi.neighbours.jpki.states import Revocation, State, Status

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection

_COLUMNS = (
    "kind, serial, key_id, partition, holder, holder_key, request, digest, issued_at, until, state, since, reason,"
    " follows, der"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One certificate as it is kept; `state` is State's word, or `expired` once another took its place after its end.

    `holder_key`: SHA-256 of its public key; `request` and `digest`: of the request that it was issued for.
    """

    kind: Kind
    serial: int = field(repr=False)
    key_id: bytes = field(repr=False)
    partition: int
    holder: Holder
    holder_key: bytes = field(repr=False)
    request: str
    digest: bytes = field(repr=False)
    issued_at: datetime
    until: datetime
    state: str
    since: datetime
    reason: Revocation | None
    follows: int | None = field(repr=False)
    der: bytes = field(repr=False)

    @property
    def status(self) -> Status:
        """What is said of it to verifiers: one that has expired was never revoked."""
        state = State.GOOD if self.state == EXPIRED else State(self.state)
        return Status(state, self.since, self.reason)


EXPIRED = "expired"


def hexed(serial: int) -> str:
    """A serial number as it is kept and shown: lower-case hexadecimal."""
    return f"{serial:x}"


def _kept(row: Any) -> Kept:
    return Kept(
        Kind(row["kind"]),
        int(row["serial"], 16),
        row["key_id"],
        row["partition"],
        Holder(row["holder"]),
        row["holder_key"],
        row["request"],
        row["digest"],
        row["issued_at"],
        row["until"],
        row["state"],
        row["since"],
        Revocation(row["reason"]) if row["reason"] else None,
        int(row["follows"], 16) if row["follows"] else None,
        row["der"],
    )


async def partition_of(connection: Connection, kind: Kind, place: str, prefecture: str, city: str) -> int:
    """The partition of a municipality, made at its first certificate."""
    found = await connection.fetchval(
        "SELECT id FROM partition WHERE kind = $1 AND place = $2 AND prefecture = $3 AND city = $4",
        kind.value, place, prefecture, city,
    )  # fmt: skip
    if found is None:
        found = await connection.fetchval(
            "INSERT INTO partition (kind, place, prefecture, city) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (kind, place, prefecture, city) DO UPDATE SET city = excluded.city RETURNING id",
            kind.value, place, prefecture, city,
        )  # fmt: skip
    return int(found)


async def keep(connection: Connection, new: Kept) -> None:
    """Keep a new certificate. Raises asyncpg.UniqueViolationError where another took its place meanwhile."""
    await connection.execute(
        f"INSERT INTO certificate ({_COLUMNS}) VALUES"  # noqa: S608  columns of our own
        " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        new.kind.value, hexed(new.serial), new.key_id, new.partition, new.holder.value, new.holder_key, new.request,
        new.digest, new.issued_at, new.until, new.state, new.since, new.reason.value if new.reason else None,
        None if new.follows is None else hexed(new.follows), new.der,
    )  # fmt: skip


async def of_request(connection: Connection, kind: Kind, request: str) -> Kept | None:
    """The certificate that was issued for a request."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM certificate WHERE kind = $1 AND request = $2",  # noqa: S608  columns of our own
        kind.value,
        request,
    )
    return _kept(row) if row else None


async def key_is_used(connection: Connection, holder_key: bytes) -> bool:
    """Whether there is a certificate for a public key, of either kind."""
    return bool(
        await connection.fetchval("SELECT EXISTS (SELECT 1 FROM certificate WHERE holder_key = $1)", holder_key)
    )


async def hold(connection: Connection, holder: Holder) -> None:
    """Hold a holder until the end of the transaction: whoever decides about the same one meanwhile waits."""
    await connection.execute(
        "INSERT INTO holder (holder) VALUES ($1) ON CONFLICT (holder) DO UPDATE SET holder = excluded.holder",
        holder.value,
    )


async def of_holder(connection: Connection, holder: Holder) -> list[Kept]:
    """All certificates of a holder, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM certificate WHERE holder = $1"  # noqa: S608  columns of our own
        " ORDER BY issued_at DESC, serial",
        holder.value,
    )
    return [_kept(row) for row in rows]


async def of_serial(connection: Connection, kind: Kind, serial: int) -> Kept | None:
    """The certificate with a serial number."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM certificate WHERE kind = $1 AND serial = $2",  # noqa: S608  columns of our own
        kind.value,
        hexed(serial),
    )
    return _kept(row) if row else None


async def status_of(connection: Connection, key_id: bytes, kind: Kind, serial: int) -> Status | None:
    """The state of a certificate that this key of this authority issued; None: it issued none with this number."""
    row = await connection.fetchrow(
        "SELECT state, since, reason FROM certificate WHERE kind = $1 AND serial = $2 AND key_id = $3",
        kind.value, hexed(serial), key_id,
    )  # fmt: skip
    if row is None:
        return None
    state = State.GOOD if row["state"] == EXPIRED else State(row["state"])
    return Status(state, row["since"], Revocation(row["reason"]) if row["reason"] else None)


async def mark(connection: Connection, one: Kept, state: str, since: datetime, reason: Revocation | None) -> None:
    """Set the state of a certificate."""
    await connection.execute(
        "UPDATE certificate SET state = $3, since = $4, reason = $5 WHERE kind = $1 AND serial = $2",
        one.kind.value, hexed(one.serial), state, since, reason.value if reason else None,
    )  # fmt: skip


async def hear(connection: Connection, change: ResidentChange) -> bool:
    """Note an event of the register; False where it was heard before."""
    tag = await connection.execute(
        "INSERT INTO heard (event, holder, change, at) VALUES ($1, $2, $3, $4) ON CONFLICT (event) DO NOTHING",
        change.event, change.holder.value, change.change.value, change.at,
    )  # fmt: skip
    return tag.endswith(" 1")


async def has_died(connection: Connection, holder: Holder) -> bool:
    """Whether the register said so, and did not take it back."""
    return bool(
        await connection.fetchval(
            "SELECT count(*) FILTER (WHERE change = $2) > count(*) FILTER (WHERE change = $3)"
            " FROM heard WHERE holder = $1",
            holder.value, Change.DEATH.value, Change.DEATH_UNDONE.value,
        )
    )  # fmt: skip


async def count(connection: Connection) -> dict[tuple[Kind, str], int]:
    """How many certificates there are of each kind in each state."""
    rows = await connection.fetch("SELECT kind, state, count(*) AS many FROM certificate GROUP BY kind, state")
    return {(Kind(row["kind"]), row["state"]): row["many"] for row in rows}


async def authorities(connection: Connection, kind: Kind) -> list[tuple[int, bytes]]:
    """The generations of an authority: number and certificate (DER), the oldest first."""
    rows = await connection.fetch(
        "SELECT generation, certificate FROM authority WHERE kind = $1 ORDER BY generation", kind.value
    )
    return [(row["generation"], row["certificate"]) for row in rows]


async def keep_authority(connection: Connection, kind: Kind, generation: int, key_id: bytes, der: bytes) -> None:
    """Keep a new generation; another process may have kept it first."""
    await connection.execute(
        "INSERT INTO authority (kind, generation, key_id, certificate) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        kind.value, generation, key_id, der,
    )  # fmt: skip
