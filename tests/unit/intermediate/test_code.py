"""What the registry organisation answers to a request for link codes."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nakadachi.crypto.signing import SigningKey
from nakadachi.intermediate import code
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.refusal import Reason
from nakadachi.telegrams.code import LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_envelope, encode_envelope, encode_json
from nakadachi.terms import NodeName

SERVER, REGISTRY = NodeName("intermediate:9901000000000001"), NodeName("registry:9913000000000001")
NUMBERS = [f"0000000000000000000000000{number}" for number in (1, 2)]


def author(name):
    return Author(name, SigningKey.from_scalar(1), FixedClock(datetime(2026, 4, 1, tzinfo=UTC)), SeededEntropy(1))


def in_lists(numbers):
    return [Enclosure("matching numbers", encode_json(numbers), personal=True)]


def one_by_one(numbers):
    """As version 0.1.0 left it in the outbox."""
    return [
        Enclosure("matching number", number.encode(), item=item, personal=True) for item, number in enumerate(numbers)
    ]


@pytest.mark.parametrize("parts_of", [in_lists, one_by_one])
@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        ((None, Reason.NOT_REGISTERED), [(NUMBERS[1], Reason.NOT_REGISTERED, None)]),
        ((None,), [(number, Reason.INTERNAL, None) for number in NUMBERS]),
        ((None, None, None), [(number, Reason.INTERNAL, None) for number in NUMBERS]),
    ],
)
async def test_an_answer_about_more_or_fewer_people_than_asked_for_is_about_none(outcomes, kept, parts_of, monkeypatch):
    told = []

    async def keep(_unit, refused, _ending):
        told.extend(refused)

    monkeypatch.setattr(code, "_refuse", keep)
    parts = parts_of(NUMBERS)
    sent = author(SERVER).write(RequestLinkCode, to=REGISTRY, parts=parts, count=2)
    answer = author(REGISTRY).answer(LinkCodeRequested, sent, outcomes=outcomes)
    received = decode_envelope(encode_envelope(answer.envelope))
    heard = cast("Any", SimpleNamespace(sent=(sent,), answers=(received,)))
    await code.hear_requested(cast("Any", None), cast("Any", SimpleNamespace(connection=None)), [heard])
    assert told == kept
