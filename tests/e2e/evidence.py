"""What must hold once everybody is back: each inquiry ended once, the ends' records agree, the log is whole."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from nakadachi.country.founding import CONFIG, keystore
from nakadachi.country.plan import ORIGIN, WITNESS
from nakadachi.crypto.notes import NoteKind, NoteSigner
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.permit import LogContent
from nakadachi.terms import Role
from tests.e2e.errands import EVERYBODY, KNOWN, MARKED, MIXED_UP, UNRECEIVED, WITHDRAWN, Errands, values_of
from tests.e2e.realm import Realm
from tests.invented import PENSION, TSUBAKI, Person
from tests.world import TAX_ITEMS

MS_A, IF_A, CORE, IF_B, MS_B = "intermediate A", "interface A", "core", "interface B", "intermediate B"
ANSWERED = {
    MS_A: {"requested", "received"},
    IF_A: {"requested", "received"},
    CORE: {"permitted", "provided", "received"},
    IF_B: {"requested", "provided"},
    MS_B: {"provided"},
}
"""The events that each system has on record of an inquiry that was answered."""
CLOSED = {
    MS_A: {"requested", "closed"},
    IF_A: {"requested"},
    CORE: {"permitted", "closed"},
    IF_B: {"requested"},
    MS_B: {"requested", "closed"},
}
"""Of one that was cancelled while the provider's staff held it."""
MISMATCHED = {
    MS_A: {"requested", "refused"},
    IF_A: {"requested"},
    CORE: {"permitted", "refused"},
    IF_B: {"requested"},
    MS_B: {"refused"},
}
"""Of one that the provider refused, since it means another person."""
NOT_ALLOWED = {MS_A: {"requested", "refused"}, IF_A: {"refused"}, CORE: {"refused"}, "commission": {"refused"}}
"""And of one that the law does not list."""
PARTIES = ("inquirer", "provider", "affair", "procedure", "information")


@dataclass(frozen=True)
class Kept:
    """The records of one exchange, at one stop."""

    stop: str
    rows: tuple[dict[str, Any], ...]


async def check(errands: Errands) -> None:
    """All of it: exchanges that are new since the last time, and the whole log."""
    realm = errands.realm
    inquiries = await rows(realm, MS_A, "SELECT serial, state, reason, addressee, answer, leaf_hash FROM inquiry")
    contents = {row["serial"]: row for row in await rows(realm, CORE, "SELECT serial, content, ending FROM exchange")}
    asked = {row["serial"]: row["ending"] for row in await rows(realm, MS_B, "SELECT serial, ending FROM asked")}
    fresh = {inquiry["serial"]: inquiry for inquiry in inquiries if inquiry["serial"] not in errands.checked}
    errands.checked |= fresh.keys()
    for inquiry in fresh.values():
        check_end(inquiry, contents, asked)
    await read_again(errands)
    check_told(errands, {inquiry["serial"]: inquiry for inquiry in inquiries})
    await check_records(realm, fresh, {inquiry["serial"] for inquiry in inquiries})
    await check_findings(realm, {inquiry["serial"]: inquiry for inquiry in inquiries})
    entries = await check_log(realm, contents)
    await check_permits(realm, contents, entries)
    await check_codes(errands)


async def rows(realm: Realm, stop: str, query: str) -> list[dict[str, Any]]:
    return await realm.rows(realm.place(stop).name, query)


def person_of(inquiry: dict[str, Any]) -> Person:
    """Of whom Tsubaki asked."""
    (person,) = [one for one in EVERYBODY if one.at(TSUBAKI).zfill(15) == inquiry["addressee"]]
    return person


