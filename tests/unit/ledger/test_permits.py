"""What a provider checks of a permit: one true inquiry passes, and each single change to it has its reason."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nakadachi.crypto.commitment import commit
from nakadachi.kit.author import Enclosure
from nakadachi.kit.unit import Unit
from nakadachi.law.lawbook import Lawbook
from nakadachi.law.whitelist import Whitelist
from nakadachi.ledger.permits import PROVIDER_CODE, check_code, check_inquiry, check_law, check_permit
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import encode_envelope, encode_json
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.permit import IssueSerial, Opening, RefusalContent, SerialUse
from nakadachi.telegrams.suspicion import kind_of
from nakadachi.terms import AffairCode, Prefix
from tests.unit.ledger.permit_pieces import (
    CODES,
    CORE,
    IF_A,
    MS_A,
    MS_B,
    NOW,
    ORIGIN,
    PREFIX,
    SALT,
    SERIALS,
    STRANGER,
    B,
    C,
    Wish,
    author_of,
    content_of,
    inquiry,
    permit_of,
    statement_of,
)
from tools import sample_law


def check(network, wish, *, provider=B, edition=None):
    telegram = inquiry(network, wish)
    unit = Unit(None, wish.now)
    return asyncio.run(check_inquiry(telegram, edition or network.edition(), provider=provider, unit=unit))


def refused(reason, network, wish, **more):
    with pytest.raises(Refusal) as wrong:
        check(network, wish, **more)
    assert wrong.value.reason is reason, wrong.value
    assert CODES[0].value not in str(wrong.value)


def test_a_true_inquiry_passes_with_all_that_the_provider_needs(network):
    (asking,) = check(network, Wish())
    assert asking.permit.content == content_of(0, Wish())
    assert (asking.permit.index, asking.permit.leaf_hash) == (1, asking.statement.leaf_hash)
    assert (asking.code, asking.inquirer, asking.subject_check) == (CODES[0], MS_A, b"sealed")


@pytest.mark.parametrize(
    "words",
    [{"suite": "rot13"}, {"suite": "p256\n"}, {"issued_at": datetime(9999, 12, 31, 23, tzinfo=UTC)}],
)
def test_a_permit_that_names_no_suite_or_a_moment_beyond_the_calendar_is_refused_though_the_log_signed_it(
    network, words
):
    refused(Reason.BAD_FORMAT, network, Wish(content=words))


def test_each_exchange_of_several_is_checked_and_told_in_order(network):
    asking = check(network, Wish(serials=SERIALS))
    assert [one.statement.serial for one in asking] == list(SERIALS)
    assert [one.code for one in asking] == CODES


@pytest.mark.parametrize(("late", "passes"), [(0, True), (1, False)])
def test_a_permit_is_accepted_until_its_time_and_no_later(network, late, passes):
    wish = Wish(now=NOW + timedelta(seconds=60, microseconds=late))
    assert check(network, wish) if passes else refused(Reason.PERMIT_EXPIRED, network, wish) is None


INVALID = {
    "for another provider": {"content": {"prefix": replace(PREFIX, provider=C)}},
    "for other items": {"content": {"prefix": replace(PREFIX, items=PREFIX.items[:1])}},
    "for another affair": {"content": {"prefix": replace(PREFIX, affair=AffairCode("JM99000000030000"))}},
    "of another log": {"content": {"origin": "core.example/2"}},
    "issued in the future": {"content": {"issued_at": NOW + timedelta(seconds=61)}},
    "issued on another day": {"content": {"issued_at": NOW - timedelta(hours=24)}},
    "a leaf elsewhere": {"permit": {"index": 0}},
    "a leaf beyond the tree": {"permit": {"index": 3}},
    "a leaf before the tree": {"permit": {"index": -1}},
    "without a path": {"permit": {"path": ()}},
    "of another path": {"permit": {"path": (bytes(32), bytes(32))}},
    "statement of another serial": {"statement": {"serial": SERIALS[1]}, "inquire_at": {"serials": SERIALS[1:]}},
    "statement of another leaf": {"statement": {"leaf_hash": bytes(32)}},
    "statement of another suite": {"statement": {"suite": "p256"}},
    "statement accepted longer": {"statement": {"accept_by": NOW + timedelta(seconds=61)}},
    "statement answered longer": {"statement": {"answer_by": NOW + timedelta(days=11)}},
    "core asks for another serial": {"inquire_at": {"serials": SERIALS[1:]}},
    "core asks for two": {"inquire_at": {"serials": SERIALS}},
    "core names another prefix": {"inquire_at": {"prefix": replace(PREFIX, items=PREFIX.items[:1])}},
    "statement by the inquirer's interface": {"author": IF_A},
    "statement by the provider itself": {"author": MS_B},
    "code of another person": {"opening": {"value": CODES[1].value}},
    "no code": {"opening": {"value": ""}},
    "a mistyped code": {"opening": {"value": CODES[0].value[:-1] + ("0" if CODES[0].value[-1] != "0" else "1")}},
    "another salt": {"opening": {"salt": bytes(32)}},
    "a short salt": {"opening": {"salt": SALT[:31]}},
}


@pytest.mark.parametrize("change", INVALID.values(), ids=INVALID.keys())
def test_a_permit_with_one_thing_changed_is_not_valid(network, change):
    refused(Reason.PERMIT_INVALID, network, Wish(**change))


def test_it_is_checked_for_this_provider_and_not_for_the_one_it_names(network):
    refused(Reason.PERMIT_INVALID, network, Wish(), provider=C)


def test_a_checkpoint_that_a_stranger_signed_does_not_count(network):
    refused(Reason.BAD_SIGNATURE, network, Wish(signer=STRANGER))


def test_the_inquirer_must_be_listed_and_must_have_signed_itself(network):
    unlisted = network.edition(listed=network.directory(without=(MS_A,)))
    refused(Reason.BAD_SIGNATURE, network, Wish(), edition=unlisted)
    forged = author_of(MS_A, network.key_of(MS_B)).write(
        Inquire,
        to=CORE,
        prefix=PREFIX,
        staff="3f1c",
        statements=(statement_of(content_of(0, Wish()), permit_of(content_of(0, Wish()))),),
    )
    parts = {"parts": [Enclosure("statement", encode_envelope(forged.envelope))]}
    refused(Reason.BAD_SIGNATURE, network, Wish(inquire_at=parts))


def test_a_refusal_in_the_log_is_no_permit(network):
    content = RefusalContent(
        version=1,
        origin=ORIGIN,
        issuer=CORE.organisation,
        prefix=PREFIX,
        serial=SERIALS[0],
        refused_at=NOW,
        reason=Reason.NOT_IN_TABLE,
        lawbook=1,
        oversight_tag=bytes(32),
    )
    with pytest.raises(Refusal) as wrong:
        check_permit(encode_json(permit_of(content)), network.directory())
    assert (wrong.value.reason, wrong.value.detail) == (Reason.PERMIT_INVALID, "it is a refusal")


def enclosing(*parts):
    return {"parts": list(parts)}


def test_what_is_lacking_or_is_something_else_is_of_a_bad_format(network):
    serial = author_of(MS_A, network.key_of(MS_A)).write(IssueSerial, to=IF_A, use=SerialUse.INQUIRY, count=1)
    sealed, permit = (
        Enclosure("subject check", b"sealed"),
        Enclosure("permit", encode_json(permit_of(content_of(0, Wish())))),
    )
    for change in (
        {"inquire_at": enclosing()},
        {"inquire_at": enclosing(Enclosure("statement", b"no envelope"))},
        {"inquire_at": enclosing(Enclosure("statement", encode_envelope(serial.envelope)))},
        {"inquire": enclosing(sealed)},
        {"inquire": enclosing(permit)},
        {"inquire": enclosing(permit, Enclosure("subject check", b"another"))},
        {"inquire": enclosing(Enclosure("permit", b"{}"), sealed)},
        {"statement": {"subject_check": bytes(32)}},
        {"permit": {"content": b"{}"}},
        {"permit": {"checkpoint": "no note"}},
    ):
        refused(Reason.BAD_FORMAT, network, Wish(**change))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_permit_with_any_one_byte_changed_passes_nowhere(network, data):
    raw = encode_json(permit_of(content_of(0, Wish())))
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:at] + bytes((data.draw(st.integers(0, 255).filter(lambda other: other != raw[at])),)) + raw[at + 1 :]
    try:
        checked = check_permit(changed, network.directory())
    except Refusal:
        return
    # Only white space, which says nothing, may differ.
    assert checked.leaf_hash == check_permit(raw, network.directory()).leaf_hash


@given(st.binary(max_size=200))
def test_any_bytes_are_a_permit_or_refused(raw):
    with pytest.raises(Refusal):
        check_permit(raw, None)


def law_of(network, **days):
    book = network.law()
    row = msgspec.structs.replace(book.whitelist.row("018.1"), **days)
    return Lawbook(
        1, book.effective, book.masters, Whitelist(book.whitelist.edition, (row,), book.masters), book.assessments
    )


@pytest.mark.parametrize(
    ("issued", "passes"),
    [
        (datetime(2026, 6, 30, 14, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 30, 15, tzinfo=UTC), True),
        (datetime(2026, 7, 2, 14, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 7, 2, 15, tzinfo=UTC), False),
    ],
)
def test_our_own_table_must_allow_it_on_the_day_of_issue_in_japan(network, issued, passes):
    law = law_of(network, first_day=date(2026, 7, 1), last_day=date(2026, 7, 2))
    content = content_of(0, Wish(content={"issued_at": issued}))
    if passes:
        check_law(content, law)
    else:
        with pytest.raises(Refusal) as wrong:
            check_law(content, law)
        assert wrong.value.reason is Reason.NOT_IN_TABLE


def test_what_our_table_does_not_list_is_refused_whatever_the_core_allowed(network):
    law = law_of(network, last_day=date(2026, 6, 30))
    refused(Reason.NOT_IN_TABLE, network, Wish(), edition=network.edition(law))


@pytest.mark.parametrize(
    ("inquirer", "row", "passes"),
    [
        (sample_law.COMPANY, "951.1", True),
        (sample_law.COMPANY, "018.1", False),
        (sample_law.TOWN, "951.1", False),
    ],
)
def test_a_private_body_is_judged_by_its_own_table_at_the_provider_too(inquirer, row, passes):
    prefix = Prefix(inquirer, *sample_law.CLAIMS, sample_law.OTHER_TOWN, sample_law.TAX)
    content = content_of(0, Wish(content={"prefix": prefix, "legal_row": row}))
    if passes:
        check_law(content, sample_law.small())
    else:
        with pytest.raises(Refusal) as wrong:
            check_law(content, sample_law.small())
        assert wrong.value.reason is Reason.NOT_IN_TABLE


def test_a_code_opens_its_commitment_under_its_label_only():
    commitment = commit(PROVIDER_CODE, CODES[0].value.encode(), SALT)
    check_code(commitment, PROVIDER_CODE, CODES[0], Opening(salt=SALT))
    with pytest.raises(Refusal):
        check_code(commitment, "inquirer code", CODES[0], Opening(salt=SALT))


def test_the_same_by_another_row_than_ours_is_refused(network):
    refused(Reason.NOT_IN_TABLE, network, Wish(content={"legal_row": "026.1"}))


def test_which_version_the_core_judged_by_does_not_matter_where_the_row_is_ours(network):
    assert check(network, Wish(content={"lawbook": 99}))


KINDS = {
    "code of another person": FindingKind.CODE_OPENING_WRONG,
    "no code": FindingKind.CODE_OPENING_WRONG,
    "another salt": FindingKind.CODE_OPENING_WRONG,
    "statement by the provider itself": FindingKind.STATEMENT_FORGED,
    "core asks for another serial": FindingKind.STATEMENT_FORGED,
    "without a path": FindingKind.PERMIT_INVALID,
    "for another provider": FindingKind.PERMIT_INVALID,
}


@pytest.mark.parametrize("how", KINDS)
def test_what_is_wrong_is_known_by_its_kind(network, how):
    with pytest.raises(Refusal) as wrong:
        check(network, Wish(**INVALID[how]))
    assert kind_of(wrong.value) is KINDS[how]
