"""Who may open a backup: the system itself by a key of its key store, and the holder of an off-line key (N1).

Neither key ever stands in the database or in its backups: a backup alone opens nothing. The holder's public key lies
with the system; the private one where no system is, for the day on which the key store is lost too.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from nakadachi.kit.backup_file import KEY_BYTES, BackupError
from nakadachi.kit.entropy import Entropy
from nakadachi.kit.keystore import NONCE_BYTES, KeyStore, KeyStoreError

SECRET = "backup"  # noqa: S105  the name of a key, not a key
_HYBRID = Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM)
_INFO = b"nakadachi backup key"
_MARK = b"-----BEGIN"
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm)
"""What the library raises for no key, for one under a password, and for one of a curve that it does not know."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The system's own backup key: wraps and unwraps."""

    cipher: AESGCM = field(repr=False)
    entropy: Entropy
    name: str = "the system"

    def wrap(self, key: bytes) -> bytes:
        """See backup_file.Closer."""
        nonce = self.entropy.bytes(NONCE_BYTES)
        return nonce + self.cipher.encrypt(nonce, key, _INFO)

    def unwrap(self, wrapped: bytes) -> bytes:
        """See backup_file.Opener."""
        try:
            return self.cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _INFO)
        except InvalidTag:
            raise ValueError("another key") from None


def own_key(keys: KeyStore, entropy: Entropy) -> OwnKey:
    """The backup key of a key store, made at its first use. Raises KeyStoreError."""
    if not keys.has(SECRET):
        try:
            keys.make(SECRET)
        except KeyStoreError:
            if not keys.has(SECRET):  # another process may have been first
                raise
    secret = keys.secret(SECRET)
    return OwnKey(AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=_INFO).derive(secret)), entropy)


@dataclass(frozen=True, slots=True)
class HolderPublic:
    """An off-line holder's public key: wraps (HPKE, ML-KEM-1024 with P-384, every part a listed cipher)."""

    key: MLKEM1024P384PublicKey = field(repr=False)
    name: str

    def wrap(self, key: bytes) -> bytes:
        """See backup_file.Closer."""
        return _HYBRID.encrypt(key, self.key, _INFO)


@dataclass(frozen=True, slots=True)
class HolderPrivate:
    """An off-line holder's private key: unwraps."""

    key: MLKEM1024P384PrivateKey = field(repr=False)
    name: str

    def unwrap(self, wrapped: bytes) -> bytes:
        """See backup_file.Opener."""
        try:
            return _HYBRID.decrypt(wrapped, self.key, _INFO)
        except InvalidTag:
            raise ValueError("another key") from None


def new_holder(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a holder's key pair as PEM files `<name>.public.pem` and `<name>.private.pem`: (public, private).

    Chance comes from the library's own generator. Raises BackupError where one of the files is there already.
    """
    post, classic = mlkem.MLKEM1024PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())
    secret = [one.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for one in (post, classic)]
    public = [one.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for one in (post, classic)]
    paths = folder / f"{name}.public.pem", folder / f"{name}.private.pem"
    for path, blocks, mode in zip(paths, (public, secret), (0o644, 0o600), strict=True):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(b"".join(blocks))
        except OSError as wrong:
            raise BackupError(f"{path}: the holder's key cannot be written: {wrong.strerror}") from wrong
    return paths


def read_public(path: Path) -> HolderPublic:
    """A holder's public key from its PEM file. Raises BackupError."""
    try:
        post, classic = (load_pem_public_key(block) for block in _blocks(path))
        if isinstance(post, mlkem.MLKEM1024PublicKey) and isinstance(classic, ec.EllipticCurvePublicKey):
            return HolderPublic(MLKEM1024P384PublicKey(post, classic), _name(post, classic))
    except _UNREADABLE:
        pass
    raise BackupError(f"{path}: is no holder's public key")


def read_private(path: Path) -> HolderPrivate:
    """A holder's private key from its PEM file. Raises BackupError."""
    try:
        post, classic = (load_pem_private_key(block, None) for block in _blocks(path))
        if isinstance(post, mlkem.MLKEM1024PrivateKey) and isinstance(classic, ec.EllipticCurvePrivateKey):
            return HolderPrivate(MLKEM1024P384PrivateKey(post, classic), _name(post.public_key(), classic.public_key()))
    except _UNREADABLE:
        pass
    raise BackupError(f"{path}: is no holder's private key")


def _blocks(path: Path) -> tuple[bytes, bytes]:
    try:
        raw = path.read_bytes()
    except OSError as wrong:
        raise BackupError(f"{path}: the holder's key cannot be read: {wrong.strerror}") from wrong
    parts = [_MARK + part for part in raw.split(_MARK)[1:]]
    if len(parts) != 2:
        raise BackupError(f"{path}: is no holder's key: two PEM blocks were expected")
    return parts[0], parts[1]


def _name(post: mlkem.MLKEM1024PublicKey, classic: ec.EllipticCurvePublicKey) -> str:
    point = classic.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return f"the holder {hashlib.sha256(post.public_bytes_raw() + point).hexdigest()[:16]}"
