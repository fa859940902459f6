"""A node's hand: what it writes is signed, numbered, salted, and answers what it says it answers."""

from datetime import UTC, datetime

import pytest

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.code import LinkCodeIssued, RequestLinkCode
from nakadachi.telegrams.codec import check_signature, decode_frame, encode_frame
from nakadachi.telegrams.envelope import Lane, Pending, Refused
from nakadachi.telegrams.permit import IssueSerial, SerialUse
from nakadachi.terms import NodeName

NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)
SERVER, INTERFACE = NodeName("intermediate:9901000000000001"), NodeName("interface:9901000000000001")
REGISTRY = NodeName("registry:9913000000000001")


def author_of(name=SERVER, seed=1):
    return Author(name, SigningKey.from_scalar(seed), FixedClock(NOW), SeededEntropy(seed))


def asked(**more):
    return author_of().write(IssueSerial, to=INTERFACE, use=SerialUse.INQUIRY, count=1, **more)


def test_a_telegram_is_signed_by_its_author_and_reads_back():
    author = author_of()
    written = author.write(IssueSerial, to=INTERFACE, use=SerialUse.INQUIRY, count=3)
    (received,) = decode_frame(encode_frame([written.envelope]))
    assert check_signature(received, author.key.public).header == written.header
    assert (written.header.author, written.header.to, written.header.made_at) == (SERVER, INTERFACE, NOW)
    assert (written.header.count, written.header.lane) == (3, Lane.INTERACTIVE)


def test_another_key_does_not_verify_it():
    (received,) = decode_frame(encode_frame([asked().envelope]))
    with pytest.raises(Refusal) as refused:
        check_signature(received, SigningKey.from_scalar(2).public)
    assert refused.value.reason is Reason.BAD_SIGNATURE


def test_no_two_telegrams_have_one_number():
    author = author_of()
    numbers = {author.write(IssueSerial, to=INTERFACE, use=SerialUse.INQUIRY, count=1).header.id for _ in range(50)}
    assert len(numbers) == 50


def test_a_personal_part_gets_a_salt_of_its_own_and_reads_without_it():
    parts = [Enclosure("matching number", b"0", item=item, personal=True) for item in (0, 1)]
    written = author_of().write(LinkCodeIssued, to=SERVER, parts=[*parts, Enclosure("open", b"plain")], count=2)
    first, second, plain = written.envelope.parts
    assert first[32:] == second[32:] == b"0"
    assert first[:32] != second[:32]
    assert plain == b"plain"
    assert [(one.item, one.personal, one.size) for one in written.header.parts] == [
        (0, True, 33),
        (1, True, 33),
        (0, False, 5),
    ]
    assert written.header.parts[0].digest != written.header.parts[1].digest
    assert (written.part("matching number", 1), written.part("open")) == (b"0", b"plain")


def test_an_answer_goes_to_the_author_in_its_lane_and_names_what_it_answers():
    question = asked(lane=Lane.BULK)
    answer = author_of(INTERFACE, 2).answer(Pending, question)
    assert (answer.header.to, answer.header.answers, answer.header.lane) == (SERVER, question.header.id, Lane.BULK)


def test_a_refusal_tells_the_reason_and_keeps_the_detail():
    refusal = Refusal(Reason.NOT_IN_TABLE, "only for our own log")
    for question in (asked(), asked().header):
        answer = author_of(INTERFACE, 2).refuse(question, refusal)
        assert isinstance(answer.header, Refused)
        assert (answer.header.reason, answer.header.to) == (Reason.NOT_IN_TABLE, SERVER)
        assert b"only for our own log" not in encode_frame([answer.envelope])


def test_what_is_enclosed_is_bound_to_the_signed_header():
    written = author_of().write(RequestLinkCode, to=REGISTRY, parts=[Enclosure("person", b"A", personal=True)], count=1)
    changed = written.envelope.parts[0][:-1] + b"B"
    with pytest.raises(Refusal) as refused:
        decode_frame(encode_frame([type(written.envelope)(written.envelope.jws, (changed,))]))
    assert refused.value.reason is Reason.BAD_FORMAT
