"""SQL on people, their codes and what is held of them. It takes and returns terms, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.subject import Subject
from nakadachi.intermediate.rules import Held, Protection
from nakadachi.intermediate.subjects import AddresseeNumber, FourItems, IndividualNumber, Sex
from nakadachi.telegrams.standing import LinkDays, LinkState, days_of
from nakadachi.terms import InfoNameCode, ItemCode, LinkCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.intermediate.files.people import PersonLine
    from nakadachi.intermediate.files.provisions import ProtectionLine, ProvisionLine
    from nakadachi.kit.database import Connection
    from nakadachi.telegrams.oversight import ReportOperation


@dataclass(frozen=True, slots=True)
class Person:
    """One of the organisation's people: what the subject check compares, and the link code where there is one."""

    addressee: AddresseeNumber
    subject: Subject
    link_code: LinkCode | None
    mismatches: int = 0
    days: LinkDays | None = None

    def state(self, now: datetime) -> LinkState:
        """How the person's link stands; unlinked where there is none."""
        return self.days.state(now) if self.link_code is not None and self.days is not None else LinkState.UNLINKED


# People


async def load_people(connection: Connection, people: Sequence[PersonLine], now: datetime) -> None:
    """Register people; one known before gets the new items and keeps the link code."""
    await connection.execute(
        "INSERT INTO person AS own (addressee, name, kana, address, sex, born, individual_number)"
        " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::date[], $7::text[])"
        " ON CONFLICT (addressee) DO UPDATE SET name = excluded.name, kana = excluded.kana,"
        " address = excluded.address, sex = excluded.sex, born = excluded.born,"
        " individual_number = CASE WHEN own.link_code IS NULL THEN excluded.individual_number END,"
        " changed_at = CASE WHEN (own.name, own.address, own.sex, own.born)"
        " IS DISTINCT FROM (excluded.name, excluded.address, excluded.sex, excluded.born) THEN $8::timestamptz"
        " ELSE own.changed_at END",
        [one.addressee.value for one in people],
        [one.items.name for one in people],
        [one.items.kana for one in people],
        [one.items.address for one in people],
        [int(one.items.sex) for one in people],
        [one.items.born for one in people],
        [one.individual_number.value if one.individual_number else None for one in people],
        now,
    )


_PERSON = "SELECT addressee, kana, sex, born, link_code, linked_at, suspended_at, resumed_at, unlinked_at FROM person"


async def people_by_addressee(
    connection: Connection, addressees: Sequence[AddresseeNumber]
) -> dict[AddresseeNumber, Person]:
    """The people of these addressee numbers."""
    rows = await connection.fetch(f"{_PERSON} WHERE addressee = ANY($1::text[])", [one.value for one in addressees])
    return {person.addressee: person for person in map(_person, rows)}


_BY_CODE = (
    "SELECT person.addressee, kana, sex, born, person.link_code, linked_at, suspended_at, resumed_at, unlinked_at,"
    " {asked} AS asked_by,"
    " (SELECT count(*) FROM asked WHERE asked.addressee = person.addressee"
    " AND asked.reason = 'SUBJECT_MISMATCH' AND asked.asked_at > $2) AS mismatches"
    " FROM person {joined} WHERE {asked} = ANY($1::text[]) AND person.link_code IS NOT NULL"
)
_BY_CODE_OF_NOW = _BY_CODE.format(asked="person.link_code", joined="")
_BY_FORMER_CODE = _BY_CODE.format(asked="former_code.link_code", joined="JOIN former_code USING (addressee)")


async def people_by_code(connection: Connection, codes: Sequence[LinkCode], since: datetime) -> dict[LinkCode, Person]:
    """The people of these link codes, each with its number of subject mismatches since then; a code that was replaced a
    while ago still finds its person (C6).
    """
    found: dict[LinkCode, Person] = {}
    for query in (_BY_CODE_OF_NOW, _BY_FORMER_CODE):
        if wanted := [code.value for code in codes if code not in found]:
            rows = await connection.fetch(query, wanted, since)
            found.update({LinkCode(row["asked_by"]): _person(row, row["mismatches"]) for row in rows})
    return found


def _person(row: Any, mismatches: int = 0) -> Person:
    sex = Sex(row["sex"])
    subject = Subject(row["born"], str(int(sex)) if sex in (Sex.MALE, Sex.FEMALE) else None, row["kana"] or None)
    code = LinkCode(row["link_code"]) if row["link_code"] else None
    days = days_of(row["linked_at"], row["suspended_at"], row["resumed_at"], row["unlinked_at"])
    return Person(AddresseeNumber(row["addressee"]), subject, code, mismatches, days)


# Issuance of link codes


async def described(
    connection: Connection, addressees: Sequence[AddresseeNumber], *, linked: bool = False
) -> dict[AddresseeNumber, tuple[FourItems, IndividualNumber | None]]:
    """The four items, and the Individual Number where it was given, of people who have no link code yet, or of those
    who have one.
    """
    rows = await connection.fetch(
        "SELECT addressee, name, kana, address, sex, born, individual_number FROM person"
        " WHERE addressee = ANY($1::text[]) AND (link_code IS NOT NULL) = $2",
        [one.value for one in addressees],
        linked,
    )
    found = {}
    for row in rows:
        items = FourItems(row["name"], row["kana"], row["address"], Sex(row["sex"]), row["born"])
        number = IndividualNumber(row["individual_number"]) if row["individual_number"] else None
        found[AddresseeNumber(row["addressee"])] = (items, number)
    return found


