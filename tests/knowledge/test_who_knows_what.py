"""Design section 1 as a test: after whole stories, every database, log and captured request is searched.

`KEEPS` says who may have a thing at rest, `SEES` who may be sent it in a telegram. The core keeps link codes only
wrapped under the month's key, so that they are not found there either.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from nakadachi import __version__
from nakadachi.country.plan import plan
from nakadachi.kit.postgres import PostgresServer
from nakadachi.law import lawbook
from nakadachi.refusal import Reason
from nakadachi.telegrams.catalogue import HOPS
from nakadachi.telegrams.code import RequestLinkCode
from nakadachi.telegrams.envelope import Lane, Verified
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.lists import NUMBERS, texts
from nakadachi.telegrams.oversight import Check
from nakadachi.terms import LinkCode, NodeName, OrganisationCode, Role, Serial
from tests.faring import told
from tests.invented import AOBA, PENSION, TSUBAKI
from tests.knowledge.needles import found, spellings, unfolded, written
from tests.story.people import AKI, EVERYBODY, HANA, KENJI, MIYO, NOBODY, RAN, SUMI, TARO, VALUES, settle
from tests.trails import hand_over, reconcile
from tests.world import DEPARTMENT, OPERATOR, Land, Told, a_country

pytestmark = pytest.mark.asyncio(loop_scope="module")

CORE, COMMISSION, REGISTRY = "core", "commission", "registry"
MS_A, IF_A, MS_B, IF_B = "server A", "interface A", "server B", "interface B"
MS_C, IF_C = "server C", "interface C"
PLACES = (CORE, COMMISSION, REGISTRY, MS_A, IF_A, MS_B, IF_B, MS_C, IF_C)
"""A asks (Tsubaki), B provides (Aoba), C has nothing to do with it (the pension service), though it knows Hana too."""

CLOSED: dict[str, set[str]] = {
    "telegram": {kind.__name__ for kind in HOPS},
    "outcome": {"answered", "refused", "pending", "failed", "unreachable", "unreadable"},
    "reason": {"", *(reason.value for reason in Reason)},
    "role": {role.value for role in Role},
    "lane": {lane.value for lane in Lane},
    "ending": {ending.value for ending in Ending},
    "check": {check.value for check in Check},
    "state": {"used", "idle", "most"},
    "status": {"400", "403", "404", "409", "422"},
    "node": {place.name.value for place in plan(lawbook.sample(), (TSUBAKI, AOBA, PENSION), port=1).places},
    "version": {__version__},
}
"""What a metric's label may say."""

STAFF_B, CASE = "clerk-kikyou", "CASE-2026-0815"
KNOWN_AT_A, KNOWN_AT_B = (HANA, TARO, MIYO, KENJI, SUMI, AKI, NOBODY), (HANA, TARO, MIYO, SUMI)

