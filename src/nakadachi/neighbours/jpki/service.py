"""公的個人認証サービス as a server of its own: HTTPS with certificates on both sides, closed to whoever is not named.

Only verifiers that were notified (Act on JPKI, article 17) may ask whether a certificate is good; only counters may
issue and revoke; only the register and the card issuer tell of changes. Who is who stands in the configuration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.kit.clock import Clock, SystemClock
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import Database, DatabaseAway
from nakadachi.kit.entropy import Entropy, SystemEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.listening import WebServer, https
from nakadachi.kit.log import logger
from nakadachi.kit.migrations import migrate, read_migrations
from nakadachi.neighbours.jpki.config import Access, JpkiConfig
from nakadachi.neighbours.jpki.doors import application
from nakadachi.neighbours.jpki.generations import Generations
from nakadachi.neighbours.jpki.parts import Jpki
from nakadachi.neighbours.jpki.publishing import publish_due

if TYPE_CHECKING:
    from starlette.applications import Starlette

LOOK_SECONDS = 60.0
"""How often the service looks whether a list is due or a generation old enough."""


@dataclass(slots=True)
class JpkiService:
    """The service, ready to start."""

    jpki: Jpki
    access: Access
    app: Starlette
    reread: Callable[[], JpkiConfig] | None = None
    _server: tuple[WebServer, asyncio.Task[Any]] | None = None
    _worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen, and issue the lists whose time has come. Raises PortTaken, ConfigError."""
        config = self.access.config
        await self.look()
        server = WebServer(self.app, https(config.listen, config, config.limits.connections))
        self._server = (server, await server.run_until_started(asyncio.create_task))
        self._worker = asyncio.create_task(self._work())

    async def announce(self) -> None:
        """Nobody needs to be told."""

    async def look(self) -> int:
        """Found a generation or issue lists, where it is time to. How many lists were issued."""
        await self.jpki.generations.refresh(self.jpki.database)
        return await publish_due(self.jpki)

    async def reload(self) -> None:
        """Who may do what, as the configuration's file says now. What is wrong with it is logged, no more."""
        if self.reread is None:
            return
        try:
            self.access.config = self.reread()
        except ConfigError as wrong:
            logger().error("reload.refused", detail=str(wrong))

    async def stop(self) -> None:
        """Take no more requests, and close the database."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        if self._server is not None:
            self._server[0].should_exit = True
            await asyncio.gather(self._server[1], return_exceptions=True)
        await self.jpki.database.close()

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except DatabaseAway as wrong:
                logger().warning("database.away", detail=str(wrong))
            except Exception:  # noqa: BLE001  the next turn tries again
                logger().exception("lists.failed")


async def open_jpki(
    config: JpkiConfig, *, clock: Clock | None = None, entropy: Entropy | None = None, database: Database | None = None
) -> Jpki:
    """The service's parts: its keys read or founded, its schema up to date.

    Raises ConfigError, KeyStoreError, DatabaseError, SchemaError; each says what is wrong and where.
    """
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    keys = FileKeyStore(config.keys, config.unlock, entropy)
    if database is None:
        try:
            dsn = config.database.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as wrong:
            raise ConfigError(
                f"{config.database}: cannot be read ({type(wrong).__name__}); database names it"
            ) from None
        database = await Database.open(dsn, min_size=1, max_size=config.connections)
    await migrate(database, read_migrations("nakadachi.neighbours.jpki", part="jpki"))
    generations = Generations(keys, clock, entropy, config.settings.algorithm)
    await generations.refresh(database)
    return Jpki(database, generations, clock, entropy, config.settings)


async def build(
    config: JpkiConfig, *, reread: Callable[[], JpkiConfig] | None = None, clock: Clock | None = None
) -> JpkiService:
    """The service, ready to start. Raises what `open_jpki` raises."""
    jpki = await open_jpki(config, clock=clock)
    access = Access(config)
    return JpkiService(jpki, access, application(jpki, access), reread)
