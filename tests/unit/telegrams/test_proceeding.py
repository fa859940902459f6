"""Who may hand us what, and when: the catalogue as a guard."""

import msgspec
import pytest

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.catalogue import CATALOGUE, HOPS
from nakadachi.telegrams.code import LinkCodeIssued
from nakadachi.telegrams.envelope import Pending
from nakadachi.telegrams.inquiry import (
    Acceptance,
    Inquire,
    InquireAt,
    InquiryAccepted,
    InquiryCompleted,
    InquiryStatement,
    Noted,
)
from nakadachi.telegrams.oversight import ReportOperation
from nakadachi.telegrams.permit import CheckPrefix, IssueSerial, PrefixRefused, RequestPermit, SerialIssued, SerialUse
from nakadachi.telegrams.proceeding import check_address, check_answer, require_turn, stops_left
from nakadachi.telegrams.provision import Provide, ProvisionCompleted
from nakadachi.terms import NodeName, Role, Serial, TelegramId
from tests.unit.telegrams.conftest import NOW

A, B, X, ONE = "9901000000000001", "9901000000000002", "9901000000000003", "9910000000000001"
PLACES = {
    "intermediate A": f"intermediate:{A}",
    "interface A": f"interface:{A}",
    "core": f"core:{ONE}",
    "interface B": f"interface:{B}",
    "intermediate B": f"intermediate:{B}",
    "commission": f"commission:{ONE}",
    "registry": f"registry:{ONE}",
    "portal": f"portal:{ONE}",
    "intermediate": f"intermediate:{A}",
    "interface": f"interface:{A}",
}
LEGS = [(line, place) for line in CATALOGUE for place in range(1, len(line.path))]
IDS = [f"{line.telegram.__name__} {line.path[place - 1]} to {line.path[place]}" for line, place in LEGS]

MS_A, IF_A, CORE, IF_B, MS_B = (NodeName(PLACES[stop]) for stop in list(PLACES)[:5])
MS_X, IF_X = NodeName(f"intermediate:{X}"), NodeName(f"interface:{X}")


def node(stop):
    return NodeName(PLACES[stop])


def header(kind, author, to):
    """A header of which only the address matters."""
    fields = dict.fromkeys(kind.__struct_fields__, ())
    return kind(**{**fields, "id": TelegramId("0" * 26), "author": author, "to": to})


@pytest.mark.parametrize(("line", "place"), LEGS, ids=IDS)
def test_every_leg_of_the_catalogue_is_passed(line, place):
    path = [node(stop) for stop in line.path]
    sent = header(line.telegram, path[0], path[-1])
    assert check_address(path[place], sent, path[place - 1]) == (line, line.path[place])


@pytest.mark.parametrize(("line", "place"), LEGS, ids=IDS)
def test_a_leg_skipped_or_walked_back_is_refused(line, place):
    path = [node(stop) for stop in line.path]
    sent = header(line.telegram, path[0], path[-1])
    wrong = {name for name in map(NodeName, PLACES.values()) if name.role is not path[place - 1].role}
    for hop in sorted(wrong):
        with pytest.raises(Refusal) as wrong:
            check_address(path[place], sent, hop)
        assert wrong.value.reason in {Reason.ROLE_NOT_ALLOWED, Reason.NOT_ADDRESSED_HERE}


@pytest.mark.parametrize(
    ("me", "kind", "ends", "hop"),
    [
        # the author is not the hop that stands where authors stand
        (IF_A, IssueSerial, (MS_A, IF_A), MS_X),
        (IF_B, Provide, (MS_B, MS_A), MS_X),
        # we are not the addressee that stands where addressees stand
        (IF_X, IssueSerial, (MS_X, IF_A), MS_X),
        (MS_X, Provide, (MS_B, MS_A), IF_X),
        # an interface system serves its own organisation only
        (IF_X, RequestPermit, (MS_A, CORE), MS_A),
        (CORE, RequestPermit, (MS_A, CORE), IF_X),
        (CORE, ReportOperation, (MS_A, CORE), IF_X),
        (IF_X, InquireAt, (CORE, MS_B), CORE),
        (MS_B, InquireAt, (CORE, MS_B), IF_X),
        (IF_X, LinkCodeIssued, (CORE, MS_A), CORE),
        (MS_A, LinkCodeIssued, (CORE, MS_A), IF_X),
        (IF_X, Provide, (MS_B, MS_A), MS_B),
        (IF_A, Provide, (MS_B, MS_A), IF_X),
        (IF_X, Provide, (MS_B, MS_A), IF_B),
        (MS_A, Provide, (MS_B, MS_A), IF_B),
    ],
)
def test_a_telegram_between_other_organisations_is_refused(me, kind, ends, hop, refused):
    refused(Reason.NOT_ADDRESSED_HERE, check_address, me, header(kind, *ends), hop)


def test_an_author_of_another_role_is_refused(refused):
    refused(Reason.ROLE_NOT_ALLOWED, check_address, IF_A, header(IssueSerial, IF_A, IF_A), MS_A)
    refused(Reason.ROLE_NOT_ALLOWED, check_address, IF_A, header(IssueSerial, MS_A, CORE), MS_A)


def test_an_answer_is_never_taken_for_a_telegram(refused):
    refused(Reason.ROLE_NOT_ALLOWED, check_address, MS_A, header(SerialIssued, IF_A, MS_A), IF_A)


