"""Sealing: only the holder of the key, only at the place it was sealed for, and by the book (RFC 9180)."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.crypto.sealing import SealSuite, body_info, new_private, seal, subject_info, unseal
from nakadachi.refusal import Reason, Refusal

SEED = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
LEAF = bytes(range(32))
SERIAL = "0000000000000001-01J00000000000000000000000"
INFO = body_info(LEAF, SERIAL)
PRIVATE = {suite: new_private(suite, SEED) for suite in SealSuite}
SUITES = pytest.mark.parametrize("suite", list(SealSuite))


def refused_for(action):
    with pytest.raises(Refusal) as refused:
        action()
    return refused.value.reason


@SUITES
@pytest.mark.parametrize("plaintext", [b"", b"a body", bytes(70_000)])
def test_what_was_sealed_opens_for_its_holder(suite, plaintext):
    sealed = seal(suite, PRIVATE[suite].public_bytes, plaintext, INFO)
    assert unseal(PRIVATE[suite], sealed, INFO) == plaintext


@SUITES
def test_the_same_body_is_never_sealed_to_the_same_bytes(suite):
    public = PRIVATE[suite].public_bytes
    assert seal(suite, public, b"body", INFO) != seal(suite, public, b"body", INFO)


@SUITES
def test_it_does_not_open_at_another_place(suite):
    sealed = seal(suite, PRIVATE[suite].public_bytes, b"body", INFO)
    for info in (b"", subject_info(LEAF, SERIAL), body_info(bytes(32), SERIAL), body_info(LEAF, SERIAL[:-1] + "1")):
        assert refused_for(lambda info=info: unseal(PRIVATE[suite], sealed, info)) is Reason.BAD_FORMAT


@SUITES
def test_it_does_not_open_with_another_key(suite):
    sealed = seal(suite, PRIVATE[suite].public_bytes, b"body", INFO)
    assert refused_for(lambda: unseal(new_private(suite, bytes(32)), sealed, INFO)) is Reason.BAD_FORMAT


def test_it_does_not_open_in_another_suite():
    sealed = seal(SealSuite.P256, PRIVATE[SealSuite.P256].public_bytes, b"body", INFO)
    assert refused_for(lambda: unseal(PRIVATE[SealSuite.DEFAULT], sealed, INFO)) is Reason.BAD_FORMAT


@SUITES
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_changed_bit_opens(suite, data):
    sealed = bytearray(seal(suite, PRIVATE[suite].public_bytes, b"body", INFO))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert refused_for(lambda: unseal(PRIVATE[suite], bytes(sealed), INFO)) is Reason.BAD_FORMAT


@SUITES
@settings(max_examples=25, deadline=None)
@given(tail=st.binary(max_size=2000), headed=st.booleans())
def test_any_bytes_open_or_are_refused(suite, tail, headed):
    head = seal(suite, PRIVATE[suite].public_bytes, b"", INFO)[:2] if headed else b""
    assert refused_for(lambda: unseal(PRIVATE[suite], head + tail, INFO)) is Reason.BAD_FORMAT


@SUITES
def test_nothing_is_sealed_for_what_is_no_key(suite):
    size = len(PRIVATE[suite].public_bytes)
    for public in (b"", bytes(size - 1), bytes(size), b"\xff" * size):
        assert refused_for(lambda public=public: seal(suite, public, b"body", INFO)) is Reason.BAD_FORMAT


def test_nothing_is_sealed_for_a_point_of_low_order():
    public = PRIVATE[SealSuite.DEFAULT].public_bytes[:1184] + bytes(32)
    assert refused_for(lambda: seal(SealSuite.DEFAULT, public, b"body", INFO)) is Reason.BAD_FORMAT


@SUITES
def test_a_seed_gives_the_same_key_again_and_shows_no_secret(suite):
    assert new_private(suite, SEED) == PRIVATE[suite]
    assert new_private(suite, bytes(32)) != PRIVATE[suite]
    assert "handle" not in repr(PRIVATE[suite])


@SUITES
def test_a_seed_has_32_bytes(suite):
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        new_private(suite, bytes(31))


@pytest.mark.parametrize("place", [body_info, subject_info])
def test_a_place_names_a_whole_leaf_hash(place):
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        place(bytes(31), SERIAL)


def test_a_seed_expands_as_the_x_wing_draft_says():
    # The first known answer of draft-connolly-cfrg-xwing-kem, appendix C, by its beginning.
    assert (
        PRIVATE[SealSuite.DEFAULT]
        .public_bytes.hex()
        .startswith("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5b19cfc3d")
    )


def test_a_seed_expands_as_rfc_9180_says():
    # RFC 9180 A.3.1: ikmE and pkEm.
    ikm = bytes.fromhex("4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e")
    assert new_private(SealSuite.P256, ikm).public_bytes.hex() == (
        "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9"
        "8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4"
    )


def extract(algorithm, salt, suite_id, label, ikm):
    return hmac.digest(salt, b"HPKE-v1" + suite_id + label + ikm, algorithm)


def expand(algorithm, prk, suite_id, label, *, info, length):
    """LabeledExpand of RFC 9180 4, from the text: this file shares no code with the library's HPKE module."""
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite_id + label + info
    output, block, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(prk, block + labelled + bytes((counter,)), algorithm)
        output, counter = output + block, counter + 1
    return output[:length]


