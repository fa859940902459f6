"""窓口: certificates are issued, renewed, revoked, suspended and resumed here; each request may be sent again (R3).

A request's number stands for one certificate: sent again, it gives the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nakadachi.kit.database import retrying
from nakadachi.neighbours.jpki import jpki_store as store
from nakadachi.neighbours.jpki.authority import Order, issue_authentication, issue_signature
from nakadachi.neighbours.jpki.faults import NotDone, Objection
from nakadachi.neighbours.jpki.generations import new_serial
from nakadachi.neighbours.jpki.items import Birth, FourItems
from nakadachi.neighbours.jpki.jpki_store import EXPIRED, Kept
from nakadachi.neighbours.jpki.parts import Jpki
from nakadachi.neighbours.jpki.profile import Kind, Municipality, PublicKey
from nakadachi.neighbours.jpki.rules import (
    Holder,
    end_of,
    renewable_from,
    require_signature_allowed,
    valid_until,
)
from nakadachi.neighbours.jpki.states import Revocation, State
from nakadachi.terms import CROCKFORD, japan_day

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection

IN_USE = {State.GOOD.value, State.HELD.value}
REQUEST_LIMIT = 64
COMMON_NAME_CHARACTERS = 14


@dataclass(frozen=True, slots=True)
class Application:
    """発行申請: one certificate for one holder.

    `request`: the counter's number for it, 1 to 64 printable ASCII characters; `born` decides how long it counts, and
    stands in a signature certificate only; `renew`: there is one that it takes the place of.
    """

    request: str
    kind: Kind
    holder: Holder
    place: Municipality
    key: PublicKey = field(repr=False)
    born: Birth
    items: FourItems | None = None
    ward: bool = False
    renew: bool = False

    def __post_init__(self) -> None:
        if not (0 < len(self.request) <= REQUEST_LIMIT and self.request.isascii() and self.request.isprintable()):
            raise ValueError(f"request: 1 to {REQUEST_LIMIT} printable ASCII characters")
        if self.items is not None and self.items.born != self.born:
            raise ValueError("born: not the date of birth of the four items")

    @property
    def key_digest(self) -> bytes:
        """SHA-256 of the public key."""
        return sha256(self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that is applied for, by which a repeated request is known."""
        items = self.items
        words = [
            self.kind.value, self.holder.value, self.place.code.value, self.place.prefecture, self.place.city,
            self.born.text, str(self.ward), str(self.renew), self.key_digest.hex(),
            *((items.name.value, items.name.flags, items.sex, items.address.value, items.address.flags)
              if items and self.kind is Kind.SIGNATURE else ()),
        ]  # fmt: skip
        return sha256("\0".join(words).encode()).digest()


async def issue(jpki: Jpki, application: Application) -> Kept:
    """発行・更新: the certificate of this request, now or from before. Raises NotDone; then nothing has changed."""

    async def once() -> Kept:
        async with jpki.database.transaction() as connection:
            return await _issue(jpki, connection, application)

    # Another counter may issue for the same holder, or for the same request, at the same moment: look again.
    return await retrying(once, look_again=True)


async def _issue(jpki: Jpki, connection: Connection, application: Application) -> Kept:
    # (1) A request that was carried out before gets what it got.
    await store.hold(connection, application.holder)
    former = await store.of_request(connection, application.kind, application.request)
    if former is not None:
        if former.digest != application.digest:
            raise NotDone(Objection.OTHER_REQUEST)
        return former
    # (2) May this holder have one, for this key?
    now = jpki.second()
    _require_allowed(jpki, application, now)
    if await store.key_is_used(connection, application.key_digest):
        raise NotDone(Objection.USED_KEY)
    held = await store.of_holder(connection, application.holder)
    if await store.has_died(connection, application.holder):
        raise NotDone(Objection.PERSON_DEAD)
    earlier = [one for one in held if one.kind is application.kind]
    current = next((one for one in earlier if one.state in IN_USE), None)
    _require_place(application, current, now)
    # (3) The one that it takes the place of ends with it.
    if current is not None and application.renew:
        await store.mark(connection, current, State.REVOKED.value, now, Revocation.SUPERSEDED)
    elif current is not None:
        await store.mark(connection, current, EXPIRED, current.until, None)
    # (4) Issue, and keep it before it is given away.
    place = application.place
    partition = await store.partition_of(connection, application.kind, place.code.value, place.prefecture, place.city)
    kept = _make(jpki, application, now, partition, earlier)
    await store.keep(connection, kept)
    return kept


