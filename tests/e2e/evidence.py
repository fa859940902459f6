"""What must hold once everybody is back: each inquiry ended once, the ends' records agree, the log is whole."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from nakadachi.country.founding import keystore
from nakadachi.country.plan import ORIGIN, WITNESS
from nakadachi.crypto.notes import NoteKind, NoteSigner
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.telegrams.codec import decode_json
from nakadachi.telegrams.permit import LogContent
from nakadachi.terms import Role
from tests.e2e.errands import KNOWN, Errands, values_of
from tests.e2e.realm import Realm
from tests.invented import PENSION, TSUBAKI
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
    fresh = {inquiry["serial"]: inquiry for inquiry in inquiries if inquiry["serial"] not in errands.checked}
    errands.checked |= fresh.keys()
    for inquiry in fresh.values():
        check_end(inquiry, contents)
    check_told(errands, {inquiry["serial"]: inquiry for inquiry in inquiries})
    await check_records(realm, fresh, {inquiry["serial"] for inquiry in inquiries})
    entries = await check_log(realm, contents)
    await check_permits(realm, contents, entries)
    await check_codes(errands)


async def rows(realm: Realm, stop: str, query: str) -> list[dict[str, Any]]:
    return await realm.rows(realm.place(stop).name, query)


def check_end(inquiry: dict[str, Any], contents: dict[str, Any]) -> None:
    """An inquiry that was kept ended: answered with the values of the very person, or refused by law."""
    if inquiry["state"] == "refused":
        assert inquiry["reason"] == "NOT_IN_TABLE", inquiry
        assert inquiry["serial"] not in contents
        return
    assert inquiry["state"] == "answered", inquiry
    (person,) = [one for one in KNOWN if one.at(TSUBAKI).zfill(15) == inquiry["addressee"]]
    assert {one["item"]: one["value"] for one in json.loads(inquiry["answer"])} == values_of(person)
    kept = contents[inquiry["serial"]]
    assert kept["ending"] == "answered"
    assert leaf_hash(entry_of(kept["content"])) == inquiry["leaf_hash"]


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
        answered = inquiry["state"] == "answered"
        assert events == (ANSWERED if answered else NOT_ALLOWED), serial
        assert len({tuple(row[name] for name in PARTIES) for row in records}) == 1, serial
        assert {row["reason"] for row in records if row["event"] != "requested"} == {inquiry["reason"]}
        assert {row["leaf"] for row in records if row["leaf"]} == ({inquiry["leaf_hash"]} - {None})
        assert {tuple(row["items"]) for row in records if row["items"]} == ({TAX_ITEMS} if answered else set())


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
    """`nakadachi log verify` on what the core hands out."""
    core = realm.land.plan.of(Role.CORE)
    for name in ("checkpoint", "entries"):
        body = await realm.get(core.name, f"/log/{name}")
        (realm.folder / f"log.{name}").write_bytes(body)
    secrets = keystore(realm.founding, core), keystore(realm.founding, realm.land.plan.of(Role.COMMISSION))
    log = NoteSigner.from_seed(ORIGIN, secrets[0].secret("log")).verifier.vkey
    witness = NoteSigner.from_seed(WITNESS, secrets[1].secret("witness"), NoteKind.COSIGNATURE).verifier.vkey
    files = ("--checkpoint", str(realm.folder / "log.checkpoint"), "--entries", str(realm.folder / "log.entries"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nakadachi", "log", "verify", *files, "--vkey", log, "--witness", witness,
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
