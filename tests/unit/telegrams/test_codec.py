"""The codec: what is written is read back, and everything else is refused before anybody acts on it."""

import json
from dataclasses import replace

import msgspec
import pytest

from nakadachi.crypto.signing import SigningKey, sign_compact
from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams import codec
from nakadachi.telegrams.codec import (
    BODY_LIMIT,
    FRAME_LIMIT,
    HEADER_LIMIT,
    check_signature,
    decode_envelope,
    decode_frame,
    decode_json,
    describe_part,
    encode_envelope,
    encode_frame,
    encode_json,
    write,
)
from nakadachi.telegrams.envelope import Envelope, Lane, Outcome, Pending, Refused
from nakadachi.telegrams.permit import CheckPrefix, IssueSerial, LogContent, Opening, PrefixRefused, SerialUse
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    LinkCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Serial,
)

A, B = "9901000000000001", "9901000000000002"
MS, IF = f"intermediate:{A}", f"interface:{A}"
SERIAL = Serial(f"{A}-0{'1' * 25}")
PREFIX = Prefix(
    OrganisationCode(A),
    AffairCode("JM99000000180000"),
    ProcedureCode("JT99000000180001"),
    OrganisationCode(B),
    InfoNameCode("TM99000000000002"),
)
SECRET = "a-secret-in-the-wrong-place"


@pytest.fixture
def telegram(author):
    parts = [Enclosure("open", b"plain"), Enclosure("closed", b"personal", personal=True)]
    return author(MS).write(CheckPrefix, to=NodeName(IF), parts=parts, prefix=PREFIX, serials=(SERIAL,), staff="x")


@pytest.fixture
def forged(telegram):
    """Signs a header that was changed as JSON, with the parts as they were."""

    def make(*, key=None, kid=MS, parts=None, text=None, **changes):
        header = json.loads(encode_json(telegram.header))
        header.update(changes)
        header = {name: value for name, value in header.items() if value is not None}
        payload = text or json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        jws = sign_compact(key or SigningKey.from_scalar(1), payload, kid=kid)
        return Envelope(jws, telegram.envelope.parts if parts is None else parts)

    return make


def test_what_is_written_is_read_back_and_verifies(telegram):
    (received,) = decode_frame(encode_frame([telegram.envelope]))
    verified = check_signature(received, SigningKey.from_scalar(1).public)
    assert verified == telegram
    assert verified.part("open") == b"plain"
    assert verified.part("closed") == b"personal"


def test_a_frame_holds_several_telegrams_in_their_order(telegram, author):
    other = author(MS, 2).write(IssueSerial, to=NodeName(IF), use=SerialUse.INQUIRY, count=1)
    received = decode_frame(encode_frame([telegram.envelope, other.envelope]))
    assert [one.header for one in received] == [telegram.header, other.header]


def test_an_envelope_alone_is_read_back(telegram):
    assert decode_envelope(encode_envelope(telegram.envelope)).header == telegram.header


def test_a_signature_of_another_key_is_refused(telegram, refused):
    received = codec.read(telegram.envelope)
    refused(Reason.BAD_SIGNATURE, check_signature, received, SigningKey.from_scalar(2).public)


def test_a_frame_above_the_limit_is_refused_unread(refused):
    refused(Reason.TOO_LARGE, decode_frame, bytes(FRAME_LIMIT + 1))


def test_the_frame_limit_leaves_room_for_the_largest_body_and_header():
    assert BODY_LIMIT + HEADER_LIMIT[Lane.BULK] * 4 // 3 < FRAME_LIMIT


@pytest.mark.parametrize("raw", [b"", b"\xc1", b"{}", b"\x93\x01\x02", b"\x91\x92\xa1a\x90", b"\x90\x00"])
def test_bytes_that_are_no_frame_are_refused(raw, refused):
    refused(Reason.BAD_FORMAT, decode_frame, raw)
    refused(Reason.BAD_FORMAT, decode_envelope, raw)


def test_an_empty_frame_is_refused(refused):
    assert "no telegram" in refused(Reason.BAD_FORMAT, decode_frame, encode_frame([]))


def test_a_third_member_of_an_envelope_is_refused(telegram, refused):
    raw = msgspec.msgpack.encode([telegram.envelope.jws, list(telegram.envelope.parts), b"more"])
    refused(Reason.BAD_FORMAT, decode_envelope, raw)