def open_by_the_book(suite_id, algorithm, shared, *, ciphertext, info):
    """Key schedule and single-shot open of RFC 9180 5.1 and 5.2 with AES-256-GCM, without additional data."""
    context = (
        b"\x00"
        + extract(algorithm, b"", suite_id, b"psk_id_hash", b"")
        + extract(algorithm, b"", suite_id, b"info_hash", info)
    )
    secret = extract(algorithm, shared, suite_id, b"secret", b"")
    key = expand(algorithm, secret, suite_id, b"key", info=context, length=32)
    nonce = expand(algorithm, secret, suite_id, b"base_nonce", info=context, length=12)
    return AESGCM(key).decrypt(nonce, ciphertext, b"")


def test_the_p256_suite_is_hpke_by_the_book():
    private = PRIVATE[SealSuite.P256]
    sealed = seal(SealSuite.P256, private.public_bytes, b"body", INFO)
    assert sealed[:2] == b"\x01\x03"
    enc, ciphertext = sealed[2:67], sealed[67:]
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), enc)
    suite_id, context = b"KEM\x00\x10", enc + private.public_bytes
    prk = extract("sha256", b"", suite_id, b"eae_prk", private.handle.exchange(ec.ECDH(), point))
    shared = expand("sha256", prk, suite_id, b"shared_secret", info=context, length=32)
    info = b"nakadachi/sealed/v1\0\x01\x03" + INFO
    assert (
        open_by_the_book(b"HPKE\x00\x10\x00\x01\x00\x02", "sha256", shared, ciphertext=ciphertext, info=info) == b"body"
    )


def test_the_default_suite_is_x_wing_by_the_book():
    private = PRIVATE[SealSuite.DEFAULT]
    sealed = seal(SealSuite.DEFAULT, private.public_bytes, b"body", INFO)
    assert sealed[:2] == b"\x01\x01"
    post, classic, ciphertext = sealed[2:1090], sealed[1090:1122], sealed[1122:]
    expanded = hashlib.shake_256(SEED).digest(96)
    shared = hashlib.sha3_256(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(post)
        + x25519.X25519PrivateKey.from_private_bytes(expanded[64:]).exchange(
            x25519.X25519PublicKey.from_public_bytes(classic)
        )
        + classic
        + private.public_bytes[1184:]
        + rb"\.//^"
        + b"\\"
    ).digest()
    info = b"nakadachi/sealed/v1\0\x01\x01" + INFO
    assert (
        open_by_the_book(b"HPKE\x64\x7a\x00\x01\x00\x02", "sha256", shared, ciphertext=ciphertext, info=info) == b"body"
    )


def test_the_strict_suite_is_ml_kem_1024_with_p384_by_the_book():
    private = PRIVATE[SealSuite.STRICT]
    sealed = seal(SealSuite.STRICT, private.public_bytes, b"body", INFO)
    assert sealed[:2] == b"\x01\x02"
    post, classic, ciphertext = sealed[2:1570], sealed[1570:1667], sealed[1667:]
    expanded = hashlib.shake_256(SEED).digest(112)
    scalar = ec.derive_private_key(int.from_bytes(expanded[64:], "big"), ec.SECP384R1())
    shared = hashlib.sha3_256(
        mlkem.MLKEM1024PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(post)
        + scalar.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), classic))
        + classic
        + private.public_bytes[1568:]
        + b"MLKEM1024-P384"
    ).digest()
    info = b"nakadachi/sealed/v1\0\x01\x02" + INFO
    assert (
        open_by_the_book(b"HPKE\x00\x51\x00\x02\x00\x02", "sha384", shared, ciphertext=ciphertext, info=info) == b"body"
    )
