"""What every system has in common when it starts: its configuration, its keys, its database, the edition in use.

A system's `service.py` adds its own parts and handlers to this, and nothing else is shared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nakadachi import __version__
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit import outbox
from nakadachi.kit.author import Author
from nakadachi.kit.client import HttpWire, Wire
from nakadachi.kit.clock import Clock, SystemClock
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import Entropy, SystemEntropy
from nakadachi.kit.instances import Instances
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.log import logger
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.server import System
from nakadachi.kit.tls import client_context
from nakadachi.kit.web import Listening, WebServer
from nakadachi.ledger import records
from nakadachi.ledger.edition import Edition, Trust
from nakadachi.ledger.heads import Heads, WhenStale
from nakadachi.refusal import Refusal
from nakadachi.terms import NodeName

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from nakadachi.kit.unit import Handler, Hear
    from nakadachi.telegrams.envelope import Telegram
    from nakadachi.terms import Serial

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """The part of every system's configuration that is the same."""

    name: NodeName = field(
        metadata={"doc": "this node: <role>:<organisation code>", "example": "core:9910000000000001"}
    )
    listen: str = field(metadata={"doc": "address and port to listen on", "example": "127.0.0.1:7443"})
    database: Path = field(metadata={"doc": "file that holds the PostgreSQL address (postgresql://…)"})
    certificate: Path = field(metadata={"doc": "TLS certificate of this node (PEM)"})
    key: Path = field(metadata={"doc": "its private key (PEM)"})
    authority: Path = field(metadata={"doc": "certificates of the authority that issues nodes' certificates (PEM)"})
    keys: Path = field(metadata={"doc": "folder of the key store"})
    unlock: Path = field(metadata={"doc": "file whose content unlocks the key store"})
    lawbook: Path = field(metadata={"doc": "law book to start with (signed note)"})
    directory: Path = field(metadata={"doc": "directory to start with (signed note)"})
    trust_core: str = field(metadata={"doc": "the core's document key (C2SP vkey)"})
    trust_commission: str = field(metadata={"doc": "the Commission's document key (C2SP vkey)"})
    connections: int = field(default=6, metadata={"doc": "database connections at the most"})
    instance: str = field(
        default="", metadata={"doc": "this instance's name where the system runs as several; empty where it is alone"}
    )


@dataclass(frozen=True, slots=True)
class WitnessConfig:
    """When a cosigned head is too old, and what then (design 2.5)."""

    lag: timedelta = field(
        default=timedelta(minutes=5), metadata={"doc": "oldest head that counts as recent, in seconds"}
    )
    when_stale: WhenStale = field(default=WhenStale.REFUSE, metadata={"doc": "refuse or accept permits without one"})

    def heads(self) -> Heads:
        """The heads of a node that just started."""
        return Heads(self.lag, self.when_stale)


@dataclass(frozen=True, slots=True)
class World:
    """What a test may replace: the clock, the entropy, and the wire given the node's TLS context."""

    clock: Clock = field(default_factory=SystemClock)
    entropy: Entropy = field(default_factory=SystemEntropy)
    wire: Callable[[NodeName, Any], Wire] = lambda _name, context: HttpWire(context)


@dataclass(frozen=True, slots=True)
class Node:
    """A node with its foundations laid: it may write telegrams, keep things, and knows the edition in use."""

    config: NodeConfig
    author: Author
    keys: FileKeyStore
    database: Database
    edition: Edition
    wire: Wire
    instances: Instances


async def open_node(config: NodeConfig, world: World, *parts: tuple[str, str, str]) -> Node:
    """Lay the foundations: read keys and documents, open the database, bring its schema up to date.

    `parts` are the migrations beyond the common ones: package, name, folder. Raises ConfigError, KeyStoreError,
    DatabaseError, SchemaError; each says what is wrong and where.
    """
    keys = FileKeyStore(config.keys, config.unlock, world.entropy)
    try:
        author = Author(config.name, SigningKey.from_pem(keys.secret("signing")), world.clock, world.entropy)
    except ValueError as wrong:
        raise ConfigError(f"{config.keys}: the signing key is not a P-256 key in PEM ({wrong})") from None
    try:
        trust = Trust(NoteVerifier.from_vkey(config.trust_core), NoteVerifier.from_vkey(config.trust_commission))
        edition = Edition(trust, lawbook=read_file(config.lawbook), directory=read_file(config.directory))
    except (Refusal, ValueError) as wrong:
        raise ConfigError(
            f"{config.lawbook} and {config.directory}: not the signed documents of this network ({wrong})"
        ) from None
    dsn = read_file(config.database).decode().strip()
    database = await Database.open(dsn, min_size=1, max_size=config.connections)
    common = (("nakadachi.kit", "messages", "sql"), ("nakadachi.ledger", "ledger", "sql"))
    await migrate(
        database, *(read_migrations(package, part=part, folder=folder) for package, part, folder in (*common, *parts))
    )
    await _restore(edition, database, config)
    try:
        context = client_context(config.certificate, config.key, config.authority)
    except OSError as wrong:
        raise ConfigError(f"{config.certificate}: the certificate and key cannot be used ({wrong})") from None
    holder = world.entropy.bytes(12).hex() if config.instance else ""
    instances = Instances(database, name=config.instance, holder=holder)
    instances.each_turn(partial(_follow, edition, database))
    return Node(config, author, keys, database, edition, world.wire(config.name, context), instances)


