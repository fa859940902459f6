"""地方公共団体情報システム機構 (stand-in): finds exactly one resident per request, asks the core for the code (R2, C7).

It never sees a link code, nor who asks whom about a person; it does see where a person is being linked.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nakadachi.health.reporter import Reporter
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.config import ConfigError
from nakadachi.kit.unit import Handler
from nakadachi.kit.web import application
from nakadachi.ledger.edition import Edition
from nakadachi.ledger.holding import hold_untold
from nakadachi.neighbours import registry_store as store
from nakadachi.neighbours.connector import STAND_IN, ResidentRegister
from nakadachi.neighbours.individual_numbers import KEY_BYTES, IndividualNumbers
from nakadachi.neighbours.matching import Found, Sought, items_of
from nakadachi.neighbours.notation import date_key, sex_key
from nakadachi.neighbours.register import Register
from nakadachi.neighbours.telling import Telling
from nakadachi.node import NodeConfig, World, open_node, system_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.service import Service
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_json, encode_envelope
from nakadachi.telegrams.envelope import Envelope, Telegram
from nakadachi.telegrams.oversight import DistributeEdition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.database import Database
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.keystore import FileKeyStore
    from nakadachi.kit.peers import Peers
    from nakadachi.kit.unit import Asked, Reply, Unit

NUMBER_KEY = "number-key"
RESIDENT_COLUMNS = ("code", "number", "name", "address", "sex", "born")


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """The stand-in's configuration."""

    node: NodeConfig
    residents: Path = field(
        metadata={"doc": "CSV of residents to begin with: " + ", ".join((*RESIDENT_COLUMNS, "kana, if known"))}
    )
    tell_every: timedelta = field(
        default=timedelta(seconds=5), metadata={"doc": "how often the core is told what changed, in seconds"}
    )


@dataclass(frozen=True, slots=True)
class Registry:
    """What the stand-in's handler may touch."""

    author: Author
    edition: Edition
    residents: ResidentRegister = STAND_IN

    @property
    def peers(self) -> Peers:
        """The other nodes."""
        return self.edition.peers


async def request_link_codes(registry: Registry, unit: Unit, asked: Sequence[Asked[RequestLinkCode]]) -> list[Reply]:
    """符号付番依頼: each person must be exactly one resident; else the requester is told none or several, not who."""
    replies: list[Reply] = []
    for one in asked:
        try:
            sought = [read_person(one.telegram.part("person", item)) for item in range(one.header.count)]
        except Refusal as refusal:
            replies.append(refusal)
            continue
        matches = await registry.residents.match(unit.connection, sought)
        outcomes = tuple(None if match.found is Found.ONE else Reason.NOT_REGISTERED for match in matches)
        found = [(item, match.code) for item, match in enumerate(matches) if match.found is Found.ONE]
        if found:
            core = registry.peers.core()
            unit.send(_issue(registry, one, found), to=core, url=registry.peers.url(core))
        replies.append(registry.author.answer(LinkCodeRequested, one.telegram, outcomes=outcomes))
    return replies


def read_person(raw: bytes) -> Sought:
    """The words of a `person` part. Raises Refusal(BAD_FORMAT)."""
    words: dict[str, str] = decode_json(raw, dict[str, str])
    if any("\0" in word for word in words.values()):
        raise Refusal(Reason.BAD_FORMAT, "a description of a person holds a NUL")
    if words.keys() == {"individual_number"}:
        return Sought(number=words["individual_number"])
    try:
        return Sought(items=items_of(words["name"], words["address"], words["sex"], words["born"]))
    except (KeyError, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "a person is described by an Individual Number or by the four items") from None


def read_residents(path: Path) -> list[store.Entry]:
    """The residents of a CSV file. Raises ConfigError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_resident(row) for row in csv.DictReader(file, restval="")]
    except (OSError, KeyError, ValueError, csv.Error) as wrong:
        raise ConfigError(f"{path}: not a file of residents ({type(wrong).__name__})") from None


def _resident(row: Mapping[str, str]) -> store.Entry:
    cells = [row[name] for name in RESIDENT_COLUMNS]
    if any("\0" in cell for cell in cells):
        raise ValueError("a NUL")
    code, number, name, address, sex, born = cells
    kana = row.get("kana") or ""
    return store.Entry(code, number, name, address, sex_key(sex), date_key(born), kana)


def _issue(registry: Registry, one: Asked[RequestLinkCode], found: Sequence[tuple[int, str]]) -> Any:
    """符号生成依頼: the organisation's own request, without the people in it, and the resident record codes."""
    kept = tuple(
        None if part.name == "person" else content
        for part, content in zip(one.header.parts, one.telegram.envelope.parts, strict=True)
    )
    request = encode_envelope(Envelope(one.telegram.envelope.jws, kept))
    parts = [Enclosure("request", request)]
    parts += [Enclosure("resident record code", code.encode(), item=item, personal=True) for item, code in found]
    return registry.author.write(
        IssueLinkCode,
        to=registry.peers.core(),
        parts=parts,
        lane=one.header.lane,
        found=tuple(item for item, _ in found),
    )


HANDLERS: dict[type[Telegram], Handler] = {
    RequestLinkCode: Handler(request_link_codes),
    DistributeEdition: Handler(hold_untold),
}


def register_of(keys: FileKeyStore, entropy: Entropy) -> Register:
    """What changes the register, with the key of its Individual Numbers; a register without one makes it here."""
    if not keys.has(NUMBER_KEY):
        keys.put(NUMBER_KEY, entropy.bytes(KEY_BYTES))
    return Register(IndividualNumbers(keys.secret(NUMBER_KEY)), entropy)


async def renew_all_keys(database: Database) -> None:
    """Keys of a former notation are made anew, some at a time, before the first search."""
    while True:
        async with database.transaction() as connection:
            if not await store.renew_keys(connection):
                return


async def build(config: RegistryConfig, world: World) -> Service:
    """The stand-in, ready to start. Raises what `open_node` raises."""
    node = await open_node(config.node, world, ("nakadachi.neighbours", "registry", "migrations"))
    async with node.database.transaction() as connection:
        if await store.count(connection) == 0:
            await store.register(connection, read_residents(config.residents))
    await renew_all_keys(node.database)
    system = system_of(
        node,
        Registry(node.author, node.edition),
        handlers=HANDLERS,
        hears={},
        known=store.no_exchanges,
    )

    reporter = Reporter(system, node.health, config.node.report_every)
    register = register_of(node.keys, world.entropy)
    telling = Telling(system, register, config.tell_every.total_seconds())
    return Service(
        node,
        system,
        application(system, health=node.health),
        ready=(reporter.start, telling.start),
        ends=(reporter.stop, telling.stop),
    )
