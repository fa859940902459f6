"""Signatures of authors: one spelling, checked strictly, and at home with other JOSE software."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from nakadachi.crypto.signing import SigningKey, VerifyKey, read_compact, sign_compact, verify
from nakadachi.refusal import Reason, Refusal

KID = "intermediate:0000000000000001"
KEY = SigningKey.from_scalar(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721)
OTHER = SigningKey.from_scalar(2)
SIGNED = sign_compact(KEY, b'{"a":1}', kid=KID)


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def with_header(header):
    return b".".join((b64(header), *SIGNED.split(b".")[1:]))


def refusal_of(jws_bytes, **limits):
    with pytest.raises(Refusal) as refused:
        read_compact(jws_bytes, **limits)
    return refused.value.reason


def test_what_the_author_signed_is_what_is_read():
    unverified = read_compact(SIGNED)
    assert unverified.kid == KID
    assert verify(unverified, KEY.public) == unverified.payload == b'{"a":1}'


def test_an_empty_payload_can_be_signed():
    assert verify(read_compact(sign_compact(KEY, b"", kid=KID)), KEY.public) == b""


def test_the_signature_is_the_known_answer_of_rfc_6979():
    assert KEY.sign(b"sample").hex() == (
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )


def test_the_same_words_under_the_same_key_give_the_same_bytes():
    assert sign_compact(KEY, b'{"a":1}', kid=KID) == SIGNED


def test_another_key_does_not_verify():
    with pytest.raises(Refusal) as refused:
        verify(read_compact(SIGNED), OTHER.public)
    assert refused.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32])
def test_numbers_outside_the_curve_do_not_verify(signature):
    header, payload, _ = SIGNED.split(b".")
    with pytest.raises(Refusal) as refused:
        verify(read_compact(b".".join((header, payload, b64(signature)))), KEY.public)
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_joserfc_verifies_ours():
    theirs = ECKey.import_key(KEY.to_pem())
    opened = jws.deserialize_compact(SIGNED, theirs, algorithms=["ES256"])
    assert opened.payload == b'{"a":1}'
    assert opened.headers() == {"alg": "ES256", "kid": KID}


def test_we_verify_joserfcs():
    theirs = ECKey.import_key(KEY.to_pem())
    signed = jws.serialize_compact({"alg": "ES256", "kid": KID}, b"other", theirs).encode()
    assert verify(read_compact(signed), KEY.public) == b"other"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": KID},
        {"alg": "ES384", "kid": KID},
        {"alg": "ES256"},
        {"alg": "ES256", "kid": ""},
        {"alg": "ES256", "kid": "a b"},
        {"alg": "ES256", "kid": "x" * 129},
        {"alg": "ES256", "kid": 'a","crit":["b64'},
        {"alg": "ES256", "kid": KID, "crit": ["b64"], "b64": False},
        {"alg": "ES256", "kid": KID, "jwk": {}},
        {"kid": KID, "alg": "ES256"},
    ],
)
def test_no_other_header_is_read(header):
    assert refusal_of(with_header(json.dumps(header, separators=(",", ":")).encode())) is Reason.BAD_FORMAT


@pytest.mark.parametrize(
    "jws_bytes",
    [
        b"",
        b"..",
        b"a.b",
        SIGNED + b".",
        SIGNED + b"=",
        SIGNED[:-1],
        SIGNED[:-3],
        b" " + SIGNED,
        SIGNED.replace(b".", b"\n.", 1),
        SIGNED[:-1] + (b"B" if SIGNED[-1:] != b"B" else b"C"),
        SIGNED[:-2] + b"+/",
        with_header(b'{"alg": "ES256","kid":"a"}'),
    ],
)
def test_only_the_one_spelling_is_read(jws_bytes):
    assert refusal_of(jws_bytes) is Reason.BAD_FORMAT


def test_what_is_too_large_is_refused_unread():
    assert refusal_of(SIGNED, limit=len(SIGNED) - 1) is Reason.TOO_LARGE
    assert read_compact(SIGNED, limit=len(SIGNED)).kid == KID


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw):
    assert refusal_of(raw, limit=250) in {Reason.BAD_FORMAT, Reason.TOO_LARGE}


@settings(max_examples=150)
@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 255))
def test_no_changed_byte_verifies(at, byte):
    changed = SIGNED[:at] + bytes((byte,)) + SIGNED[at + 1 :]
    if changed != SIGNED:
        with pytest.raises(Refusal):
            verify(read_compact(changed), KEY.public)


def test_a_name_that_is_no_key_name_is_not_signed_under():
    with pytest.raises(ValueError, match="not a key name"):
        sign_compact(KEY, b"", kid='a"b')


def test_a_key_survives_its_pem():
    key = SigningKey.generate()
    again = SigningKey.from_pem(key.to_pem())
    assert again.public == key.public
    assert verify(read_compact(sign_compact(again, b"x", kid=KID)), key.public) == b"x"


def test_a_private_key_is_not_shown():
    assert "handle" not in repr(KEY)


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def spki_of(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


OTHER_CURVES = [ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate()]


@pytest.mark.parametrize("pem", [b"", b"no pem", *map(pem_of, OTHER_CURVES)])
def test_a_pem_of_anything_else_is_no_signing_key(pem):
    with pytest.raises(ValueError, match="a signing key is not"):
        SigningKey.from_pem(pem)


def test_a_locked_pem_is_no_signing_key():
    locked = KEY.handle.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word")
    )
    with pytest.raises(ValueError, match="unencrypted"):
        SigningKey.from_pem(locked)


def test_a_public_key_survives_the_directory():
    assert VerifyKey.from_spki(KEY.public.spki) == KEY.public


COMPRESSED = (
    "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgAD"
    + base64.b64encode(
        KEY.public.handle.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)[1:]
    ).decode()
)


@pytest.mark.parametrize(
    "spki", ["", "?", "AAAA", "あ", KEY.public.spki + "\n", COMPRESSED, *map(spki_of, OTHER_CURVES)]
)
def test_a_text_of_anything_else_is_no_verification_key(spki):
    with pytest.raises(Refusal) as refused:
        VerifyKey.from_spki(spki)
    assert refused.value.reason is Reason.BAD_FORMAT
