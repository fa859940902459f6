"""A core that lies is refused by both of the provider's systems or by the inquirer, and the Commission is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from nakadachi.core.codes import ReversibleScheme
from nakadachi.kit.author import Enclosure
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_frame, decode_json, encode_frame, encode_json
from nakadachi.telegrams.envelope import Verified
from nakadachi.telegrams.oversight import DistributeEdition
from nakadachi.telegrams.permit import Opening, Permit, PermitContent, PermitGranted, RequestPermit
from nakadachi.terms import ProcedureCode, Role
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.story.editions import distribute, edition
from tests.story.liar import both_find, found_by, lying, once_answered, staff_sees
from tests.story.people import HANA, MIYO, SUMI
from tests.story.play import ASKED, Permitted, Play, good, refused, signed_by, stated

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def logged(play: Play, one: Permitted, **changes: Any) -> Permitted:
    """The permit with another content, which the core has taken into its true log: no path or signature is wrong."""
    log = play.parts(play.core).log
    content = encode_json(msgspec.structs.replace(decode_json(one.permit.content, PermitContent), **changes))
    entry = entry_of(content)
    async with play.land.service(play.core).node.database.transaction() as connection:
        await log.append(connection, [entry])
    log.expect([entry])
    place = await log.place(entry, 5)
    permit = Permit(content=content, index=place.index, path=place.path, checkpoint=place.checkpoint)
    times = {name: changes[name] for name in ("accept_by", "answer_by") if name in changes}
    return stated(replace(one, permit=permit), leaf_hash=leaf_hash(entry), **times)


# Codes


async def test_another_persons_code_under_this_persons_permit_is_found(play: Play, permitted: Permitted) -> None:
    other = Opening(salt=permitted.opening.salt, value=(await play.code(AOBA, MIYO)).value)
    telegram = play.inquire_at(replace(permitted, opening=other))
    await both_find(play, permitted, telegram, Reason.PERMIT_INVALID, "CODE_OPENING_WRONG")


async def test_the_opening_of_another_permit_is_found(play: Play, permitted: Permitted) -> None:
    other = await play.permitted(MIYO)
    telegram = play.inquire_at(replace(permitted, opening=other.opening))
    await both_find(play, permitted, telegram, Reason.PERMIT_INVALID, "CODE_OPENING_WRONG")


async def test_a_core_that_commits_to_another_person_altogether_is_found_by_the_subject_check(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No proof can find it: the permit is in order, but of somebody else (design 2.7)."""
    sumi = play.parts(play.core).scheme.read_one(await play.code(AOBA, SUMI), AOBA)
    issue = ReversibleScheme.issue_all

    def lie(self: Any, wanted: Any) -> Any:
        return issue(self, [sumi if one.organisation == AOBA else one for one in wanted])

    monkeypatch.setattr(ReversibleScheme, "issue_all", lie)
    told = await play.land.ask(HANA.at(TSUBAKI))
    assert (told.status, told.reason, told.items) == ("refused", "SUBJECT_MISMATCH", {})
    assert told.serial is not None
    for server in (play.server, play.other_server):
        assert await found_by(play.land, server, told.serial) == {("SUBJECT_MISMATCH", "")}
        assert await staff_sees(play.land, server, told.serial) == {"SUBJECT_MISMATCH"}


# Keys and statements


async def test_another_key_in_the_inquirers_mouth_is_found(play: Play, permitted: Permitted) -> None:
    inquiry = play.inquire(stated(permitted, body_key=bytes(1216)))
    forged = replace(inquiry, envelope=signed_by(inquiry, play.land.author(play.core)))
    await both_find(play, permitted, play.inquire_at(permitted, forged), Reason.BAD_SIGNATURE, "STATEMENT_FORGED")


async def test_another_subject_check_than_the_one_stated_is_found(play: Play, permitted: Permitted) -> None:
    other = await play.permitted()
    inquiry = play.inquire(stated(replace(permitted, subject_check=other.subject_check)))
    await both_find(play, permitted, play.inquire_at(permitted, inquiry), Reason.BAD_FORMAT, "STATEMENT_FORGED")


async def test_an_inquiry_of_another_organisation_under_this_permit_is_found(play: Play, permitted: Permitted) -> None:
    inquiry = play.inquire(permitted, author=play.third_server)
    await both_find(play, permitted, play.inquire_at(permitted, inquiry), Reason.PERMIT_INVALID, "STATEMENT_FORGED")


# Permits that stand in the log and still bear nothing

