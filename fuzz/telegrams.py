"""Targets on the way of a telegram: frames, envelopes, headers, the structs in their parts, permits, inquiries."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from fuzz import land
from fuzz.target import Form, keepable, require, same, target
from nakadachi.core.openings import Secrets
from nakadachi.crypto.signing import read_compact, sign_compact, verify
from nakadachi.kit.client import LONGEST_RETRY_SECONDS, read_retry_after
from nakadachi.ledger.records import Circumstance
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import (
    check_signature,
    decode_envelope,
    decode_frame,
    decode_json,
    encode_envelope,
    encode_frame,
    encode_json,
    read,
)
from nakadachi.telegrams.envelope import Envelope, Received, Verified
from nakadachi.telegrams.permit import LogContent, Opening, Permit
from nakadachi.telegrams.proceeding import check_address, check_answer, require_turn
from nakadachi.telegrams.provision import Body, ProvidedItem
from nakadachi.terms import LinkCode, Prefix
from tools import sample_telegrams as sample

KINDS: tuple[Any, ...] = (
    LogContent, Permit, Opening, Body, Prefix, Circumstance, Secrets, LinkCode, tuple[ProvidedItem, ...],
    dict[str, str],
)  # fmt: skip
"""What JSON stands for in parts and in rows."""
PAIRS = {"CheckPrefix": "PrefixAccepted", "RequestPermit": "PermitGranted", "InquireAt": "InquiryAccepted"}
_AUTHOR = re.compile(rb'"author":"([0-9A-Za-z:._/-]{1,128})"')


def _headers() -> dict[str, bytes]:
    return {name: encode_json(told.header) for name, told in land.telegrams().items()}


def _envelopes(names: Iterable[str]) -> dict[str, bytes]:
    return {name: encode_envelope(land.telegrams()[name].envelope) for name in names}


def _frames() -> dict[str, bytes]:
    told = land.telegrams()
    together = encode_frame([told["CheckPrefix"].envelope, told["RequestPermit"].envelope])
    return {"together": together, **{name: encode_frame([told[name].envelope]) for name in ("Noted", "LinkCodeIssued")}}


def _go_on(one: Received) -> str:
    """What a system does with what decoded, as far as it needs no database."""
    header = one.header
    same(encode_json(header), one.compact.payload, "a header has two spellings")
    same(decode_envelope(encode_envelope(one.envelope)), one, "an envelope is not written as it was read")
    keepable(header)
    with suppress(Refusal):
        check_signature(one, land.key_of(header.author).public if header.author in sample.NODES else _stranger())
    for me in (*sample.NODES, land.COMMISSION):
        for hop in sample.NODES:
            with suppress(Refusal):
                line, here = check_address(me, header, hop)
                for last in (None, *PAIRS, "Inquire"):
                    with suppress(Refusal):
                        require_turn(line, here, last)
    for told in land.telegrams().values():
        with suppress(Refusal):
            check_answer(told.header, header)
        with suppress(Refusal):
            check_answer(header, told.header)
    verified = Verified(header, one.envelope)
    for part in header.parts:
        with suppress(Refusal):
            verified.part(part.name, part.item)
    return type(header).__name__


def _stranger() -> Any:
    return land.key_of(sample.CORE).public


@target(
    "frame",
    covers=["telegrams.codec:decode_frame"],
    seeds=_frames,
    weight=3,
    needles=land.needles(),
)
def frame(data: bytes) -> str:
    """The body of a request: telegrams or a refusal."""
    received = decode_frame(data)
    envelopes = [one.envelope for one in received]
    same(decode_frame(encode_frame(envelopes)), received, "a frame is not written as it was read")
    return " ".join(_go_on(one) for one in received[:20])


@target(
    "envelope",
    covers=["telegrams.codec:decode_envelope"],
    seeds=lambda: _envelopes(("IssueSerial", "RequestLinkCode", "PermitGranted", "Refused")),
    needles=land.needles(),
)
def envelope(data: bytes) -> str:
    """An enclosed envelope."""
    return _go_on(decode_envelope(data))


@target(
    "header",
    covers=["telegrams.codec:read"],
    seeds=_headers,
    form=Form.JSON,
    weight=5,
    needles=land.needles(),
)
def header(data: bytes) -> str:
    """A header as somebody who can sign would write it: only what it says is hostile."""
    named = _AUTHOR.search(data)
    author = named[1].decode() if named else "core:9910000000000001"
    lines = 0
    with suppress(ValueError, RecursionError, AttributeError, TypeError):
        lines = len(json.loads(data).get("parts", ()))
    jws = b".".join(_unsigned(author, data))
    return _go_on(read(Envelope(jws, (None,) * min(lines, 4096))))


def _unsigned(author: str, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """A JWS of the right form with a signature of nobody: signing each would cost more than reading it."""
    protected = b'{"alg":"ES256","kid":"' + author.encode() + b'"}'
    return _b64(protected), _b64(payload), _b64(bytes(64))


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@target(
    "jws",
    covers=["crypto.signing:read_compact", "crypto.signing:verify"],
    seeds=lambda: {name: land.telegrams()[name].envelope.jws for name in ("IssueSerial", "Pending")},
)
def jws(data: bytes) -> str:
    """A signed text alone: it has one spelling, and only its author's key verifies it."""
    compact = read_compact(data)
    signature = _b64(compact.signature)
    same(data, compact.signed + b"." + signature, "a JWS has two spellings")
    same(_b64(compact.payload), data.split(b".")[1], "a payload has two spellings")
    same(
        sign_compact(land.key_of(sample.CORE), compact.payload, kid=compact.kid).rpartition(b".")[0],
        compact.signed,
        "kid",
    )
    verify(compact, land.key_of(sample.MS_A).public)
    return "verified"


