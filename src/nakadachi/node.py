"""What every system has in common when it starts: its configuration, its keys, its database, the edition in use.

A system's `service.py` adds its own parts and handlers to this, and nothing else is shared.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nakadachi.crypto.notes import NoteVerifier
from nakadachi.crypto.signing import Signer
from nakadachi.health.fingerprint import fingerprint
from nakadachi.health.programs import hold
from nakadachi.health.topology import require_alone, require_place, session_name
from nakadachi.health.watch import Health
from nakadachi.kit import outbox
from nakadachi.kit.author import Author
from nakadachi.kit.client import HttpWire, Wire
from nakadachi.kit.clock import Clock, SystemClock
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import Entropy, SystemEntropy
from nakadachi.kit.instances import Instances
from nakadachi.kit.kernel_clock import KernelClock, read_kernel_clock
from nakadachi.kit.key_config import KeyPlace, KeyStoreConfig, open_store
from nakadachi.kit.lanes import Lanes, Limits
from nakadachi.kit.metrics import MeteredWire, Metrics
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.kit.retry import RetryConfig
from nakadachi.kit.server import System
from nakadachi.kit.tls import client_context, not_after, own_certificate
from nakadachi.ledger.edition import Edition, Trust
from nakadachi.ledger.heads import Heads, WhenStale
from nakadachi.refusal import Refusal
from nakadachi.terms import NodeName

if TYPE_CHECKING:
    from nakadachi.kit.key_folder import FolderKeyStore
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.kit.unit import Handler, Hear, Unit
    from nakadachi.telegrams.envelope import Telegram
    from nakadachi.telegrams.oversight import Finding
    from nakadachi.terms import Serial

P = TypeVar("P")

COMMON = (
    ("nakadachi.kit", "messages", "sql"),
    ("nakadachi.ledger", "ledger", "sql"),
    ("nakadachi.health", "health", "sql"),
)
"""The schema that every system has: package, name, folder of its migrations."""


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
    unlock: Path = field(metadata={"doc": "file whose content unlocks the key store; not read where a token does that"})
    lawbook: Path = field(metadata={"doc": "law book to start with (signed note)"})
    directory: Path = field(metadata={"doc": "directory to start with (signed note)"})
    trust_core: str = field(metadata={"doc": "the core's document key (C2SP vkey)"})
    trust_commission: str = field(metadata={"doc": "the Commission's document key (C2SP vkey)"})
    connections: int = field(default=6, metadata={"doc": "database connections at the most"})
    limits: Limits = field(default_factory=Limits)
    retry: RetryConfig = field(default_factory=RetryConfig)
    metrics: str = field(
        default="",
        metadata={"doc": "loopback address and port for /metrics, /livez and /readyz without TLS; empty: none"},
    )
    report_every: timedelta = field(
        default=timedelta(minutes=5), metadata={"doc": "how often the core is told that this node runs, in seconds"}
    )
    clock_required: bool = field(
        default=False, metadata={"doc": "whether a clock that nothing synchronises makes this node unready"}
    )
    key_store: KeyStoreConfig = field(default_factory=KeyStoreConfig)
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
    covered: bool = field(
        default=False,
        metadata={"doc": "whether a permit must be of a tree that the Commission cosigned (the core: permits_wait)"},
    )

    def heads(self) -> Heads:
        """The heads of a node that just started."""
        return Heads(self.lag, self.when_stale, self.covered)


async def _open_database(_name: NodeName, dsn: str, connections: int, called: str) -> Database:
    return await Database.open(dsn, min_size=1, max_size=connections, called=called)


@dataclass(frozen=True, slots=True)
class World:
    """What a test may replace: the clock, what the kernel says of it, the entropy, the wire given the node's TLS
    context, and the database given its address, how many connections it may open at most, and what they are called.

    `accept`: the operator says that the program and the settings as they are now are as they should be (N5).
    """

    clock: Clock = field(default_factory=SystemClock)
    kernel: Callable[[], KernelClock | None] = read_kernel_clock
    entropy: Entropy = field(default_factory=SystemEntropy)
    wire: Callable[[NodeName, Any], Wire] = lambda _name, context: HttpWire(context)
    database: Callable[[NodeName, str, int, str], Awaitable[Database]] = _open_database
    accept: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A node with its foundations laid: it may write telegrams, keep things, and knows the edition in use."""

    config: NodeConfig
    author: Author
    keys: KeyStore
    database: Database
    edition: Edition
    wire: Wire
    metrics: Metrics
    health: Health
    instances: Instances