def test_an_envelope_whose_header_is_no_jws_is_refused(refused):
    refused(Reason.BAD_FORMAT, codec.read, Envelope(b"a.b"))


@pytest.mark.parametrize(
    "changes",
    [
        {"telegram": "Telegram"},
        {"telegram": None},
        {"id": None},
        {"id": "0" * 25},
        {"author": f"clerk:{A}"},
        {"to": 5},
        {"made_at": "2026-04-01T01:00:00"},
        {"made_at": "yesterday"},
        {"lane": "fast"},
        {"more": 1},
        {"serials": []},
        {"serials": ["0"]},
        {"serials": {}},
        {"prefix": {}},
        {"staff": None},
    ],
)
def test_a_header_that_is_not_of_its_telegrams_form_is_refused(forged, refused, changes):
    assert refused(Reason.BAD_FORMAT, codec.read, forged(**changes)).startswith("header: ")


def test_a_moment_without_an_offset_is_refused_wherever_it_stands(author, refused):
    notice = author(IF).write(
        PrefixRefused,
        to=NodeName(f"core:{B}"),
        prefix=PREFIX,
        serials=(SERIAL,),
        staff="x",
        reason=Reason.NOT_IN_TABLE,
        refused_at=author(IF).clock.now().replace(tzinfo=None),
    )
    assert refused(Reason.BAD_FORMAT, codec.read, notice.envelope).endswith("`$.refused_at`")


def test_more_exchanges_than_the_limit_are_refused(author, refused):
    serials = tuple(Serial(f"{A}-0{number:025}") for number in range(1001))
    check = author(MS).write(CheckPrefix, to=NodeName(IF), lane=Lane.BULK, prefix=PREFIX, serials=serials, staff="x")
    assert refused(Reason.BAD_FORMAT, codec.read, check.envelope).endswith("`$.serials`")


def test_an_exchange_that_stands_twice_is_refused(forged, refused):
    refused(Reason.BAD_FORMAT, codec.read, forged(serials=[SERIAL.value, SERIAL.value]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"staff":"x"', b'"staff":"x","staff":"x"'),
        (b'"staff":"x"', b'"staff": "x"'),
        (b'"staff":"x"', b'"staff":"\\u0078"'),
        (b'"items":[]', b'"items":[],"more":1'),
        (b'"made_at":"2026-04-01T01:00:00Z"', b'"made_at":"2026-04-01T01:00:00+00:00"'),
        (b'"parts":', b'"lane":"interactive","parts":'),
    ],
)
def test_a_header_in_another_spelling_is_refused(telegram, forged, refused, old, new):
    text = encode_json(telegram.header)
    assert text.count(old) == 1
    assert "canonical" in refused(Reason.BAD_FORMAT, codec.read, forged(text=text.replace(old, new)))


