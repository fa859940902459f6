"""Bytes to telegrams and back. Total: any bytes become a list of telegrams or a Refusal; never knows who sent them.

A request or answer carries one or more envelopes as MessagePack; headers are JSON inside JWS compact (RFC 7515).
A header has one spelling: the one `encode_json` writes, so that two readers cannot read two things (design 2.2).
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from typing import Any, TypeVar, overload

import msgspec

from nakadachi.crypto.signing import Signer, VerifyKey, read_compact, sign_compact, verify
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.catalogue import TELEGRAMS
from nakadachi.telegrams.envelope import ITEMS_LIMIT, SALT_BYTES, Envelope, Lane, Part, Received, Telegram, Verified
from nakadachi.terms import Code

T = TypeVar("T")

HEADER_LIMIT = {Lane.INTERACTIVE: 64 * 1024, Lane.BULK: 4 * 1024 * 1024}
BODY_LIMIT = 16 * 1024 * 1024
"""Bytes of all parts of one telegram."""
PARTS_LIMIT = 4 * ITEMS_LIMIT
"""Parts of one telegram: every item has a few, and each is looked up by its name."""
FRAME_LIMIT = BODY_LIMIT + 2 * HEADER_LIMIT[Lane.BULK]
"""Bytes of one request, its header grown by base64; a larger one is refused unread (design, fixed values)."""


def _write_code(value: object) -> str:
    if isinstance(value, Code):
        return value.value
    raise NotImplementedError(f"{type(value).__name__} is not a word of the wire")


def _read_code(kind: type, value: object) -> Any:
    """A word of the wire. Raises ValueError that does not show the value: it may be a secret in the wrong place."""
    if issubclass(kind, Code) and isinstance(value, str):
        with suppress(ValueError):
            return kind(value)
    raise ValueError(f"Expected `{kind.__name__}`") from None


_header_encoder = msgspec.json.Encoder(enc_hook=_write_code)
_header_decoder = msgspec.json.Decoder(TELEGRAMS, dec_hook=_read_code)
_frame_decoder = msgspec.msgpack.Decoder(list[Envelope])
_envelope_decoder = msgspec.msgpack.Decoder(Envelope)
_msgpack = msgspec.msgpack.Encoder()


_SAID = re.compile(
    r"Expected `[A-Za-z0-9 |,]+`( with a timezone component| of (at most )?length [<>= 0-9]+)?(, got `?[a-z0-9]+`?)?"
    r"|Object missing required field `[a-z_]+`|Object contains unknown field|Invalid value|Invalid enum value"
    r"|Invalid RFC3339 encoded datetime|Invalid base64 encoded string|Input data was truncated"
    r"|(JSON|MessagePack data) is malformed"
)
_ENDS_OF_TIME = (b'"0001-', b'"9999-')
_PLACE = re.compile(r" - at `\$[a-z_.\[\]0-9]{0,80}`$")
"""The words of msgspec that name our own fields and types only."""


def encode_json(value: object) -> bytes:
    """Any struct of the wire as JSON."""
    return _header_encoder.encode(value)


@overload
def decode_json(raw: bytes, kind: type[T]) -> T: ...
@overload
def decode_json(raw: bytes, kind: Any) -> Any: ...  # a union or a generic is no type to mypy
def decode_json(raw: bytes, kind: Any) -> Any:
    """JSON to a struct of the wire, or a union of them. Raises Refusal(BAD_FORMAT)."""
    try:
        return msgspec.json.decode(raw, type=kind, dec_hook=_read_code)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"{getattr(kind, '__name__', 'struct')}: {_where(wrong)}") from None


def encode_frame(envelopes: list[Envelope]) -> bytes:
    """One or more envelopes as the body of a request or an answer."""
    return _msgpack.encode(envelopes)


def encode_envelope(envelope: Envelope) -> bytes:
    """One envelope alone, as it is kept or enclosed."""
    return _msgpack.encode(envelope)


def decode_frame(raw: bytes) -> list[Received]:
    """The body of a request or answer to telegrams. Raises Refusal(TOO_LARGE, BAD_FORMAT)."""
    if len(raw) > FRAME_LIMIT:
        raise Refusal(Reason.TOO_LARGE, f"{len(raw)} bytes, at most {FRAME_LIMIT}")
    try:
        envelopes = _frame_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"frame: {_where(wrong)}") from None
    if not envelopes:
        raise Refusal(Reason.BAD_FORMAT, "frame: no telegram in it")
    return [read(envelope) for envelope in envelopes]


def decode_envelope(raw: bytes) -> Received:
    """One enclosed envelope to a telegram. Raises Refusal(TOO_LARGE, BAD_FORMAT)."""
    try:
        envelope = _envelope_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"envelope: {_where(wrong)}") from None
    return read(envelope)


def read(envelope: Envelope) -> Received:
    """The header of an envelope, its form and its parts' digests checked. Raises Refusal."""
    compact = read_compact(envelope.jws, limit=HEADER_LIMIT[Lane.BULK] * 2)
    try:
        header = _header_decoder.decode(compact.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"header: {_where(wrong)}") from None
    if len(compact.payload) > HEADER_LIMIT[header.lane]:
        raise Refusal(Reason.TOO_LARGE, f"header of {len(compact.payload)} bytes in lane {header.lane.value}")
    if compact.kid != header.author.value:
        raise Refusal(Reason.BAD_SIGNATURE, "the key named is not the author's")
    if _header_encoder.encode(header) != compact.payload:
        raise Refusal(Reason.BAD_FORMAT, "header: not the canonical text of what it says")
    check_moments(compact.payload)
    if len(set(header.exchanges)) != len(header.exchanges):
        raise Refusal(Reason.BAD_FORMAT, "header: an exchange stands in it twice")
    _check_parts(header, envelope)
    return Received(header, envelope, compact)


