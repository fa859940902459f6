"""Steps (4) and (6) of the one path, for many telegrams of a kind: which are new and in turn, what is kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from nakadachi.kit import inbox
from nakadachi.kit.unit import Asked, Forward, Reply, Unit, entry_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.catalogue import Hop, Stop
from nakadachi.telegrams.codec import decode_envelope, encode_envelope
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.proceeding import require_turn
from nakadachi.terms import Serial

Placed = tuple[Verified[Any], Hop, Stop]
"""A verified telegram, its line of the catalogue, and our stop on its path."""


async def unseen(unit: Unit, batch: Sequence[Placed], replies: list[Reply]) -> list[int]:
    """Places of telegrams not handled before; the others get their former reply in `replies` (design 2.8)."""
    keys = [(verified.header.author, verified.header.id) for verified, _, _ in batch]
    former = await inbox.seen(unit.connection, keys)
    fresh = []
    for place, key in enumerate(keys):
        seen = former.get(key)
        if seen is None:
            fresh.append(place)
        elif seen.digest != _digest(batch[place][0]):
            replies[place] = Refusal(Reason.ALREADY_USED, "the telegram's number was used for other bytes")
        elif seen.answer is not None:
            answer = decode_envelope(seen.answer)
            replies[place] = Verified(answer.header, answer.envelope)
        else:
            replies[place] = seen.forward
    return fresh


def in_turn(
    batch: Sequence[Placed], fresh: Sequence[int], known: Mapping[Serial, Any], replies: list[Reply]
) -> tuple[list[int], list[Asked[Any]]]:
    """(4): those whose every exchange is in the right state, with what is known of it; the others are refused."""
    places, asked = [], []
    for place in fresh:
        verified, line, here = batch[place]
        own = {serial: known[serial] for serial in verified.header.exchanges if serial in known}
        try:
            for serial in verified.header.exchanges:
                require_turn(line, here, own[serial].last if serial in own else None)
        except Refusal as refusal:
            replies[place] = refusal
            continue
        places.append(place)
        asked.append(Asked(verified, own))
    return places, asked


async def kept_meanwhile(unit: Unit, batch: Sequence[Placed], refused: Sequence[int], replies: list[Reply]) -> None:
    """Those refused as out of turn that another instance kept between our two looks: they get their former reply."""
    again: list[Reply] = [None] * len(refused)
    fresh = await unseen(unit, [batch[place] for place in refused], again)
    for spot, place in enumerate(refused):
        if spot not in fresh:
            replies[place] = again[spot]


async def keep_handled(unit: Unit, handled: Sequence[tuple[Verified[Any], Reply]]) -> None:
    """(6): what was handled, with its final answer or the way it goes on; a relay's telegram goes to the outbox."""
    rows = []
    for verified, reply in handled:
        answer = encode_envelope(reply.envelope) if isinstance(reply, Verified) else None
        forward = reply if isinstance(reply, Forward) else None
        rows.append(inbox.Handled(verified.header.author, verified.header.id, _digest(verified), answer, forward))
        if forward is not None:
            unit.outgoing.append(entry_of((verified,), forward.to, forward.url, forward.until))
    await inbox.keep(unit.connection, rows, unit.now)


def _digest(verified: Verified[Any]) -> bytes:
    """Of what the author signed, not of the signature: a relay can turn an ECDSA signature into its other valid form,
    and the author's own retry must still get its former answer.
    """
    signed, _, _ = verified.envelope.jws.rpartition(b".")
    return hashlib.sha256(signed).digest()