def check_end(inquiry: dict[str, Any], contents: dict[str, Any], asked: dict[str, Any]) -> None:
    """An inquiry that was kept ended as its story has it, and the three sides say the same: answered with the values of
    the very person, refused by law or for a mismatch, or cancelled.
    """
    person, serial = person_of(inquiry), inquiry["serial"]
    if inquiry["reason"] == "NOT_IN_TABLE":
        assert inquiry["state"] == "refused"
        assert person in KNOWN
        assert serial not in contents
        return
    wanted = {WITHDRAWN.code: ("cancelled", "CANCELLED"), MIXED_UP.code: ("refused", "SUBJECT_MISMATCH")}
    assert (inquiry["state"], inquiry["reason"]) == wanted.get(person.code, ("answered", None)), inquiry
    ends = {"core": contents[serial]["ending"], "provider": asked[serial], "inquirer": inquiry["state"]}
    assert len(set(ends.values())) == 1, (serial, person, ends)
    assert leaf_hash(entry_of(contents[serial]["content"])) == inquiry["leaf_hash"]
    if inquiry["state"] == "answered":
        assert {one["item"]: one["value"] for one in json.loads(inquiry["answer"])} == values_of(person)
    else:
        assert inquiry["answer"] is None


async def read_again(errands: Errands) -> None:
    """Whoever was told last that it is pending asks what came of it."""
    last = {told.serial: told for told in errands.told}
    for serial, told in last.items():
        if told.status == "pending" and serial is not None:
            errands.told.append(await errands.realm.land.read(serial))


def check_told(errands: Errands, inquiries: dict[str, Any]) -> None:
    """What the existing system was told is what came of it, and nobody was given another's serial."""
    last: dict[str, Any] = {}
    for told in errands.told:
        assert told.serial is not None
        former = last.setdefault(told.serial.value, told)
        assert former == told or former.status in {"pending", "unknown"}, "told two things"
        last[told.serial.value] = told
    for serial, told in last.items():
        inquiry = inquiries[serial]
        assert (told.status, told.reason) == (inquiry["state"], inquiry["reason"] or "")
        if told.items:
            answer = {one["item"]: {"value": one["value"]} for one in json.loads(inquiry["answer"])}
            assert told.items == answer


async def check_records(realm: Realm, fresh: dict[str, Any], known: set[str]) -> None:
    """Every system on the way has the events it should have, of the same parties, items, leaf and outcome."""
    kept: dict[str, list[Kept]] = defaultdict(list)
    for stop in {**ANSWERED, **NOT_ALLOWED}:
        by_serial: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in await rows(realm, stop, "SELECT * FROM record"):
            by_serial[row["serial"]].append(row)
        for serial, own in by_serial.items():
            kept[serial].append(Kept(stop, tuple(own)))
    assert kept.keys() == known
    for serial, inquiry in fresh.items():
        all_kept = kept[serial]
        events = {one.stop: {row["event"] for row in one.rows} for one in all_kept}
        records = [row for one in all_kept for row in one.rows]
        assert events in wanted_events(inquiry), (inquiry, events)
        assert len({tuple(row[name] for name in PARTIES) for row in records}) == 1, serial
        reasons = {row["reason"] for row in records if row["event"] not in {"requested", "permitted"}}
        assert reasons == {inquiry["reason"]}, serial
        assert {row["leaf"] for row in records if row["leaf"]} == ({inquiry["leaf_hash"]} - {None})
        permitted = inquiry["reason"] != "NOT_IN_TABLE"
        assert {tuple(row["items"]) for row in records if row["items"]} == ({TAX_ITEMS} if permitted else set())


def wanted_events(inquiry: dict[str, Any]) -> list[dict[str, set[str]]]:
    """What the systems may have on record. A provider that gave up waiting for its receipt closed for a while."""
    if inquiry["state"] != "answered":
        return [{"NOT_IN_TABLE": NOT_ALLOWED, "SUBJECT_MISMATCH": MISMATCHED, "CANCELLED": CLOSED}[inquiry["reason"]]]
    person = person_of(inquiry)
    events = ANSWERED | ({MS_B: {"requested", "provided"}} if person in MARKED else {})
    if person is not UNRECEIVED:
        return [events]
    closed = events | {MS_B: events[MS_B] | {"closed"}}
    unheard = {"permitted", "received", "closed"}  # the core knows of the answer from the inquirer alone, or from both
    return [events, closed | {CORE: unheard}, closed | {CORE: unheard | {"provided"}}]


