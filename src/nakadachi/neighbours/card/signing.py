"""署名計算: COMPUTE DIGITAL SIGNATURE in its variants, by the key the card chose; knows no secret and no file."""

from __future__ import annotations

from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from nakadachi.neighbours.card.apdu import Halt, Status

RAW, DIGEST_INFO, HASH, PSS_DIGEST, PSS_HASH = 0x00, 0x02, 0x03, 0x04, 0x05
"""P1: bytes padded as PKCS #1 v1.5 (type 1); a DigestInfo, checked; hashed on the card; PSS of a digest, of a text."""
KEY_BITS = 2048
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_SHA384 = bytes.fromhex("3041300d060960864801650304020205000430")
_SHA512 = bytes.fromhex("3051300d060960864801650304020305000440")
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


def digest_info(digest: bytes) -> bytes:
    """The DigestInfo of a SHA-256 digest (RFC 8017, 9.2)."""
    return _SHA256 + digest


def new_key() -> bytes:
    """A fresh RSA key, PKCS #8; chance comes from the library's own generator."""
    return rsa.generate_private_key(65537, KEY_BITS).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_of(key: bytes) -> bytes:
    """The public half of a private key, as SubjectPublicKeyInfo (DER)."""
    return (
        _key(key).public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def request_of(key: bytes) -> bytes:
    """証明書発行要求 for a key (PKCS #10, DER): it names nobody, and shows that the private half is there."""
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(_key(key), hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def sign(key: bytes, variant: int, data: bytes) -> bytes:
    """The signature. Raises Halt for a variant that is none, or data it does not take."""
    private = _key(key)
    if variant in {RAW, DIGEST_INFO}:
        if not data or len(data) > private.key_size // 8 - 11 or (variant == DIGEST_INFO and not _is_info(data)):
            raise Halt(Status.WRONG_DATA)
        return private.sign(data, padding.PKCS1v15(), utils.NoDigestInfo())
    if variant == HASH:
        return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if variant == PSS_DIGEST:
        if len(data) != 32:
            raise Halt(Status.WRONG_DATA)
        return private.sign(data, _PSS, utils.Prehashed(hashes.SHA256()))
    if variant == PSS_HASH:
        return private.sign(data, _PSS, hashes.SHA256())
    raise Halt(Status.PLACE)


def _is_info(data: bytes) -> bool:
    return any(
        data.startswith(prefix) and len(data) == len(prefix) + size
        for prefix, size in ((_SHA256, 32), (_SHA384, 48), (_SHA512, 64))
    )


_CACHE: dict[bytes, rsa.RSAPrivateKey] = {}


def _key(key: bytes) -> rsa.RSAPrivateKey:
    """A key that the card made itself, and that nobody else can put there; the last few stay loaded."""
    name = sha256(key).digest()
    found = _CACHE.get(name)
    if found is None:
        private = serialization.load_der_private_key(key, None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(private, rsa.RSAPrivateKey):
            raise Halt(Status.CONDITIONS)
        if len(_CACHE) >= 8:
            _CACHE.clear()
        _CACHE[name] = found = private
    return found
