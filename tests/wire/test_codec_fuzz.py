"""Any bytes become telegrams or a refusal; nothing else ever comes out of the codec."""

import base64
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.crypto.signing import SigningKey, VerifyKey, sign_compact
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import (
    check_signature,
    decode_envelope,
    decode_frame,
    decode_json,
    encode_frame,
    encode_json,
    read,
)
from nakadachi.telegrams.envelope import Envelope, Telegram
from nakadachi.telegrams.permit import LogContent, Opening, Permit
from nakadachi.telegrams.provision import Body
from tools.vectors_telegrams import FOLDER

VECTORS = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("[A-Z]*.json"))]
REFUSED = {Reason.BAD_FORMAT, Reason.TOO_LARGE, Reason.BAD_SIGNATURE}
KEY = SigningKey.from_scalar(7)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def envelope_of(vector):
    return decode_envelope(base64.b64decode(vector["envelope"])).envelope


def passes_or_refuses(function, *arguments):
    try:
        return function(*arguments)
    except Refusal as refusal:
        if refusal.reason not in REFUSED:
            raise
        return None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_refused(raw):
    passes_or_refuses(decode_frame, raw)
    passes_or_refuses(decode_envelope, raw)


@given(st.binary(max_size=200), st.sampled_from([LogContent, Permit, Opening, Body]))
def test_any_bytes_are_a_struct_or_refused(raw, kind):
    passes_or_refuses(decode_json, raw, kind)


@given(
    st.lists(st.tuples(st.binary(max_size=80), st.lists(st.none() | st.binary(max_size=40), max_size=3)), max_size=2)
)
def test_any_envelopes_are_telegrams_or_refused(envelopes):
    raw = msgspec.msgpack.encode(envelopes)
    passes_or_refuses(decode_frame, raw)


@given(st.binary(max_size=200))
def test_any_signed_text_is_a_telegram_or_refused(text):
    passes_or_refuses(read, Envelope(sign_compact(KEY, text, kid="core:9910000000000001")))


@given(st.data())
def test_a_frame_with_bytes_changed_is_read_as_it_was_or_refused(data):
    vector = data.draw(st.sampled_from(VECTORS))
    raw = bytearray(encode_frame([envelope_of(vector)]))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(raw)))
    received = passes_or_refuses(decode_frame, bytes(raw[:cut]))
    key = VerifyKey.from_spki(vector["spki"])
    for one in received or ():
        verified = passes_or_refuses(check_signature, one, key)
        assert verified is None or encode_json(verified.header).decode() == vector["header"]


@given(st.data())
def test_a_header_with_a_member_changed_is_a_telegram_of_one_spelling_or_refused(data):
    vector = data.draw(st.sampled_from(VECTORS))
    header = json.loads(vector["header"])
    name = data.draw(st.sampled_from([*header, "more"]))
    header[name] = data.draw(JSON)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")
    signed = Envelope(sign_compact(KEY, text, kid=vector["author"]), envelope_of(vector).parts)
    received = passes_or_refuses(read, signed)
    if received is not None:
        assert isinstance(received.header, Telegram)
        assert encode_json(received.header) == text


@pytest.mark.parametrize("depth", [10, 1000, 100_000])
def test_depth_is_refused_and_does_not_end_the_process(depth):
    for raw in (b"\x91" * depth, b"\x81\xa0" * depth):
        with pytest.raises(Refusal):
            decode_frame(raw)
    with pytest.raises(Refusal):
        read(Envelope(sign_compact(KEY, b'{"telegram":' + b"[" * depth, kid="core:9910000000000001")))
