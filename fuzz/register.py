"""Targets for what the register is told, and for the link codes an organisation lists."""

from __future__ import annotations

from datetime import UTC, date, datetime

from fuzz.target import Form, require, target
from nakadachi.core.own_codes import read_codes
from nakadachi.neighbours.events import COLUMNS, EventError, read_event
from nakadachi.neighbours.numbers import ResidentCodeFormula
from nakadachi.telegrams.codec import describe_part, encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, SALT_BYTES, Envelope, Verified
from nakadachi.telegrams.link import ChangeLinks, LinkChange
from nakadachi.terms import LinkCode, NodeName, TelegramId, crockford

_FORMULA = ResidentCodeFormula()
_CODE = LinkCode.of_bytes(bytes([2, 0, 1, *range(16)]))
_NAME = "見本　花子"


@target(
    "register-events",
    covers=["neighbours.events:read_event"],
    seeds=lambda: {
        "death": b"1,death,2026-04-01,22897480992",
        "name": f"2,name,2026-04-01,22897480992,{_NAME}".encode(),
        "birth": f"3,birth,2026-04-01,,{_NAME},さくら県青葉市１,2,2026-03-31".encode(),
    },
    errors=(EventError,),
    form=Form.TEXT,
    needles=frozenset({_NAME, "22897480992"}),
    largest=2048,
)
def register_events(data: bytes) -> str:
    """One line of a file of events."""
    cells = data.decode("utf-8", "replace").split(",")
    return read_event(dict(zip(COLUMNS, cells, strict=False)), _FORMULA).kind.value


@target(
    "own-codes",
    covers=["core.own_codes:read_codes"],
    seeds=lambda: {"codes": encode_json((_CODE.value, "no code")), "none": b"[]"},
    form=Form.JSON,
    needles=frozenset({_CODE.value}),
    largest=8192,
)
def own_codes(data: bytes) -> str:
    """The part `link codes` of a telegram of an organisation."""
    content = bytes(SALT_BYTES) + data
    header = ChangeLinks(
        id=TelegramId(crockford(1, length=26)),
        author=NodeName("intermediate:9901000000000003"),
        to=NodeName("core:9910000000000001"),
        made_at=datetime(2026, 4, 1, tzinfo=UTC),
        parts=(describe_part("link codes", content, personal=True),),
        count=1,
        change=LinkChange.SUSPEND,
        on=date(2026, 4, 1),
    )
    codes = read_codes(Verified(header, Envelope(b"", (content,))))
    require(len(codes) <= ITEMS_LIMIT, "more codes than a telegram may have")
    return f"{sum(code is not None for code in codes)} codes"
