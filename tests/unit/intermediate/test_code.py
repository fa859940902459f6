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
from nakadachi.telegrams.codec import decode_envelope, encode_envelope
from nakadachi.terms import MatchingNumber, NodeName

SERVER, REGISTRY = NodeName("intermediate:9901000000000001"), NodeName("registry:9913000000000001")
NUMBERS = [MatchingNumber(f"0000000000000000000000000{number}") for number in (1, 2)]


def author(name):
    return Author(name, SigningKey.from_scalar(1), FixedClock(datetime(2026, 4, 1, tzinfo=UTC)), SeededEntropy(1))


@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        ((None, Reason.NOT_REGISTERED), [(NUMBERS[1], Reason.NOT_REGISTERED)]),
        ((None,), [(number, Reason.INTERNAL) for number in NUMBERS]),
        ((None, None, None), [(number, Reason.INTERNAL) for number in NUMBERS]),
    ],
)
async def test_an_answer_about_more_or_fewer_people_than_asked_for_is_about_none(outcomes, kept, monkeypatch):
    told = []

    async def keep(_connection, refused):
        told.extend(refused)

    monkeypatch.setattr(code.store, "refuse_issuance", keep)
    parts = [
        Enclosure("matching number", number.value.encode(), item=item, personal=True)
        for item, number in enumerate(NUMBERS)
    ]
    sent = author(SERVER).write(RequestLinkCode, to=REGISTRY, parts=parts, count=2)
    answer = author(REGISTRY).answer(LinkCodeRequested, sent, outcomes=outcomes)
    received = decode_envelope(encode_envelope(answer.envelope))
    heard = cast("Any", SimpleNamespace(sent=(sent,), answers=(received,)))
    await code.hear_requested(cast("Any", None), cast("Any", SimpleNamespace(connection=None)), [heard])
    assert told == kept