async def check_findings(realm: Realm, inquiries: dict[str, Any]) -> None:
    """The Commission knows of every mismatch from both ends, and of nothing else but what the stories gave cause for:
    the exchange that was unknown for a while, and what was no telegram.
    """
    found = await rows(realm, "commission", "SELECT reporter, kind, serial FROM finding")
    ends = {realm.place(stop).name.value for stop in (MS_A, MS_B)}
    mismatched = {serial for serial, one in inquiries.items() if one["reason"] == "SUBJECT_MISMATCH"}
    told = {(row["serial"], row["reporter"]) for row in found if row["kind"] == "SUBJECT_MISMATCH"}
    assert told == {(serial, end) for serial in mismatched for end in ends}
    for row in found:
        if row["kind"] == "UNKNOWN_ENDING":
            assert person_of(inquiries[row["serial"]]) is UNRECEIVED, row
        else:
            assert row["kind"] in {"SUBJECT_MISMATCH", "TELEGRAM_ALTERED"}, row
    trees = await rows(realm, "commission", "SELECT state FROM head_told")
    assert {row["state"] for row in trees} <= {"open", "contained"}


async def check_log(realm: Realm, contents: dict[str, Any]) -> list[bytes]:
    """No gap, nothing twice, nothing that was not decided; and an outsider's program agrees."""
    found = await rows(realm, CORE, "SELECT entry, index FROM log_entry ORDER BY index")
    (tree,) = await rows(realm, CORE, "SELECT size FROM log_tree")
    entries = [bytes(row["entry"]) for row in found]
    assert [row["index"] for row in found] == list(range(tree["size"]))
    assert Counter(entries) == Counter(entry_of(row["content"]) for row in contents.values())
    serials = [decode_json(row["content"], LogContent).serial.value for row in contents.values()]
    assert sorted(serials) == sorted(contents)
    await verify(realm)
    return entries


async def verify(realm: Realm) -> None:
    """`nakadachi ledger check` at the core's door, as the Commission may run it; it knows what it saw last time."""
    core, commission = realm.land.plan.of(Role.CORE), realm.land.plan.of(Role.COMMISSION)
    secrets = keystore(realm.founding, core), keystore(realm.founding, realm.land.plan.of(Role.COMMISSION))
    log = NoteSigner.from_seed(ORIGIN, secrets[0].secret("log")).verifier.vkey
    witness = NoteSigner.from_seed(WITNESS, secrets[1].secret("witness"), NoteKind.COSIGNATURE).verifier.vkey
    config = str(realm.folder / commission.folder / CONFIG)
    more = ("--config", config, "--vkey", log, "--witness", witness, "--state", str(realm.folder / "log.note"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nakadachi", "ledger", "check", f"{core.url}/log/{ORIGIN}", *more,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def check_permits(realm: Realm, contents: dict[str, Any], entries: list[bytes]) -> None:
    """Every permit that a provider used is the leaf of the core's log at its place, and was used once."""
    for stop, table in ((IF_B, "permit_used"), (MS_B, "asked")):
        used = await rows(realm, stop, f"SELECT serial, origin, index FROM {table}")
        assert {row["origin"] for row in used} <= {ORIGIN}
        assert len({row["index"] for row in used}) == len(used) == len(contents)
        for row in used:
            assert entries[row["index"]] == entry_of(contents[row["serial"]]["content"])


async def check_codes(errands: Errands) -> None:
    """Whoever was linked has one code, the core knows it, and no matching number is left (L1)."""
    realm = errands.realm
    people = await realm.rows(realm.land.name(Role.INTERMEDIATE, PENSION), "SELECT link_code FROM person")
    assert len(people) == len({row["link_code"] for row in people} - {None}) == len(errands.linked)
    assert await realm.rows(realm.land.name(Role.INTERMEDIATE, PENSION), "SELECT 1 FROM issuance") == []
    query = "SELECT id_code FROM link WHERE organisation = $1 AND unlinked_at IS NULL"
    assert len(await realm.rows(realm.land.name(Role.CORE), query, PENSION.value)) == len(people)