KEEPS: dict[str, set[str]] = {
    "link codes of A": {MS_A},
    "link codes of B": {MS_B},
    "link codes of C": {MS_C},
    "ID codes": {CORE},
    "matching numbers": set(),
    "resident record codes": {REGISTRY},
    "Individual Numbers of people linked": {REGISTRY},
    "Individual Numbers of people to be linked": {MS_A, REGISTRY},
    "names, kana and addresses": {MS_A, MS_B, MS_C, REGISTRY},
    "dates of birth": {MS_A, MS_B, MS_C, REGISTRY},
    "addressee numbers of A": {MS_A},
    "addressee numbers of B": {MS_B},
    "addressee numbers of C": {MS_C},
    "bodies": {MS_A, MS_B},
    "who asked whom": {CORE, COMMISSION, MS_A, IF_A, MS_B, IF_B},
    "exchanges with a finding": {CORE, COMMISSION, MS_A, IF_A, MS_B, IF_B},
    "staff of A": {MS_A},
    "staff of B": {MS_B},
    "departments of A": {MS_A, COMMISSION},
    "case numbers of A": {MS_A},
}
SEES: dict[str, set[str]] = {
    "link codes of A": {CORE, IF_A, MS_A},
    "link codes of B": {IF_B, MS_B},
    "link codes of C": {IF_C, MS_C},
    "ID codes": set(),
    "matching numbers": {REGISTRY, CORE, IF_A, MS_A, IF_B, MS_B, IF_C, MS_C},
    "resident record codes": {CORE},
    "Individual Numbers of people linked": {REGISTRY},
    "Individual Numbers of people to be linked": set(),
    "names, kana and addresses": {REGISTRY},
    "dates of birth": {REGISTRY},
    "addressee numbers of A": set(),
    "addressee numbers of B": set(),
    "addressee numbers of C": set(),
    "bodies": set(),
    "who asked whom": {CORE, COMMISSION, MS_A, IF_A, MS_B, IF_B},
    "exchanges with a finding": {CORE, COMMISSION, MS_A, IF_A, MS_B, IF_B},
    "staff of A": set(),
    "staff of B": set(),
    "departments of A": {IF_A, COMMISSION},
    "case numbers of A": set(),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to be found, and all that every place keeps, is sent, logs, and says of how it fares."""

    secrets: dict[str, tuple[str | bytes, ...]]
    kept: dict[str, bytes]
    seen: dict[str, bytes]
    logged: bytes
    faring: dict[str, bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def known(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Known]:
    async with a_country(postgres, open_directory, EVERYBODY) as land:
        serials = await whole_stories(land)
        await hand_over(land)
        await reconcile(land)
        places = {name: place(name) for name in land.country.services}
        kept = {where: await at_rest(land, name) for name, where in places.items()}
        seen = dict.fromkeys(PLACES, b"")
        for flight in land.tap.flights:
            seen[places[flight.to]] += unfolded(flight.request)
            seen[places[flight.sender]] += unfolded(flight.answer or b"")
        log = land.log.getvalue() + b"".join(file.read_bytes() for file in postgres_logs(open_directory))
        faring = {where: await said_of_itself(land, name) for name, where in places.items()}
        yield Known(await secrets_of(land, serials), kept, seen, log, faring)


def place(name: NodeName) -> str:
    """What the tables here call a node."""
    if name.role not in {Role.INTERFACE, Role.INTERMEDIATE}:
        return name.role.value
    side = {TSUBAKI: "A", AOBA: "B", PENSION: "C"}[name.organisation]
    return f"{'interface' if name.role is Role.INTERFACE else 'server'} {side}"


async def whole_stories(land: Land) -> dict[str, tuple[Serial, ...]]:
    """Issuance with every outcome, and inquiries that are answered, held and decided, and refused in several ways."""
    await settle(land)
    await land.register(TSUBAKI, *(one.line(TSUBAKI, number="") for one in (AKI, NOBODY)))
    told = [await land.ask(one.at(TSUBAKI)) for one in (HANA, TARO, TARO, MIYO, KENJI, SUMI)]
    told.append(await land.ask(HANA.at(TSUBAKI), lane="bulk"))
    for one, decision in ((told[1], "answer"), (told[2], "refuse")):
        status, text = await land.desk(AOBA, "POST", f"held/{serial_of(one).value}/{decision}", staff=STAFF_B)
        assert status == 200, text
    await land.quiet()
    assert (await land.read(serial_of(told[1]))).status == "answered"
    mixed_up = told.pop(3)
    assert mixed_up.reason == "SUBJECT_MISMATCH"
    return {
        "who asked whom": tuple(serial_of(one) for one in told),
        "exchanges with a finding": (serial_of(mixed_up),),
    }


def serial_of(told: Told) -> Serial:
    """The serial of an inquiry that got one."""
    assert told.serial is not None
    return told.serial


async def at_rest(land: Land, name: NodeName) -> bytes:
    """All rows of all tables of a node: as text, and the binary columns as they are."""
    pieces: list[bytes] = []
    for table in await land.tables(name):
        for row in await land.rows(name, f"SELECT * FROM {table}"):
            pieces += [value if isinstance(value, bytes) else str(value).encode() for value in row.values()]
    return b"\n".join([*pieces, *(unfolded(piece) for piece in pieces)])


async def said_of_itself(land: Land, name: NodeName) -> bytes:
    """All that a node's door says of how it fares."""
    paths = ["/livez", "/readyz", "/status", "/metrics", *(["/operation"] if name.role is Role.CORE else [])]
    answers = [await told(land, name, path) for path in paths]
    assert {status for status, _ in answers} <= {200, 503}
    return b"\n".join(body for _, body in answers)


def postgres_logs(directory: Path) -> list[Path]:
    """What the database itself logged."""
    return [file for file in directory.rglob("*.log") if file.is_file()]


async def secrets_of(land: Land, serials: dict[str, tuple[Serial, ...]]) -> dict[str, tuple[str | bytes, ...]]:
    """Every secret of the stories by its line in the tables."""
    people = (*EVERYBODY, NOBODY)
    secrets: dict[str, tuple[str | bytes, ...]] = {
        "resident record codes": tuple(one.code for one in people),
        "Individual Numbers of people linked": tuple(one.number for one in people if one is not RAN),
        "Individual Numbers of people to be linked": (RAN.number,),
        "dates of birth": tuple(form for one in people for form in (one.born, one.born.replace("-", ""))),
        "names, kana and addresses": tuple(text for one in people for text in spellings(one)),
        "bodies": tuple(value for value in VALUES.values() if len(value) > 1),
        **{what: tuple(serial.value for serial in some) for what, some in serials.items()},
        "staff of A": (OPERATOR,),
        "staff of B": (STAFF_B,),
        "departments of A": (DEPARTMENT,),
        "case numbers of A": (CASE,),
    }
    for letter, organisation, persons in (("A", TSUBAKI, KNOWN_AT_A), ("B", AOBA, KNOWN_AT_B), ("C", PENSION, (HANA,))):
        codes = await link_codes(land, organisation)
        secrets[f"link codes of {letter}"] = tuple(form for code in codes for form in (code.value, code.to_bytes()))
        secrets[f"addressee numbers of {letter}"] = tuple(one.at(organisation) for one in persons)
    secrets["matching numbers"] = tuple(
        number
        for _, asked, _ in land.tap.legs(RequestLinkCode)
        for number in texts(Verified(asked.header, asked.envelope), NUMBERS, range(asked.header.count))  # type: ignore[attr-defined]
    )
    rows = await land.rows(land.name(Role.CORE), "SELECT DISTINCT id_code FROM link")
    return secrets | {"ID codes": tuple(bytes(row["id_code"]) for row in rows)}


async def link_codes(land: Land, organisation: OrganisationCode) -> list[LinkCode]:
    """All link codes of an organisation."""
    server = land.name(Role.INTERMEDIATE, organisation)
    rows = await land.rows(server, "SELECT link_code FROM person WHERE link_code IS NOT NULL")
    return [LinkCode(row["link_code"]) for row in rows]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("what", KEEPS)
async def test_at_rest_a_place_keeps_what_the_table_gives_it_and_nothing_else(
    known: Known, what: str, where: str
) -> None:
    assert found(known.kept[where], known.secrets[what]) is (where in KEEPS[what])


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("what", SEES)
async def test_a_place_is_sent_what_the_table_lets_it_see_and_nothing_else(known: Known, what: str, where: str) -> None:
    assert found(known.seen[where], known.secrets[what]) is (where in SEES[what])


@pytest.mark.parametrize("what", [what for what in KEEPS if what not in {"who asked whom", "exchanges with a finding"}])
async def test_no_log_line_holds_a_secret(known: Known, what: str) -> None:
    assert known.logged
    assert not found(known.logged, known.secrets[what])


@pytest.mark.parametrize("where", PLACES)
async def test_what_a_place_says_of_how_it_fares_holds_no_secret(known: Known, where: str) -> None:
    """Not even who asked whom: a serial is no measure of anything."""
    assert b"nakadachi_telegrams_total" in known.faring[where]
    for what, secrets in known.secrets.items():
        assert not found(known.faring[where], secrets), what


@pytest.mark.parametrize("where", PLACES)
async def test_every_label_of_a_metric_is_of_a_closed_set(known: Known, where: str) -> None:
    text = known.faring[where].decode()
    labels = {match.groups() for match in re.finditer(r'([a-z]+)="([^"]*)"', text[text.index("# HELP nakadachi") :])}
    assert {name for name, _ in labels} <= {*CLOSED, "le"}
    assert [one for one in labels if one[0] in CLOSED and one[1] not in CLOSED[one[0]]] == []


async def test_every_secret_was_there_to_be_found(known: Known) -> None:
    """A search that finds nothing because it looks for nothing proves nothing."""
    assert set(known.secrets) == set(KEEPS) == set(SEES)
    for what, secrets in known.secrets.items():
        assert secrets, what
        assert all(len(secret.encode() if isinstance(secret, str) else secret) >= 8 for secret in secrets), what


async def test_what_is_on_its_way_is_gone_from_every_outbox_once_delivered(known: Known) -> None:
    """Link codes in passing, resident record codes: `KEEPS` holds for interfaces and core only because of it."""
    assert not found(known.kept[IF_A], known.secrets["link codes of A"])
    assert not found(known.kept[CORE], known.secrets["resident record codes"])
    assert found(known.seen[IF_A], known.secrets["link codes of A"])
    assert found(known.seen[CORE], known.secrets["resident record codes"])


@pytest.mark.parametrize("way", ["text", "json", "hex", "base64-0", "base64-1", "base64-2", "url", "utf-16"])
async def test_a_secret_is_found_however_it_is_written(way: str) -> None:
    secret = "見本 花"
    raw = secret.encode()
    hidden = {
        "text": raw,
        "json": json.dumps(secret).encode(),
        "hex": raw.hex().encode(),
        **{f"base64-{n}": base64.b64encode(b"x" * n + raw + b"tail") for n in range(3)},
        "url": base64.urlsafe_b64encode(b"{}" + raw),
        "utf-16": secret.encode("utf-16-le"),
    }[way]
    assert found(b"before" + hidden + b"after", [secret])
    assert not found(hidden[:-6], [secret + "子"])
    assert written(secret)
