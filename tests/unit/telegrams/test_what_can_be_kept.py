"""What a telegram says can be kept: one value that no database takes would end the transaction of all beside it."""

import json

import pytest

from nakadachi.crypto.signing import SigningKey, sign_compact
from nakadachi.refusal import Reason
from nakadachi.telegrams import codec
from nakadachi.telegrams.codec import PARTS_LIMIT, encode_json
from nakadachi.telegrams.envelope import ITEMS_LIMIT, Envelope
from nakadachi.telegrams.oversight import Operation, ReportOperation
from nakadachi.telegrams.permit import IssueSerial, SerialUse
from nakadachi.terms import NodeName

IF, CORE = "interface:9901000000000001", "core:9910000000000001"


@pytest.fixture
def report(author):
    return author(IF, 1).write(
        ReportOperation, to=NodeName(CORE), operation=Operation.STARTED, at=author(IF, 1).clock.now(),
        software="0.1.0", lawbook=1, directory=1,
    )  # fmt: skip


@pytest.fixture
def order(author):
    return author("intermediate:9901000000000001", 1).write(
        IssueSerial, to=NodeName(IF), use=SerialUse.INQUIRY, count=1
    )


def changed(telegram, contents=(), **changes):
    """The telegram with other words in its header, in the one order, signed again."""
    words = json.loads(encode_json(telegram.header)) | changes
    order = ("telegram", *type(telegram.header).__struct_fields__)
    header = {name: words[name] for name in order if name in words}
    payload = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return Envelope(sign_compact(SigningKey.from_scalar(1), payload, kid=header["author"]), contents)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("member", ["made_at", "at"])
def test_a_moment_that_may_have_no_utc_is_refused_at_the_door(report, member, moment, refused):
    assert "first or the last year" in refused(Reason.BAD_FORMAT, codec.read, changed(report, **{member: moment}))


def test_a_moment_of_every_other_year_is_read(report):
    assert codec.read(changed(report, at="9998-12-31T23:59:59-23:59")).header.at.year == 9998
    assert codec.read(changed(report, at="0002-01-01T00:00:00+23:59")).header.at.year == 2


@pytest.mark.parametrize(
    "words",
    [{"software": "0.1.0\0"}, {"software": "0.1.0\n"}, {"software": ""}, {"lawbook": 2**63}, {"directory": -1}],
)
def test_a_report_that_no_database_keeps_is_refused_at_the_door(report, words, refused):
    assert "canonical" not in refused(Reason.BAD_FORMAT, codec.read, changed(report, **words))


@pytest.mark.parametrize("count", [-1, ITEMS_LIMIT + 1, 10**30])
def test_a_count_beyond_the_items_of_a_telegram_is_refused_at_the_door(order, count, refused):
    assert "canonical" not in refused(Reason.BAD_FORMAT, codec.read, changed(order, count=count))


PART = {"name": "a", "digest": "A" * 43 + "=", "size": 1}


@pytest.mark.parametrize(
    "words", [{"name": "a\0b"}, {"name": ""}, {"size": 2**64}, {"size": -1}, {"item": ITEMS_LIMIT}]
)
def test_a_part_is_described_by_a_plain_name_and_small_numbers(order, words, refused):
    assert codec.read(changed(order, (None,), parts=[PART])).header.parts[0].name == "a"
    assert "canonical" not in refused(Reason.BAD_FORMAT, codec.read, changed(order, (None,), parts=[PART | words]))


def test_more_parts_than_the_items_of_a_telegram_have_are_refused_before_one_is_looked_at(order, refused):
    parts = [PART] * (PARTS_LIMIT + 1)
    wide = changed(order, (None,) * len(parts), lane="bulk", parts=parts)
    assert f"{len(parts)} parts described" in refused(Reason.BAD_FORMAT, codec.read, wide)