async def known_addressees(
    connection: Connection, addressees: Sequence[AddresseeNumber]
) -> dict[AddresseeNumber, bool]:
    """Which of these are registered, and whether they have a link code."""
    rows = await connection.fetch(
        "SELECT addressee, link_code IS NOT NULL AS linked FROM person WHERE addressee = ANY($1::text[])",
        [one.value for one in addressees],
    )
    return {AddresseeNumber(row["addressee"]): row["linked"] for row in rows}


# Provision database


async def load_provisions(connection: Connection, lines: Sequence[ProvisionLine]) -> None:
    """Register, replace and delete rows of the provision database (M4)."""
    await connection.executemany(
        "DELETE FROM provision WHERE addressee = $1 AND item = $2 AND publish_from = $3",
        [(one.addressee.value, one.item.value, one.publish_from) for one in lines if one.delete],
    )
    await connection.executemany(
        "INSERT INTO provision"
        " (addressee, item, publish_from, publish_until, version, value, reason_of_null, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (addressee, item, publish_from) DO UPDATE"
        " SET publish_until = excluded.publish_until, version = excluded.version, value = excluded.value,"
        " reason_of_null = excluded.reason_of_null, updated_at = excluded.updated_at",
        [
            (
                one.addressee.value,
                one.item.value,
                one.publish_from,
                one.publish_until,
                one.version,
                one.value,
                one.reason_of_null,
                one.updated_at,
            )
            for one in lines
            if not one.delete
        ],
    )


async def load_protections(connection: Connection, lines: Sequence[ProtectionLine]) -> None:
    """Register markings of protection."""
    await connection.executemany(
        "INSERT INTO protection (addressee, information, self_information, withheld, until) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (addressee, information) DO UPDATE SET self_information = excluded.self_information,"
        " withheld = excluded.withheld, until = excluded.until",
        [
            (
                one.addressee.value,
                one.information.value if one.information else "*",
                one.self_information_allowed,
                one.withheld,
                one.until,
            )
            for one in lines
        ],
    )


async def provisions(
    connection: Connection, addressees: Sequence[AddresseeNumber], items: Sequence[ItemCode]
) -> dict[AddresseeNumber, list[Held]]:
    """What is held of these people and items."""
    rows = await connection.fetch(
        "SELECT addressee, item, version, publish_from, publish_until, value, reason_of_null, updated_at FROM provision"
        " WHERE addressee = ANY($1::text[]) AND item = ANY($2::text[])",
        [one.value for one in addressees],
        [one.value for one in items],
    )
    found: dict[AddresseeNumber, list[Held]] = {one: [] for one in addressees}
    for row in rows:
        held = Held(
            ItemCode(row["item"]),
            row["version"],
            row["publish_from"],
            row["publish_until"],
            row["value"],
            row["reason_of_null"],
            row["updated_at"],
        )
        found[AddresseeNumber(row["addressee"])].append(held)
    return found


async def protections(
    connection: Connection, addressees: Sequence[AddresseeNumber]
) -> dict[AddresseeNumber, list[Protection]]:
    """Markings of protection on these people."""
    rows = await connection.fetch(
        "SELECT addressee, information, withheld, until FROM protection WHERE addressee = ANY($1::text[])",
        [one.value for one in addressees],
    )
    found: dict[AddresseeNumber, list[Protection]] = {one: [] for one in addressees}
    for row in rows:
        information = None if row["information"] == "*" else InfoNameCode(row["information"])
        found[AddresseeNumber(row["addressee"])].append(Protection(information, row["withheld"], row["until"]))
    return found


async def note_interface(connection: Connection, report: ReportOperation, now: datetime) -> None:
    """What the own interface system said of its operation (I9); an older word never replaces a newer one. It speaks as
    one or as several instances: what it said in the other way no longer counts.

    It is never of an older version than this server: the two of an organisation are upgraded together (decision 0021).
    """
    await connection.execute(
        "DELETE FROM interface_operation WHERE node = $1 AND (instance = '') <> ($2 = '')"
        " AND least(at, received_at) <= $3",
        report.author.value,
        report.instance,
        report.at,
    )
    await connection.execute(
        "INSERT INTO interface_operation (node, instance, operation, at, software, received_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (node, instance) DO UPDATE SET operation = excluded.operation, at = excluded.at,"
        " software = excluded.software, received_at = excluded.received_at WHERE interface_operation.at <= excluded.at",
        report.author.value,
        report.instance,
        report.operation.value,
        report.at,
        report.software,
        now,
    )


async def interface_word(connection: Connection) -> dict[str, Any]:
    """What the own interface system said last, for this server's status; it stopped once all its instances did."""
    row = await connection.fetchrow(
        "SELECT operation, at, software FROM interface_operation ORDER BY operation = 'stopped', at DESC LIMIT 1"
    )
    said = {"operation": row["operation"], "at": row["at"].isoformat(), "version": row["software"]} if row else None
    return {"interface": said}
