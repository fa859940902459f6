"""Seals of the samples: they hold chance, so a former one stays as long as it opens to what it should hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.crypto.sealing import seal, unseal
from nakadachi.refusal import Refusal

if TYPE_CHECKING:
    from nakadachi.crypto.sealing import PrivateSeal


def seal_again(private: PrivateSeal, info: bytes, content: bytes, former: bytes | None) -> bytes:
    """The former seal where it still opens to the content, else a new one."""
    if former is not None:
        try:
            if unseal(private, former, info) == content:
                return former
        except Refusal:
            pass
    return seal(private.suite, private.public_bytes, content, info)