Change = Callable[[PermitContent], dict[str, Any]]
DAYS = timedelta(days=2)
BORNE: dict[str, tuple[Change, Reason, str]] = {
    "another-row": (lambda _: {"legal_row": "026.1"}, Reason.NOT_IN_TABLE, "LAW_DIFFERS"),
    "newer-table": (lambda _: {"legal_row": "999.1", "lawbook": 99}, Reason.NOT_IN_TABLE, "LAW_DIFFERS"),
    "another-suite": (lambda _: {"suite": "p256"}, Reason.PERMIT_INVALID, "PERMIT_INVALID"),
    "another-provider": (
        lambda content: {"prefix": replace(content.prefix, provider=PENSION)},
        Reason.PERMIT_INVALID,
        "PERMIT_INVALID",
    ),
    "expired": (
        lambda content: {name: getattr(content, name) - timedelta(minutes=2) for name in ("issued_at", "accept_by")},
        Reason.PERMIT_EXPIRED,
        "PERMIT_EXPIRED",
    ),
    "back-dated": (lambda content: {"issued_at": content.issued_at - DAYS}, Reason.PERMIT_INVALID, "PERMIT_INVALID"),
    "of-the-future": (
        lambda content: {name: getattr(content, name) + DAYS for name in ("issued_at", "accept_by", "answer_by")},
        Reason.PERMIT_INVALID,
        "PERMIT_INVALID",
    ),
}


@pytest.mark.parametrize("how", BORNE)
async def test_a_permit_that_the_core_logged_wrongly_is_found(play: Play, permitted: Permitted, how: str) -> None:
    change, reason, kind = BORNE[how]
    wrong = await logged(play, permitted, **change(decode_json(permitted.permit.content, PermitContent)))
    await both_find(play, wrong, play.inquire_at(wrong), reason, kind)


async def test_a_permit_for_what_our_table_does_not_allow_is_found(play: Play, permitted: Permitted) -> None:
    stale = replace(ASKED, procedure=ProcedureCode("JT99000000940099"))
    wrong = await logged(play, permitted, prefix=stale, lawbook=1)
    telegram = play.inquire_at(wrong, play.inquire(wrong, stale), prefix=stale)
    await both_find(play, wrong, telegram, Reason.NOT_IN_TABLE, "LAW_DIFFERS")


async def test_a_permit_in_order_passes_by_the_same_way(play: Play, permitted: Permitted) -> None:
    """What shows that the tests before refuse for the change, and not for the way it was made."""
    same = await logged(play, permitted, assessments=("another",))
    assert await play.at_the_provider(play.inquire_at(same)) == {"accepted"}


async def test_a_permit_used_again_is_found(play: Play, permitted: Permitted) -> None:
    inquiry = play.inquire(permitted)
    assert await play.at_the_provider(play.inquire_at(permitted, inquiry)) == {"accepted"}
    assert await play.at_the_provider(play.inquire_at(permitted, inquiry)) <= {"OUT_OF_TURN", "ALREADY_USED"}
    for name in (play.other_interface, play.other_server):
        assert ("PERMIT_REUSED", play.core.value) in await found_by(play.land, name, permitted.serial)


async def test_the_permit_of_another_exchange_is_no_answer_to_the_inquirer(play: Play) -> None:
    good(first := await play.land.ask(HANA.at(TSUBAKI)))
    assert first.serial is not None
    (_, _, granted), *_ = play.land.tap.legs(RequestPermit, first.serial)
    other = Verified(granted.header, granted.envelope)

    def lie(sent: bytes, came: bytes) -> bytes:
        asked, answers = decode_frame(sent)[-1], decode_frame(came)
        parts = [
            Enclosure("permit", other.part("permit")),
            Enclosure("opening", other.part("opening"), personal=True),
        ]
        outcomes = answers[-1].header.outcomes  # type: ignore[attr-defined]  # a granted permit
        own = play.land.author(play.core).answer(
            PermitGranted, Verified(asked.header, asked.envelope), outcomes=outcomes, parts=parts
        )
        return encode_frame([answers[0].envelope, own.envelope])

    with lying(play.land, play.server, answer=once_answered(RequestPermit, lie)):
        told = await play.land.ask(HANA.at(TSUBAKI))
    assert (told.status, told.reason, told.items) == ("refused", "PERMIT_INVALID", {})
    assert told.serial is not None
    assert await found_by(play.land, play.server, told.serial) == {("PERMIT_INVALID", play.core.value)}
    assert await staff_sees(play.land, play.server, told.serial) == {"PERMIT_INVALID"}


# The table itself


@pytest.mark.parametrize("role", [Role.INTERFACE, Role.INTERMEDIATE])
async def test_an_older_table_sent_out_again_is_refused_and_found(play: Play, role: Role) -> None:
    notes = dict(play.parts(play.core).edition.notes)
    old = play.parts(play.core).edition
    versions = {"lawbook": old.lawbook.version, "directory": old.directory.version}
    await distribute(play.land, edition(play.land, law=1))
    parts = [Enclosure(kind, notes[kind]) for kind in (LAWBOOK, DIRECTORY)]
    telegram = play.write(play.core, DistributeEdition, play.server, parts=parts, **versions)
    hop, name = (play.core, play.interface) if role is Role.INTERFACE else (play.interface, play.server)
    assert await refused(play, hop, name, telegram.envelope) is Reason.VERSION_TOO_OLD
    assert ("EDITION_STALE", play.core.value) in await found_by(play.land, name)