def test_the_path_is_chosen_by_author_and_addressee():
    commission = node("commission")
    line, here = check_address(commission, header(PrefixRefused, IF_A, commission), IF_A)
    assert (line.addressee, here) == (Role.COMMISSION, "commission")
    line, here = check_address(CORE, header(ReportOperation, IF_A, CORE), IF_A)
    assert (line.author, here) == (Role.INTERFACE, "core")


@pytest.mark.parametrize(
    ("kind", "here", "left"),
    [(IssueSerial, "interface A", 0), (Provide, "interface B", 2), (Provide, "intermediate A", 0)],
)
def test_the_legs_still_to_go_are_counted_from_where_we_stand(kind, here, left):
    assert stops_left(HOPS[kind][0], here) == left


@pytest.mark.parametrize(
    ("kind", "here", "last"),
    [
        (IssueSerial, "interface A", None),
        (IssueSerial, "interface A", "Provide"),
        (CheckPrefix, "interface A", "IssueSerial"),
        (RequestPermit, "interface A", "CheckPrefix"),
        (RequestPermit, "core", None),
        (Inquire, "core", "RequestPermit"),
        (InquireAt, "interface B", None),
        (InquireAt, "intermediate B", None),
        (Provide, "interface B", "InquireAt"),
        (Provide, "interface A", "Inquire"),
        (Provide, "intermediate A", "Inquire"),
        (ProvisionCompleted, "core", "InquireAt"),
        (ProvisionCompleted, "core", "InquiryCompleted"),
        (InquiryCompleted, "core", "ProvisionCompleted"),
        (InquiryCompleted, "interface A", "Provide"),
    ],
)
def test_a_telegram_in_turn_is_passed(kind, here, last):
    require_turn(HOPS[kind][0], here, last)


@pytest.mark.parametrize(
    ("kind", "here", "last"),
    [
        (CheckPrefix, "interface A", None),
        (CheckPrefix, "interface A", "CheckPrefix"),
        (RequestPermit, "interface A", "IssueSerial"),
        (RequestPermit, "core", "RequestPermit"),
        (Inquire, "core", None),
        (Inquire, "core", "Inquire"),
        (InquireAt, "intermediate B", "InquireAt"),
        (Provide, "interface B", "Inquire"),
        (Provide, "interface A", "Provide"),
        (ProvisionCompleted, "core", "RequestPermit"),
        (InquiryCompleted, "core", None),
        (InquiryCompleted, "interface A", "InquiryCompleted"),
    ],
)
def test_a_telegram_out_of_turn_is_refused(kind, here, last, refused):
    said = refused(Reason.OUT_OF_TURN, require_turn, HOPS[kind][0], here, last)
    assert said == f"{kind.__name__} after {last or 'nothing'} at {here}"


def test_what_must_precede_is_named_only_where_it_passes():
    for line in CATALOGUE:
        for here in line.path[1:]:
            passing = {kind for kind in line.after if any(here in hop.path for hop in HOPS[kind])}
            first = line.telegram in {RequestPermit, InquireAt}
            assert passing or not line.after or first, f"{line.telegram.__name__} at {here} would open an exchange"


SERIAL, OTHER = Serial(f"{A}-0{'1' * 25}"), Serial(f"{A}-0{'2' * 25}")


def asked(author, number=1):
    """A request for a serial, as A's intermediate server signs it."""
    return author(MS_A.value, number).write(IssueSerial, to=IF_A, use=SerialUse.INQUIRY, count=1)


def not_taken(sent, answer):
    with pytest.raises(Refusal) as wrong:
        check_answer(sent, answer)
    assert wrong.value.reason is Reason.OUT_OF_TURN


def test_only_the_answer_to_what_was_sent_is_taken(author):
    sent, other = asked(author), asked(author, 2)
    here = author(IF_A.value)
    right = here.answer(SerialIssued, sent, serials=(SERIAL,)).header
    check_answer(sent.header, right)
    check_answer(sent.header, here.refuse(sent, Refusal(Reason.BAD_FORMAT)).header)
    check_answer(sent.header, here.answer(Pending, sent).header)
    not_taken(sent.header, here.answer(SerialIssued, other, serials=(SERIAL,)).header)
    not_taken(sent.header, here.refuse(other, Refusal(Reason.BAD_FORMAT)).header)
    not_taken(sent.header, author(IF_X.value).answer(SerialIssued, sent, serials=(SERIAL,)).header)
    not_taken(sent.header, here.answer(Noted, sent).header)
    not_taken(sent.header, other.header)
    not_taken(right, right)


def test_an_acceptance_carried_back_is_about_the_exchanges_asked(author):
    sent = msgspec.structs.replace(header(Inquire, MS_A, CORE), statements=(stated(SERIAL),))
    core = header(InquireAt, CORE, MS_B)
    provider = author(MS_B.value)
    check_answer(
        sent, provider.write(InquiryAccepted, to=CORE, answers=core.id, outcomes=(Acceptance(serial=SERIAL),)).header
    )
    check_answer(sent, author(IF_B.value).refuse(core, Refusal(Reason.PERMIT_INVALID)).header)
    not_taken(
        sent, provider.write(InquiryAccepted, to=CORE, answers=core.id, outcomes=(Acceptance(serial=OTHER),)).header
    )
    not_taken(sent, provider.write(Noted, to=CORE, answers=core.id).header)


def stated(serial):
    """A statement of which only the serial matters."""
    return InquiryStatement(
        serial=serial, leaf_hash=b"", suite="default", body_key=b"", subject_check=b"", accept_by=NOW, answer_by=NOW
    )
