"""What telegrams have in common, and what of them never shows."""

from datetime import UTC, datetime

import pytest

from nakadachi.telegrams.code import RequestLinkCode
from nakadachi.telegrams.codec import describe_part, read
from nakadachi.telegrams.envelope import Envelope, Lane, Part
from nakadachi.telegrams.permit import Opening
from nakadachi.telegrams.provision import Body, ProvidedItem
from nakadachi.terms import ItemCode, NodeName, Serial, TelegramId

SECRET = "not-for-everyone"
ITEM = ItemCode("TM99000000000002-0001")
SERIAL = Serial(f"9901000000000001-0{'1' * 25}")
HEADER = RequestLinkCode(
    id=TelegramId("0" * 26),
    author=NodeName("intermediate:9901000000000001"),
    to=NodeName("registry:9913000000000001"),
    made_at=datetime(2026, 4, 1, tzinfo=UTC),
    count=1,
)


def test_a_telegram_is_interactive_and_without_parts_unless_it_says_otherwise():
    assert (HEADER.lane, HEADER.parts) == (Lane.INTERACTIVE, ())


def test_a_telegram_that_concerns_no_exchange_has_none():
    assert HEADER.exchanges == ()


def test_a_header_cannot_be_changed():
    with pytest.raises(AttributeError):
        HEADER.count = 2


def test_a_part_is_described_by_its_digest_and_size():
    described = describe_part("permit", b"content", item=3)
    assert described == Part(name="permit", digest=described.digest, size=7, item=3, personal=False)
    assert len(described.digest) == 32


@pytest.mark.parametrize(
    "holder",
    [
        Envelope(b"jws", (SECRET.encode(), None)),
        Opening(salt=SECRET.encode(), value=SECRET),
        ProvidedItem(item=ITEM, version="1", updated_at="2026-03-01", value=SECRET),
        Body(serial=SERIAL, subject={"kana": SECRET}, items=()),
    ],
)
def test_what_may_name_a_person_does_not_show(holder):
    assert SECRET not in repr(holder)


def test_parts_do_not_show_in_what_was_received(author):
    from nakadachi.kit.author import Enclosure  # noqa: PLC0415  the one test that needs it

    parts = [Enclosure("person", SECRET.encode(), personal=True)]
    telegram = author("intermediate:9901000000000001").write(
        RequestLinkCode, to=NodeName("registry:9913000000000001"), parts=parts, count=1
    )
    assert SECRET not in repr(telegram)
    assert SECRET not in repr(read(telegram.envelope))