async def _follow(edition: Edition, database: Database) -> None:
    """An edition that reached another instance is taken up here."""
    async with database.acquire() as connection:
        await edition.restore(connection)


async def _restore(edition: Edition, database: Database, config: NodeConfig) -> None:
    try:
        async with database.acquire() as connection:
            await edition.restore(connection)
    except Refusal as refusal:
        raise ConfigError(
            f"{config.database}: a law book or directory kept there does not verify under trust_core and"
            f" trust_commission ({refusal}); do these keys belong to this network?"
        ) from None


def read_file(path: Path) -> bytes:
    """A file that the configuration names. Raises ConfigError."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path}: cannot be read ({wrong.strerror}); the configuration names it") from None


def system_of(
    node: Node,
    parts: P,
    *,
    handlers: Mapping[type[Telegram], Handler],
    hears: Mapping[type[Telegram], Hear],
    known: Callable[[Any, Sequence[Serial]], Awaitable[Mapping[Serial, Any]]],
) -> System[P]:
    """The system of a node: its parts and handlers on the node's foundations."""
    node.instances.when_gone(lambda connection: outbox.hurry(connection, node.author.clock.now()))
    return System(
        parts=parts,
        author=node.author,
        peers=node.edition.peers,
        database=node.database,
        wire=node.wire,
        handlers=handlers,
        hears=hears,
        known=known,
    )


@dataclass(slots=True)
class Service:
    """One system, ready to start: it begins what `begins` says in order, listens, and ends in the reverse order."""

    node: Node
    system: System[Any]
    app: Starlette
    begins: tuple[Callable[[], Awaitable[None]], ...] = ()
    ends: tuple[Callable[[], Awaitable[None]], ...] = ()
    ready: tuple[Callable[[], Awaitable[None]], ...] = ()
    reloads: tuple[Callable[[], Awaitable[None]], ...] = ()
    _server: WebServer | None = None
    _task: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Listen, then take up work. Raises PortTaken, and what the beginnings raise."""
        for begin in self.begins:
            await begin()
        self._server = WebServer(self.app, listening(self.node.config))
        self._task = await self._server.run_until_started(asyncio.create_task)
        await self.system.start()
        await self.node.instances.start()

    async def announce(self) -> None:
        """Once the others listen too: what needs them."""
        for step in self.ready:
            await step()

    async def reload(self) -> None:
        """Take up what changed in the files that the configuration names. What is wrong with them is logged."""
        for step in self.reloads:
            try:
                await step()
            except (ConfigError, Refusal) as wrong:
                logger().error("reload.refused", node=self.node.config.name.value, detail=str(wrong))

    async def stop(self) -> None:
        """Say that we stop, take no more requests, let what runs end, close the database. What waits stays kept."""
        for end in self.ends:
            await end()
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await asyncio.gather(self._task, return_exceptions=True)
        await self.system.stop()
        await self.node.instances.stop()
        await self.node.database.close()


def listening(config: NodeConfig) -> Listening:
    """Where a node listens. Raises ConfigError where `listen` is not address:port."""
    host, _, port = config.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"listen = {config.listen!r}: write address:port, such as 127.0.0.1:7443")
    return Listening(host, int(port), config.certificate, config.key, config.authority)


async def status(node: Node, **more: Any) -> dict[str, Any]:
    """What a node says of itself: versions in use, backlog, records; never anything of a person (L9)."""
    async with node.database.acquire() as connection:
        backlog = await outbox.backlog(connection)
        kept = await records.exchanges(connection)
    return {
        "node": node.config.name.value,
        "version": __version__,
        "lawbook": node.edition.lawbook.version,
        "directory": node.edition.directory.version,
        "backlog": backlog,
        "records": kept,
        **more,
    }