async def open_node(config: NodeConfig, world: World, *parts: tuple[str, str, str], whole: object) -> Node:
    """Lay the foundations: read keys and documents, open the database, bring its schema up to date.

    `parts` are the migrations beyond the common ones: package, name, folder; `whole` is the system's whole
    configuration. Raises ConfigError, KeyStoreError, DatabaseError, SchemaError; each says what is wrong and where.
    """
    keys = open_keys(config, world)
    keys.need_officers()
    edition = _edition(config)
    holder = world.entropy.bytes(12).hex()
    database = await _database(config, world, session_name(config.instance, holder), parts)
    await _or_close(database, _restore(edition, database, config))
    await _or_close(database, _require_place(config, edition))
    who, found = (config.name, config.instance), fingerprint(whole)
    programs = await hold(database, who, found, world.clock.now(), accept=world.accept)
    author = Author(config.name, signing_key(keys, edition, config), world.clock, world.entropy)
    try:
        context = client_context(config.certificate, config.key, config.authority)
    except OSError as wrong:
        raise ConfigError(f"{config.certificate}: the certificate and key cannot be used ({wrong})") from None
    metrics = Metrics(config.name)
    health = Health(
        config.name, world.clock, database, edition, metrics, not_after(config.certificate), world.kernel,
        config.clock_required, programs=programs,
    )  # fmt: skip
    wire = MeteredWire(world.wire(config.name, context), metrics)
    instances = Instances(database, name=config.instance, holder=holder)
    instances.each_turn(partial(_follow, edition, database))
    return Node(config, author, keys, database, edition, wire, metrics, health, instances)


def open_keys(config: NodeConfig, world: World, *, who: str = "") -> FolderKeyStore:
    """The key store of a node; `who` acts, as far as that was said. Raises KeyStoreError."""
    return open_store(KeyPlace(config.keys, config.unlock, config.key_store), world.entropy, world.clock, who=who)


def _edition(config: NodeConfig) -> Edition:
    try:
        trust = Trust(NoteVerifier.from_vkey(config.trust_core), NoteVerifier.from_vkey(config.trust_commission))
        return Edition(trust, lawbook=read_file(config.lawbook), directory=read_file(config.directory))
    except (Refusal, ValueError) as wrong:
        raise ConfigError(
            f"{config.lawbook} and {config.directory}: not the signed documents of this network ({wrong})"
        ) from None


async def _database(config: NodeConfig, world: World, called: str, parts: Sequence[tuple[str, str, str]]) -> Database:
    """The node's database, which nobody else works on, with its schema brought up to date."""
    dsn = read_file(config.database).decode().strip()
    database = await world.database(config.name, dsn, config.connections, called)
    await _or_close(database, require_alone(database, called))
    every = (read_migrations(package, part=part, folder=folder) for package, part, folder in (*COMMON, *parts))
    await migrate(database, *every)
    return database


async def _or_close(database: Database, step: Awaitable[None]) -> None:
    """A node that may not start leaves no session behind."""
    try:
        await step
    except ConfigError:
        await database.close()
        raise


async def _require_place(config: NodeConfig, edition: Edition) -> None:
    try:
        require_place(config.name, edition.directory, own_certificate(config.certificate))
    except (OSError, ValueError) as wrong:
        raise ConfigError(f"{config.certificate}: not a certificate in PEM ({wrong})") from None
    except ConfigError as wrong:
        raise ConfigError(f"{config.certificate} and {config.directory}: {wrong}") from None


async def _follow(edition: Edition, database: Database) -> None:
    """An edition that reached another instance is taken up here."""
    async with database.acquire() as connection:
        await edition.restore(connection)


def signing_key(keys: KeyStore, edition: Edition, config: NodeConfig) -> Signer:
    """Of the node's signing keys the one that the directory lists as in use, so that a new one may lie ready before.

    Raises ConfigError where it lists none of them.
    """
    try:
        own = [keys.signer(name) for name in keys.names("signing")]
    except ValueError as wrong:
        raise ConfigError(f"{config.keys}: a signing key is not a P-256 key in PEM ({wrong})") from None
    node = edition.directory.find(config.name)
    listed = (node.signing_key, *node.former_signing_keys) if node else ()
    for spki in listed:
        for key in own:
            if key.public.spki == spki:
                return key
    raise ConfigError(
        f"{config.keys}: none of its {len(own)} signing keys is the one that directory version"
        f" {edition.directory.version} lists for {config.name}; is this the key store of this node?"
    )


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
    find: Callable[[Any, Unit, Sequence[Finding]], Awaitable[Sequence[None]]] | None = None,
) -> System[P]:
    """The system of a node: its parts and handlers on the node's foundations; `find` keeps what its door finds."""
    node.instances.when_gone(lambda connection: outbox.hurry(connection, node.author.clock.now()))
    return System(
        parts=parts,
        author=node.author,
        peers=node.edition.peers,
        database=node.database,
        wire=node.wire,
        retry=node.config.retry,
        handlers=handlers,
        hears=hears,
        known=known,
        lanes=Lanes(node.config.limits, connections=node.config.connections),
        metrics=node.metrics,
        find=find,
    )
