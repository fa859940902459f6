"""地方公共団体情報システム機構 (stand-in): finds exactly one resident per request, asks the core for the code (R2, C7).

It never sees a link code, nor who asks whom about a person; it does see where a person is being linked.
"""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import dataclass, field
from datetime import date
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
from nakadachi.node import NodeConfig, World, open_node, system_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.service import Service
from nakadachi.telegrams.code import IssueLinkCode, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_json, encode_envelope
from nakadachi.telegrams.envelope import Envelope, Telegram
from nakadachi.telegrams.oversight import DistributeEdition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nakadachi.kit.peers import Peers
    from nakadachi.kit.unit import Asked, Reply, Unit

SEXES = tuple("0123456789")
"""One digit (ISO/IEC 5218, or the register's own)."""
RESIDENT_COLUMNS = ("code", "number", "name", "address", "sex", "born")


@dataclass(frozen=True, slots=True)
class RegistryConfig:
    """The stand-in's configuration."""

    node: NodeConfig
    residents: Path = field(metadata={"doc": "CSV of residents to begin with: " + ", ".join(RESIDENT_COLUMNS)})


@dataclass(frozen=True, slots=True)
class Registry:
    """What the stand-in's handler may touch."""

    author: Author
    edition: Edition

    @property
    def peers(self) -> Peers:
        """The other nodes."""
        return self.edition.peers


@dataclass(frozen=True, slots=True)
class Sought:
    """One person as a request describes them: by Individual Number, or by the four items."""

    number: str = field(default="", repr=False)
    items: tuple[str, str, int, date] | None = field(default=None, repr=False)


async def request_link_codes(registry: Registry, unit: Unit, asked: Sequence[Asked[RequestLinkCode]]) -> list[Reply]:
    """符号付番依頼: each person must be exactly one resident; else the requester is told none or several, not who."""
    replies: list[Reply] = []
    for one in asked:
        try:
            sought = [read_person(one.telegram.part("person", item)) for item in range(one.header.count)]
        except Refusal as refusal:
            replies.append(refusal)
            continue
        codes = await _find(unit, sought)
        outcomes = tuple(None if len(found) == 1 else Reason.NOT_REGISTERED for found in codes)
        found = [(item, codes[item][0]) for item, outcome in enumerate(outcomes) if outcome is None]
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
        born = date.fromisoformat(words["born"])
        sex = SEXES.index(words["sex"])
        return Sought(items=(plain(words["name"]), plain(words["address"]), sex, born))
    except (KeyError, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "a person is described by an Individual Number or by the four items") from None


def plain(text: str) -> str:
    """One notation of a name or address for matching: NFKC, no spaces."""
    # Twice: a voicing mark that stood apart joins its kana only once the space is gone.
    return unicodedata.normalize("NFKC", "".join(unicodedata.normalize("NFKC", text).split()))


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
    return store.Entry(code, number, plain(name), plain(address), SEXES.index(sex), date.fromisoformat(born))


async def _find(unit: Unit, sought: Sequence[Sought]) -> list[list[str]]:
    numbers = await store.by_number(unit.connection, [one.number for one in sought if one.number])
    items = await store.by_items(unit.connection, [one.items for one in sought if one.items])
    return [numbers[one.number] if one.number else items[one.items] if one.items else [] for one in sought]


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


async def build(config: RegistryConfig, world: World) -> Service:
    """The stand-in, ready to start. Raises what `open_node` raises."""
    node = await open_node(config.node, world, ("nakadachi.neighbours", "registry", "migrations"))
    async with node.database.transaction() as connection:
        if await store.count(connection) == 0:
            await store.register(connection, read_residents(config.residents))
    system = system_of(
        node,
        Registry(node.author, node.edition),
        handlers=HANDLERS,
        hears={},
        known=store.no_exchanges,
    )

    reporter = Reporter(system, node.health, config.node.report_every)
    return Service(
        node, system, application(system, health=node.health), ready=(reporter.start,), ends=(reporter.stop,)
    )
