"""Finds a secret in bytes, however it is written there: as text, in hex, in base64, inside signed headers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator

from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import decode_envelope, decode_frame
from nakadachi.telegrams.envelope import SALT_BYTES, Envelope
from tests.invented import Person


def written(secret: str | bytes) -> frozenset[bytes]:
    """The ways a secret may stand in a haystack."""
    raw = secret.encode() if isinstance(secret, str) else secret
    ways = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    if isinstance(secret, str):
        ways |= {json.dumps(secret)[1:-1].encode(), secret.encode("utf-16-le"), secret.encode("utf-16-be")}
    for before in range(3):
        # What stands before and after is not known: the characters that depend on it are left out.
        whole = base64.b64encode(bytes(before) + raw)
        core = whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        ways |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    return frozenset(ways)


def spellings(person: Person) -> tuple[str, ...]:
    """A person's name, kana and address, also without spaces, as the registry organisation keeps them."""
    texts = (person.name, person.kana, person.address)
    return (*texts, *("".join(text.split()) for text in texts))


def found(haystack: bytes, secrets: Iterable[str | bytes]) -> bool:
    """Whether any of the secrets stands in the haystack in any way."""
    return any(way in haystack for secret in secrets for way in written(secret))


def unfolded(frame: bytes) -> bytes:
    """The bytes of a request or answer, and after them all that is folded up in them: headers, enclosed telegrams."""
    try:
        return b"\n".join([frame, *(piece for one in decode_frame(frame) for piece in _pieces(one.envelope))])
    except Refusal:
        return frame


def _pieces(envelope: Envelope) -> Iterator[bytes]:
    for segment in envelope.jws.split(b".")[:2]:
        yield base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    for part in envelope.parts:
        if part is None:
            continue
        yield part
        for inner in (part, part[SALT_BYTES:]):
            try:
                yield from _pieces(decode_envelope(inner).envelope)
            except Refusal:
                continue
