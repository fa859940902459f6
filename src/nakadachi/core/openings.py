"""What opens a permit's four commitments; it lies wrapped under the month's key and is opened here only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from nakadachi.kit.keystore import MonthDestroyedError
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json

if TYPE_CHECKING:
    from nakadachi.core.parts import Core
    from nakadachi.core.store import Exchange


class Secrets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What opens a permit's commitments: 32-byte salts, the two codes, the oversight tag (None where 0.1.0 decided);
    kept wrapped under the month's key.
    """

    inquirer_salt: bytes
    provider_salt: bytes
    person_salt: bytes
    oversight_salt: bytes
    inquirer_code: str
    provider_code: str = ""
    oversight_tag: bytes | None = None


def open_secrets(core: Core, exchange: Exchange) -> Secrets:
    """The secrets of an exchange, under its month's key. Raises Refusal(CANCELLED) where that was destroyed."""
    try:
        month = core.keys.months(exchange.month)
    except MonthDestroyedError:
        raise Refusal(Reason.CANCELLED, f"the key of {exchange.month} was destroyed") from None
    return decode_json(month.unwrap(exchange.secrets, exchange.serial.value), Secrets)