def _structs() -> dict[str, bytes]:
    content, permit, _ = sample.the_permit()
    told = land.telegrams()
    opening = Opening(salt=bytes(32), value=sample.codes_of_the_person()[1])
    items = (ProvidedItem(item=sample.PREFIX.items[0], version="1", updated_at="2026-03-01", value="1"),)
    body = Body(serial=sample.SERIAL, subject={"born": "1990-04-01"}, items=items)
    salts: dict[str, Any] = {f"{name}_salt": bytes(32) for name in ("inquirer", "provider", "person", "oversight")}
    values: dict[str, tuple[Any, Any]] = {
        "content": (LogContent, content),
        "permit": (Permit, permit),
        "opening": (Opening, opening),
        "body": (Body, body),
        "prefix": (Prefix, sample.PREFIX),
        "circumstance": (Circumstance, Circumstance(staff="1", terminal="T")),
        "secrets": (Secrets, Secrets(**salts, inquirer_code=opening.value)),
        "code": (LinkCode, LinkCode(opening.value)),
        "items": (tuple[ProvidedItem, ...], items),
        "words": (dict[str, str], {"name": "見本", "address": "見本", "sex": "2", "born": "1990-04-01"}),
    }
    require(told, "no sample telegrams")
    return {name: b"%d" % KINDS.index(kind) + encode_json(value) for name, (kind, value) in values.items()}


@target(
    "struct",
    covers=["telegrams.codec:decode_json"],
    seeds=_structs,
    form=Form.TEXT,
    weight=2,
    needles=land.needles(),
)
def struct(data: bytes) -> str:
    """JSON of a part or a row: its first digit says which."""
    kind = KINDS[data[0] % len(KINDS) if not data[:1].isdigit() else int(data[:1])] if data else KINDS[0]
    made = decode_json(data[1:], kind)
    again = decode_json(encode_json(made), kind)
    same(again, made, "a struct is not written as it was read")
    return getattr(kind, "__name__", str(kind))


@target(
    "retry-after",
    covers=["kit.client:read_retry_after"],
    seeds=lambda: {"seconds": b"120", "date": b"Fri, 31 Dec 1999 23:59:59 GMT"},
    form=Form.TEXT,
    largest=64,
)
def retry_after(data: bytes) -> str:
    """The header of a node that is full: seconds between none and an hour, or nothing."""
    seconds = read_retry_after(data.decode("latin-1"))
    require(seconds is None or 0 <= seconds <= LONGEST_RETRY_SECONDS, "no pause anybody may be asked for")
    return "none" if seconds is None else "seconds"
