"""Plays any node by hand: takes an exchange as far as a test wants and writes what a wrong node would write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec

from nakadachi.core import store as core_store
from nakadachi.core.openings import open_secrets
from nakadachi.crypto.subject import Subject
from nakadachi.intermediate.inquiry import _state
from nakadachi.intermediate.store import Person as Row
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.kit.author import Author, Enclosure
from nakadachi.ledger.permits import check_permit
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import decode_json, encode_envelope, encode_json, write
from nakadachi.telegrams.envelope import Envelope, Received, Telegram, Verified
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryStatement
from nakadachi.telegrams.permit import (
    CheckPrefix,
    IssueSerial,
    Opening,
    Permit,
    PermitGranted,
    RequestPermit,
    SerialIssued,
    SerialUse,
)
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    LinkCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
)
from tests.invented import AOBA, PENSION, TSUBAKI, Person
from tests.story.people import HANA, VALUES
from tests.world import CARE, CARE_STEP, TAX, TAX_ITEMS, Land, Told, reason_of

ASKED = Prefix(
    TSUBAKI, AffairCode(CARE), ProcedureCode(CARE_STEP), AOBA, InfoNameCode(TAX), tuple(map(ItemCode, TAX_ITEMS))
)
"""What the stories ask, with all items named."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """An exchange that has its permit and went no further: the inquirer's statement and all it needs to be sent."""

    serial: Serial
    permit: Permit
    statement: InquiryStatement
    subject_check: bytes
    opening: Opening
    """L_B and its salt, which only the core knows at this time."""


