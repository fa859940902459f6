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
from nakadachi.kit.unit import Handler, Hear
from nakadachi.kit.web.door import application
from nakadachi.ledger.edition import Edition
from nakadachi.ledger.holding import hold_untold
from nakadachi.neighbours import issuance_store
from nakadachi.neighbours import registry_store as store
from nakadachi.neighbours.certificate_telling import CertificateTelling, holder_secret
from nakadachi.neighbours.connector import STAND_IN, ResidentRegister
from nakadachi.neighbours.individual_numbers import KEY_BYTES, IndividualNumbers
from nakadachi.neighbours.jpki.client import ClientConfig
from nakadachi.neighbours.matching import Found, Match, Sought, items_of
from nakadachi.neighbours.notation import date_key, sex_key
from nakadachi.neighbours.register import Register
from nakadachi.neighbours.telling import Telling, give_up_told, hear_told
from nakadachi.node import NodeConfig, World, open_node, system_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.service import Service
from nakadachi.telegrams.code import ISSUANCE_LIVES, Hit, IssueLinkCode, LinkCodeRequested, RequestLinkCode
from nakadachi.telegrams.codec import decode_json, encode_envelope, encode_json
from nakadachi.telegrams.envelope import Envelope, Telegram
from nakadachi.telegrams.inquiry import Noted
from nakadachi.telegrams.link import ReportResidentChanges
from nakadachi.telegrams.lists import FORMER, PEOPLE, RECORD_CODES, has_lists
from nakadachi.telegrams.oversight import DistributeEdition

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nakadachi.kit.database import Database
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.kit.peers import Peers
    from nakadachi.kit.unit import Asked, GivenUp, Heard, Reply, Unit
    from nakadachi.telegrams.envelope import Verified

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
        default=timedelta(seconds=5), metadata={"doc": "how often others are told what changed, in seconds"}
    )
    jpki: ClientConfig | None = field(
        default=None,
        metadata={"doc": "公的個人認証: the certification service that hears of changes; without it, nobody does"},
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
    """符号付番依頼: all that was given of a person must fit exactly one resident; else the requester is told that it
    was none, several or different ones, and never who (L5).
    """
    replies: list[Reply] = []
    async for one in unit.each(asked):
        try:
            sought = _sought(one)
        except Refusal as refusal:
            replies.append(refusal)
            continue
        matches = await registry.residents.match(unit.connection, sought)
        found = [(item, match.code) for item, match in enumerate(matches) if match.found is Found.ONE]
        until = one.header.made_at + ISSUANCE_LIVES
        issue = _issue(registry, one, found) if found and unit.now <= until else None
        if issue is not None:
            core = registry.peers.core()
            unit.send(issue, to=core, url=registry.peers.url(core), until=until)
        await issuance_store.serve(
            unit.connection, one.header, len(found), issue.header.id if issue else None, unit.now
        )
        replies.append(registry.author.answer(LinkCodeRequested, one.telegram, **_said(one.header, matches)))
    return replies


async def hear_issue(_registry: Registry, unit: Unit, heard: Sequence[Heard[IssueLinkCode]]) -> None:
    """符号生成依頼の結果: the core has it; with our telegram the matching numbers are gone here (L1)."""
    for one in heard:
        ending = "passed on" if isinstance(one.answers[0].header, Noted) else "refused"
        await issuance_store.purged(unit.connection, one.sent[0].header.id, ending, unit.now)


async def purge_unanswered(_registry: Registry, unit: Unit, given_up: Sequence[GivenUp[IssueLinkCode]]) -> None:
    """符号生成依頼の期限切れ: the core was not there in time; with our telegram the matching numbers go (L1)."""
    for one in given_up:
        await issuance_store.purged(unit.connection, one.sent[0].header.id, "unanswered", unit.now)


_HITS = {Found.ONE: Hit.ONE, Found.NONE: Hit.NONE, Found.SEVERAL: Hit.SEVERAL, Found.DIFFER: Hit.DIFFERENT}


def _said(header: RequestLinkCode, matches: Sequence[Match]) -> dict[str, Any]:
    """What the requester is told of each person; in the former form there are no hits."""
    outcomes = tuple(None if match.found is Found.ONE else Reason.NOT_REGISTERED for match in matches)
    return {"outcomes": outcomes} | (
        {"hits": tuple(_HITS[match.found] for match in matches)} if has_lists(header) else {}
    )


def _sought(one: Asked[RequestLinkCode]) -> list[Sought]:
    """The people of a request. Raises Refusal(BAD_FORMAT)."""
    count = one.header.count
    if not has_lists(one.header):
        return [read_person(one.telegram.part(FORMER[PEOPLE], item)) for item in range(count)]
    people: list[dict[str, str]] = decode_json(one.telegram.part(PEOPLE), list[dict[str, str]])
    if len(people) != count:
        raise Refusal(Reason.BAD_FORMAT, f"{len(people)} people described, {count} announced")
    return [_read_words(words) for words in people]


def read_person(raw: bytes) -> Sought:
    """The words of a `person` part. Raises Refusal(BAD_FORMAT)."""
    return _read_words(decode_json(raw, dict[str, str]))


def _read_words(words: Mapping[str, str]) -> Sought:
    if any("\0" in word for word in words.values()):
        raise Refusal(Reason.BAD_FORMAT, "a description of a person holds a NUL")
    number = words.get("individual_number", "")
    if words.keys() == {"individual_number"}:
        return Sought(number)
    try:
        return Sought(number, items_of(words["name"], words["address"], words["sex"], words["born"]))
    except (KeyError, ValueError):
        raise Refusal(Reason.BAD_FORMAT, "a person is described by the four items and an Individual Number") from None


def read_residents(path: Path) -> Iterator[store.Entry]:
    """The residents of a CSV file, one by one: a country's do not fit into memory. Raises ConfigError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from (_resident(row) for row in csv.DictReader(file, restval=""))
    except (OSError, KeyError, ValueError, csv.Error) as wrong:
        raise ConfigError(f"{path}: not a file of residents ({type(wrong).__name__})") from None


def _resident(row: Mapping[str, str]) -> store.Entry:
    cells = [row[name] for name in RESIDENT_COLUMNS]
    if any("\0" in cell for cell in cells):
        raise ValueError("a NUL")
    code, number, name, address, sex, born = cells
    kana = row.get("kana") or ""
    return store.Entry(code, number, name, address, sex_key(sex), date_key(born), kana)


def _issue(
    registry: Registry, one: Asked[RequestLinkCode], found: Sequence[tuple[int, str]]
) -> Verified[IssueLinkCode]:
    """符号生成依頼: the organisation's own request, without the people in it, and the resident record codes."""
    kept = tuple(
        None if part.name in {PEOPLE, FORMER[PEOPLE]} else content
        for part, content in zip(one.header.parts, one.telegram.envelope.parts, strict=True)
    )
    parts = [Enclosure("request", encode_envelope(Envelope(one.telegram.envelope.jws, kept)))]
    if has_lists(one.header):
        parts.append(Enclosure(RECORD_CODES, encode_json([code for _, code in found]), personal=True))
    else:
        parts += [Enclosure(FORMER[RECORD_CODES], code.encode(), item=item, personal=True) for item, code in found]
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
HEARS: dict[type[Telegram], Hear] = {
    IssueLinkCode: Hear(hear_issue, give_up=purge_unanswered),
    ReportResidentChanges: Hear(hear_told, give_up=give_up_told),
}


def register_of(keys: KeyStore, entropy: Entropy, *, certified: bool = False) -> Register:
    """What changes the register, with the key of its Individual Numbers; a register without one makes it here.

    `certified`: a certification service is to hear of changes.
    """
    if not keys.has(NUMBER_KEY):
        keys.put(NUMBER_KEY, entropy.bytes(KEY_BYTES))
    holders = holder_secret(keys, entropy) if certified else None
    return Register(IndividualNumbers(keys.secret(NUMBER_KEY)), entropy, holders=holders)


async def renew_all_keys(database: Database) -> None:
    """Keys of a former notation are made anew, some at a time, before the first search."""
    while True:
        async with database.transaction() as connection:
            if not await store.renew_keys(connection):
                return


async def build(config: RegistryConfig, world: World) -> Service:
    """The stand-in, ready to start. Raises what `open_node` raises."""
    node = await open_node(
        config.node,
        world,
        ("nakadachi.neighbours", "registry", "migrations"),
        ("nakadachi.neighbours", "issuance", "issuance_sql"),
        whole=config,
    )
    async with node.database.transaction() as connection:
        if await store.count(connection) == 0:
            await store.register(connection, read_residents(config.residents))
    await renew_all_keys(node.database)
    system = system_of(
        node,
        Registry(node.author, node.edition),
        handlers=HANDLERS,
        hears=HEARS,
        known=store.no_exchanges,
    )

    reporter = Reporter(system, node.health, config.node.report_every)
    seconds, jpki = config.tell_every.total_seconds(), config.jpki
    register = register_of(node.keys, world.entropy, certified=jpki is not None)
    workers: list[Telling | CertificateTelling] = [Telling(system, register, seconds)]
    if jpki is not None and register.holders is not None:
        workers.append(CertificateTelling(node.database, jpki, register.holders, seconds, config.node.name))
    return Service(
        node,
        system,
        application(system, health=node.health),
        ready=(reporter.start, *(one.start for one in workers)),
        ends=(reporter.stop, *(one.stop for one in workers)),
    )
