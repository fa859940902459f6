"""An organisation's own link codes, as it lists them in a telegram: read, and the people behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT
from nakadachi.terms import LinkCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from nakadachi.core.codes import Meaning
    from nakadachi.core.parts import Core
    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.envelope import Verified
    from nakadachi.terms import OrganisationCode


def read_codes(telegram: Verified[Any]) -> list[LinkCode | None]:
    """The part `link codes`, None for a text that is none. Raises Refusal(BAD_FORMAT)."""
    texts: tuple[str, ...] = decode_json(telegram.part("link codes"), tuple[str, ...])
    if len(texts) > ITEMS_LIMIT:
        raise Refusal(Reason.BAD_FORMAT, f"more than {ITEMS_LIMIT} link codes")
    return [_code(text) for text in texts]


async def read_own(
    core: Core, connection: Connection, codes: Sequence[LinkCode | None], organisation: OrganisationCode
) -> list[Meaning | None]:
    """What each code stands for; None for a forged, foreign or mistyped one."""
    shown = [(organisation, code) for code in codes if code is not None]
    read = iter(await core.scheme.read(connection, shown))
    found = [None if code is None else next(read) for code in codes]
    return [None if isinstance(one, Refusal) else one for one in found]


def _code(text: str) -> LinkCode | None:
    try:
        return LinkCode(text)
    except ValueError:
        return None