def _require_allowed(jpki: Jpki, application: Application, now: datetime) -> None:
    if not jpki.settings.algorithm.fits(application.key):
        raise NotDone(Objection.WRONG_KEY)
    if application.kind is Kind.SIGNATURE:
        if application.items is None:
            raise NotDone(Objection.ITEMS_LACKING)
        require_signature_allowed(application.born, japan_day(now), ward=application.ward)


def _require_place(application: Application, current: Kept | None, now: datetime) -> None:
    """A holder has one certificate of a kind at a time; a new one follows it only when it is about to end, or did."""
    live = current if current is not None and current.until >= now else None
    if not application.renew:
        if live is not None:
            raise NotDone(Objection.HAS_ONE)
        return
    if live is None or live.state != State.GOOD.value:
        raise NotDone(Objection.NONE_TO_RENEW)
    if japan_day(now) < renewable_from(japan_day(live.until)):
        raise NotDone(Objection.TOO_EARLY)


def _make(jpki: Jpki, application: Application, now: datetime, partition: int, earlier: Sequence[Kept]) -> Kept:
    authority = jpki.generations.newest(application.kind)
    order = Order(
        new_serial(jpki.entropy),
        common_name(jpki.entropy.bytes(COMMON_NAME_CHARACTERS), application.place),
        application.place,
        now,
        end_of(valid_until(application.born, japan_day(now))),
        jpki.settings.responder,
    )
    if application.kind is Kind.SIGNATURE and application.items is not None:
        made = issue_signature(authority, application.key, order, application.items)
    else:
        made = issue_authentication(authority, application.key, order)
    return Kept(
        application.kind, order.serial, authority.key_id, partition, application.holder, application.key_digest,
        application.request, application.digest, now, order.until, State.GOOD.value, now, None,
        earlier[0].serial if earlier else None, made.public_bytes(Encoding.DER),
    )  # fmt: skip


def common_name(chance: bytes, place: Municipality) -> str:
    """A holder's opaque common name, in the shape of the one known test card: 14 characters of chance, the first five
    digits of the municipality's code, `001A` (facts 5.1; what the last four mean is not known).
    """
    return "".join(CROCKFORD[one & 31] for one in chance) + place.code.value[:5] + "001A"


async def certificates(jpki: Jpki, holder: Holder) -> list[Kept]:
    """照会: all certificates of a holder, the newest first."""
    async with jpki.database.acquire() as connection:
        return await store.of_holder(connection, holder)


async def revoke(jpki: Jpki, kind: Kind, serial: int, reason: Revocation) -> Kept:
    """失効: for good; one that is revoked already stays as it is. Raises NotDone(NOT_FOUND, GONE)."""
    if reason is Revocation.HELD:
        return await suspend(jpki, kind, serial)
    return await _change(jpki, kind, serial, State.REVOKED, reason)


async def suspend(jpki: Jpki, kind: Kind, serial: int) -> Kept:
    """一時停止: until it is resumed or revoked. Raises NotDone(NOT_FOUND, GONE)."""
    return await _change(jpki, kind, serial, State.HELD, Revocation.HELD)


async def resume(jpki: Jpki, kind: Kind, serial: int) -> Kept:
    """一時停止の解除. Raises NotDone(NOT_FOUND, NOT_HELD, GONE)."""
    return await _change(jpki, kind, serial, State.GOOD, None)


async def _change(jpki: Jpki, kind: Kind, serial: int, to: State, reason: Revocation | None) -> Kept:
    async with jpki.database.transaction() as connection:
        found = await store.of_serial(connection, kind, serial)
        if found is None:
            raise NotDone(Objection.NOT_FOUND)
        await store.hold(connection, found.holder)
        one = await store.of_serial(connection, kind, serial)
        assert one is not None  # noqa: S101  nothing is ever deleted
        now = jpki.second()
        if one.state == to.value:
            return one
        if one.state not in IN_USE or one.until < now:
            raise NotDone(Objection.GONE)
        if to is State.GOOD and one.state != State.HELD.value:
            raise NotDone(Objection.NOT_HELD)
        await store.mark(connection, one, to.value, now, reason)
        again = await store.of_serial(connection, kind, serial)
        assert again is not None  # noqa: S101  nothing is ever deleted
        return again
