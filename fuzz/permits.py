"""Targets for what the provider's systems are handed with an inquiry: permits and the pieces around them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from fuzz import land
from fuzz.target import Form, require, target
from nakadachi.crypto.signing import sign_compact
from nakadachi.kit.unit import Unit
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.permits import check_inquiry, check_law, check_permit, check_use, entry_of
from nakadachi.ledger.tree import Frontier, append, leaf_hash
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import (
    decode_envelope,
    describe_part,
    encode_envelope,
    encode_json,
    write,
)
from nakadachi.telegrams.envelope import SALT_BYTES, Envelope, Received, Verified
from nakadachi.telegrams.inquiry import InquireAt
from nakadachi.telegrams.permit import Permit
from tools import sample_telegrams as sample


@target(
    "permit",
    covers=["ledger.permits:check_permit"],
    seeds=lambda: {"permit": encode_json(sample.the_permit()[1])},
    form=Form.JSON,
    weight=2,
)
def permit(data: bytes) -> str:
    """A permit as it stands in a part."""
    return type(check_permit(data, land.directory()).content).__name__


@target(
    "permit-content",
    covers=["ledger.permits:check_permit", "ledger.permits:check_use", "ledger.permits:check_law"],
    seeds=lambda: {"content": encode_json(sample.the_permit()[0])},
    form=Form.JSON,
    weight=2,
)
def permit_content(data: bytes) -> str:
    """What a core that lies or errs could log and sign."""
    checked = check_permit(encode_json(_logged(data)), land.directory())
    statement: Any = land.telegrams()["Inquire"].header
    with suppress(Refusal):
        check_law(checked.content, land.lawbook())
    check_use(checked, statement.statements[0], sample.PREFIX, provider=sample.B, now=land.NOW)
    return "used"


def _logged(content: bytes) -> Permit:
    """The proof for any content, as the log of the sample signs it."""
    grown = append(Frontier(), [leaf_hash(b"before"), leaf_hash(entry_of(content))])
    note = sign_checkpoint(Checkpoint(sample.LOG.name, 2, grown.root), sample.LOG)
    return Permit(content=content, index=1, path=grown.paths[1], checkpoint=note.decode())


def _inquiries() -> dict[str, bytes]:
    telegram: Verified[InquireAt] = land.telegrams()["InquireAt"]
    inner = decode_envelope(telegram.part("statement"))
    return {
        "statement": b"0" + telegram.part("statement"),
        "code": b"1" + telegram.part("link code"),
        "permit": b"2" + Verified(inner.header, inner.envelope).part("permit"),
        "inquire": b"3" + encode_json(inner.header),
    }


@target(
    "inquiry",
    covers=["ledger.permits:check_inquiry", "telegrams.codec:check_signature"],
    seeds=_inquiries,
    form=Form.TEXT,
    weight=3,
    needles=land.needles(),
)
def inquiry(data: bytes) -> str:
    """What both systems of a provider check: one piece of a true inquiry is hostile, the signatures are true."""
    which, piece = data[:1], data[1:]
    telegram: Verified[InquireAt] = land.telegrams()["InquireAt"]
    inner = decode_envelope(telegram.part("statement"))
    parts = {each.name: telegram.part(each.name) for each in telegram.header.parts}
    if which == b"0":
        parts["statement"] = piece
    elif which == b"1":
        parts["link code"] = piece
    else:
        parts["statement"] = _enclosed(inner, piece, header=which == b"3")
    described = tuple(
        describe_part(name, b"\0" * SALT_BYTES * (name == "link code") + content, personal=name == "link code")
        for name, content in parts.items()
    )
    made = msgspec.structs.replace(telegram.header, parts=described)
    contents = tuple(b"\0" * SALT_BYTES * (name == "link code") + content for name, content in parts.items())
    require(isinstance(made, InquireAt), "no inquiry")
    no_connection: Any = None
    unit = Unit(no_connection, land.NOW)
    hostile = Verified(made, Envelope(b"", contents))
    asked = asyncio.run(check_inquiry(hostile, land.edition(), provider=sample.B, unit=unit))
    return f"{len(asked)} asked"


def _enclosed(inner: Received, piece: bytes, *, header: bool) -> bytes:
    """A's inquiry with a hostile permit or a hostile header, signed by A."""
    key = land.key_of(sample.MS_A)
    if header:
        jws = sign_compact(key, piece, kid=sample.MS_A.value)
        return encode_envelope(Envelope(jws, inner.envelope.parts))
    contents = tuple(
        piece if part.name == "permit" else content or b""
        for part, content in zip(inner.header.parts, inner.envelope.parts, strict=True)
    )
    parts = tuple(
        describe_part(part.name, content, item=part.item, personal=part.personal)
        for part, content in zip(inner.header.parts, contents, strict=True)
    )
    return encode_envelope(write(msgspec.structs.replace(inner.header, parts=parts), contents, key).envelope)