def check_moments(document: bytes) -> None:
    """Pass where a signed document without free texts holds no moment at an end of the calendar.

    With its offset such a moment may have no UTC, so that no database could keep it. Raises Refusal(BAD_FORMAT).
    """
    if any(year in document for year in _ENDS_OF_TIME):
        raise Refusal(Reason.BAD_FORMAT, "a moment lies in the first or the last year of the calendar")


def _check_parts(header: Telegram, envelope: Envelope) -> None:
    if len(header.parts) > PARTS_LIMIT:
        raise Refusal(Reason.BAD_FORMAT, f"{len(header.parts)} parts described, at most {PARTS_LIMIT}")
    if len(header.parts) != len(envelope.parts):
        raise Refusal(Reason.BAD_FORMAT, f"{len(header.parts)} parts described, {len(envelope.parts)} sent")
    if len({(described.name, described.item) for described in header.parts}) != len(header.parts):
        raise Refusal(Reason.BAD_FORMAT, "a part is described twice")
    sent = sum(len(content) for content in envelope.parts if content is not None)
    if sent > BODY_LIMIT:
        raise Refusal(Reason.TOO_LARGE, f"parts of {sent} bytes, at most {BODY_LIMIT}")
    for place, (described, content) in enumerate(zip(header.parts, envelope.parts, strict=True)):
        if content is None:
            continue
        if len(content) != described.size or hashlib.sha256(content).digest() != described.digest:
            raise Refusal(Reason.BAD_FORMAT, f"part {place} is not the one described")
        if described.personal and len(content) < SALT_BYTES:
            raise Refusal(Reason.BAD_FORMAT, f"part {place} has no salt")


def check_signature(received: Received, key: VerifyKey) -> Verified[Telegram]:
    """Received to Verified. Raises Refusal(BAD_SIGNATURE)."""
    verify(received.compact, key)
    return Verified(received.header, received.envelope)


def write(header: Telegram, contents: tuple[bytes, ...], key: Signer) -> Verified[Telegram]:
    """Sign a header as its author; `contents` are the parts in the header's order."""
    jws = sign_compact(key, encode_json(header), kid=header.author.value)
    return Verified(header, Envelope(jws, contents))


def describe_part(name: str, content: bytes, *, item: int = 0, personal: bool = False) -> Part:
    """The header's line on a part; a personal part's content starts with its salt."""
    return Part(name=name, digest=hashlib.sha256(content).digest(), size=len(content), item=item, personal=personal)


def _where(wrong: Exception) -> str:
    """What is wrong and where, without a word that was sent: a secret may stand in the wrong place."""
    text = str(wrong)
    said = _SAID.match(text)
    place = _PLACE.search(text)
    return (said[0] if said else "not of its form") + (place[0] if place else "")