class Play:
    """The nodes' hands and the steps of an exchange."""

    def __init__(self, land: Land) -> None:
        self.land = land
        self.server, self.interface = (land.name(role, TSUBAKI) for role in (Role.INTERMEDIATE, Role.INTERFACE))
        self.other_server, self.other_interface = (
            land.name(role, AOBA) for role in (Role.INTERMEDIATE, Role.INTERFACE)
        )
        self.third_server, self.third_interface = (
            land.name(role, PENSION) for role in (Role.INTERMEDIATE, Role.INTERFACE)
        )
        self.core, self.registry = land.name(Role.CORE), land.name(Role.REGISTRY)

    def parts(self, name: NodeName) -> Any:
        """What a node's handlers may touch."""
        return self.land.service(name).system.parts

    def write(self, author: NodeName, kind: type[Telegram], to: NodeName, **fields: Any) -> Verified[Any]:
        """A telegram in a node's own hand."""
        return self.land.author(author).write(kind, to=to, **fields)

    async def code(self, organisation: OrganisationCode, person: Person = HANA) -> LinkCode:
        """A person's link code at an organisation."""
        (row,) = await self.land.rows(
            self.land.name(Role.INTERMEDIATE, organisation),
            "SELECT link_code FROM person WHERE addressee LIKE $1",
            f"%{person.at(organisation)}",
        )
        return LinkCode(row["link_code"])

    async def serial(self) -> Serial:
        """A serial of Tsubaki's interface system (hop 1)."""
        ask = self.write(self.server, IssueSerial, self.interface, use=SerialUse.INQUIRY, count=1)
        (answer,) = await self.land.hand(self.server, self.interface, ask.envelope)
        assert isinstance(answer.header, SerialIssued)
        return answer.header.serials[0]

    async def check_prefix(self, serial: Serial, prefix: Prefix = ASKED) -> Received:
        """Hop 2."""
        check = self.write(self.server, CheckPrefix, self.interface, prefix=prefix, serials=(serial,), staff="s")
        (answer,) = await self.land.hand(self.server, self.interface, check.envelope)
        return answer

    def request_permit(
        self, serial: Serial, code: LinkCode, prefix: Prefix = ASKED, author: NodeName | None = None
    ) -> Verified[Any]:
        """The telegram of hop 3."""
        part = Enclosure("link code", encode_json(code), personal=True)
        return self.write(
            author or self.server, RequestPermit, self.core, prefix=prefix, serials=(serial,), staff="s", parts=[part]
        )

    async def permitted(self, person: Person = HANA) -> Permitted:
        """Hops 1 to 3 for a person known at both ends."""
        serial, code = await self.serial(), await self.code(TSUBAKI, person)
        await self.check_prefix(serial)
        (granted,) = await self.land.hand(self.server, self.interface, self.request_permit(serial, code).envelope)
        assert isinstance(granted.header, PermitGranted), reason_of(granted)
        raw = Verified(granted.header, granted.envelope).part("permit")
        checked = check_permit(raw, self.parts(self.server).edition.directory)
        row = Row(
            AddresseeNumber(person.at(TSUBAKI)), Subject(date.fromisoformat(person.born), person.sex, person.kana), code
        )
        statement, check, _ = _state(self.parts(self.server), checked, row, 0)
        async with self.land.service(self.core).node.database.acquire() as connection:
            exchange = (await core_store.exchanges(connection, [serial]))[serial]
        secrets = open_secrets(self.parts(self.core), exchange)
        opening = Opening(salt=secrets.provider_salt, value=secrets.provider_code)
        return Permitted(serial, decode_json(raw, Permit), statement, check.content, opening)

    def inquire(self, one: Permitted, prefix: Prefix = ASKED, author: NodeName | None = None) -> Verified[Any]:
        """The telegram of hop 4."""
        parts = [Enclosure("permit", encode_json(one.permit)), Enclosure("subject check", one.subject_check)]
        return self.write(
            author or self.server,
            Inquire,
            self.core,
            prefix=prefix,
            statements=(one.statement,),
            staff="s",
            parts=parts,
        )

    def inquire_at(
        self, one: Permitted, inquiry: Verified[Any] | None = None, to: NodeName | None = None, prefix: Prefix = ASKED
    ) -> Verified[Any]:
        """The telegram of hop 5, as the core would write it."""
        inquiry = inquiry or self.inquire(one)
        parts = [
            Enclosure("statement", encode_envelope(inquiry.envelope)),
            Enclosure("cosigned head", self.parts(self.core).head[0].encode()),
            Enclosure("link code", encode_json(one.opening), personal=True),
        ]
        return self.write(
            self.core, InquireAt, to or self.other_server, prefix=prefix, serials=(one.serial,), parts=parts
        )

    async def at_the_provider(self, telegram: Verified[Any]) -> set[str]:
        """What the provider's interface system and its server each say to the core: reasons, or "accepted".

        The server is asked first, past its interface system, so that each has to find what is wrong by itself.
        """
        said = set()
        for sender, to in ((self.other_interface, self.other_server), (self.core, self.other_interface)):
            (answer,) = await self.land.hand(sender, to, telegram.envelope)
            reason = reason_of(answer)
            said.add(reason.value if reason else "accepted")
        return said


def changed(one: Permitted, **permit: Any) -> Permitted:
    """The same with another permit."""
    return replace(one, permit=msgspec.structs.replace(one.permit, **permit))


def stated(one: Permitted, **statement: Any) -> Permitted:
    """The same with another statement."""
    return replace(one, statement=msgspec.structs.replace(one.statement, **statement))


def signed_by(telegram: Verified[Any], author: Author) -> Envelope:
    """The same header and parts, but signed with another's key under the author's name."""
    return write(telegram.header, tuple(part or b"" for part in telegram.envelope.parts), author.key).envelope


def other_serial(serial: Serial) -> Serial:
    """A serial that nobody issued."""
    return Serial(serial.value[:-1] + ("0" if serial.value[-1] != "0" else "1"))


async def refused(play: Play, sender: NodeName, to: NodeName, envelope: Envelope) -> Reason | None:
    """Why a node refuses a telegram as a whole; None where it does not."""
    (answer,) = await play.land.hand(sender, to, envelope)
    return reason_of(answer)


def good(told: Told) -> None:
    """All that Aoba holds of Hana or Taro has arrived."""
    assert told.items == {item: {"value": value} for item, value in VALUES.items()}, told


def outcomes(answer: Received) -> list[Reason | None]:
    """Why each exchange of a telegram was refused; None where it was not."""
    return [one.refused for one in answer.header.outcomes]  # type: ignore[attr-defined]  # the answer is of such a kind