def test_a_header_above_its_lanes_limit_is_refused(author, refused):
    many = tuple(
        ItemCode(f"{PREFIX.information}-{number:04}") for number in range(HEADER_LIMIT[Lane.INTERACTIVE] // 20)
    )
    fields = {"to": NodeName(IF), "prefix": replace(PREFIX, items=many), "serials": (SERIAL,), "staff": "pseudonym"}
    interactive = author(MS).write(CheckPrefix, **fields)
    refused(Reason.TOO_LARGE, codec.read, interactive.envelope)
    bulk = author(MS).write(CheckPrefix, lane=Lane.BULK, **fields)
    assert codec.read(bulk.envelope).header == bulk.header


def test_signed_data_above_every_limit_is_refused_undecoded(refused):
    refused(Reason.TOO_LARGE, codec.read, Envelope(bytes(2 * HEADER_LIMIT[Lane.BULK] + 1)))


def test_a_key_that_is_not_the_authors_is_refused(forged, refused):
    refused(Reason.BAD_SIGNATURE, codec.read, forged(kid=IF))


def test_parts_and_their_descriptions_are_as_many(telegram, forged, refused):
    for parts in ((), telegram.envelope.parts[:1], (*telegram.envelope.parts, b"more")):
        refused(Reason.BAD_FORMAT, codec.read, forged(parts=parts))


def test_a_part_other_than_the_one_described_is_refused(telegram, forged, refused):
    first, second = telegram.envelope.parts
    for parts in ((b"other", second), (first + b"x", second), (first, second[:-1]), (second, first)):
        refused(Reason.BAD_FORMAT, codec.read, forged(parts=parts))


def test_a_part_described_twice_is_refused(telegram, forged, refused):
    header = msgspec.structs.replace(telegram.header, parts=telegram.header.parts[:1] * 2)
    assert "twice" in refused(Reason.BAD_FORMAT, codec.read, forged(text=encode_json(header)))


def test_a_size_that_is_not_the_parts_is_refused(telegram, forged, refused):
    header = msgspec.structs.replace(
        telegram.header, parts=(msgspec.structs.replace(telegram.header.parts[0], size=4), telegram.header.parts[1])
    )
    refused(Reason.BAD_FORMAT, codec.read, forged(text=encode_json(header)))


def test_a_personal_part_without_its_salt_is_refused(telegram, refused):
    short = b"x" * 31
    header = msgspec.structs.replace(telegram.header, parts=(describe_part("closed", short, personal=True),))
    refused(Reason.BAD_FORMAT, codec.read, write(header, (short,), SigningKey.from_scalar(1)).envelope)


def test_parts_above_the_limit_of_a_body_are_refused(telegram, refused):
    large = bytes(BODY_LIMIT + 1)
    header = msgspec.structs.replace(telegram.header, parts=(describe_part("open", large),))
    refused(Reason.TOO_LARGE, codec.read, write(header, (large,), SigningKey.from_scalar(1)).envelope)


def test_a_part_taken_off_leaves_the_signature_whole_and_is_lacking(telegram, refused):
    received = codec.read(Envelope(telegram.envelope.jws, (telegram.envelope.parts[0], None)))
    verified = check_signature(received, SigningKey.from_scalar(1).public)
    assert verified.part("open") == b"plain"
    refused(Reason.BAD_FORMAT, verified.part, "closed")
    refused(Reason.BAD_FORMAT, verified.part, "open", 1)


@pytest.mark.parametrize("place", ["staff", "id", "author", "serials", "lane", "telegram", "made_at", SECRET])
def test_a_refusal_never_shows_what_was_sent(forged, refused, place):
    value = {"staff": [SECRET], "serials": [SECRET]}.get(place, SECRET)
    assert SECRET not in refused(Reason.BAD_FORMAT, codec.read, forged(**{place: value}))


def test_a_refusal_of_a_part_does_not_show_its_name(telegram, refused):
    header = msgspec.structs.replace(telegram.header, parts=(describe_part(SECRET, b"a"),))
    envelope = write(header, (b"b",), SigningKey.from_scalar(1)).envelope
    assert SECRET not in refused(Reason.BAD_FORMAT, codec.read, envelope)


def test_a_link_code_in_another_words_place_is_not_shown(refused):
    code = LinkCode.of_bytes(bytes(19)).value
    assert code not in refused(Reason.BAD_FORMAT, decode_json, encode_json({"serial": code}), Outcome)


def test_structs_and_unions_of_the_wire_are_read_from_json(refused):
    outcome = Outcome(serial=SERIAL, refused=Reason.WITHHELD)
    assert decode_json(encode_json(outcome), Outcome) == outcome
    refused(Reason.BAD_FORMAT, decode_json, b"[" * 5000, LogContent)
    refused(Reason.BAD_FORMAT, decode_json, b'{"kind":"permit"}', LogContent)
    assert decode_json(b'"0"', str) == "0"


def test_text_that_is_no_json_is_refused(refused):
    for raw in (b"", b"{", b'{"salt":"\xff"}', b'{"salt":"a"}', b'{"value":"\\ud800"}'):
        refused(Reason.BAD_FORMAT, decode_json, raw, Opening)


def test_a_type_that_is_no_word_of_the_wire_is_neither_written_nor_read(refused):
    with pytest.raises(NotImplementedError, match="complex is not a word of the wire"):
        encode_json(1j)
    refused(Reason.BAD_FORMAT, decode_json, b'"1"', complex)


def test_an_answer_of_every_telegram_travels_in_its_lane(telegram, author):
    answering = author(IF, 2)
    pending = answering.answer(Pending, telegram)
    assert (pending.header.answers, pending.header.to) == (telegram.header.id, telegram.header.author)
    assert isinstance(
        codec.read(answering.refuse(telegram, codec.Refusal(Reason.OUT_OF_TURN)).envelope).header, Refused
    )
