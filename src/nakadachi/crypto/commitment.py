"""Commitments and digests: fix a value now, show it later; never knows what the value means.

A commitment hides its value from everybody without the 32-byte salt and cannot be opened to another value (design 2.3).
"""

from __future__ import annotations

import hashlib
import hmac

from nakadachi.refusal import Reason, Refusal

SALT_BYTES = 32
COMMITMENT_BYTES = 32


def commit(label: str, value: bytes, salt: bytes) -> bytes:
    """秘匿付き確約: HMAC-SHA256(salt, label || 0x00 || value), 32 bytes (design 2.3).

    `label` says which commitment it is (no NUL), so that one cannot stand for another; `salt` is 32 random bytes, used
    once. Raises ValueError for another salt or label.
    """
    if len(salt) != SALT_BYTES:
        msg = f"a commitment's salt has {SALT_BYTES} bytes, not {len(salt)}"
        raise ValueError(msg)
    if "\0" in label:
        msg = "a commitment's label holds no NUL: it ends the label"
        raise ValueError(msg)
    return hmac.digest(salt, label.encode() + b"\0" + value, "sha256")


def check_opening(commitment: bytes, label: str, value: bytes, salt: bytes) -> None:
    """Check that `value` and `salt` open `commitment` under `label`. Raises Refusal(PERMIT_INVALID)."""
    if len(salt) != SALT_BYTES:
        raise Refusal(Reason.PERMIT_INVALID, f"opening of {label}: a salt of {len(salt)} bytes")
    if not hmac.compare_digest(commit(label, value, salt), commitment):
        raise Refusal(Reason.PERMIT_INVALID, f"the opening of {label} does not fit")


def digest(content: bytes) -> bytes:
    """ダイジェスト値: SHA-256 of a part, 32 bytes."""
    return hashlib.sha256(content).digest()


def salted_digest(salt: bytes, content: bytes) -> bytes:
    """Digest of a personal part: SHA-256(salt || content), so that it tells nothing once the salt is gone (design 2.2).

    `salt` is 32 random bytes. Raises ValueError for another length.
    """
    if len(salt) != SALT_BYTES:
        msg = f"a personal part's salt has {SALT_BYTES} bytes, not {len(salt)}"
        raise ValueError(msg)
    return hashlib.sha256(salt + content).digest()
