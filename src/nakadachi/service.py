"""One system, from its start to its stop: what it begins and ends in order, its doors, and what takes up changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nakadachi import __version__
from nakadachi.kit.config import ConfigError
from nakadachi.kit.database import DatabaseAway
from nakadachi.kit.listening import WebServer, https, loopback
from nakadachi.kit.log import logger
from nakadachi.kit.web.door import local_application
from nakadachi.refusal import Refusal

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from nakadachi.kit.listening import Browsers
    from nakadachi.kit.server import System
    from nakadachi.node import Node


@dataclass(slots=True)
class Service:
    """One system, ready to start: it begins what `begins` says in order, listens, and ends in the reverse order.

    `doors` are listeners beside the one for nodes, such as that of its pages.
    """

    node: Node
    system: System[Any]
    app: Starlette
    begins: tuple[Callable[[], Awaitable[None]], ...] = ()
    ends: tuple[Callable[[], Awaitable[None]], ...] = ()
    ready: tuple[Callable[[], Awaitable[None]], ...] = ()
    reloads: tuple[Callable[[], Awaitable[None]], ...] = ()
    doors: tuple[tuple[Starlette, Browsers], ...] = ()
    _servers: list[tuple[WebServer, asyncio.Task[Any]]] = field(default_factory=list)

    async def start(self) -> None:
        """Listen, then take up work. Raises PortTaken, and what the beginnings raise."""
        for begin in self.begins:
            await begin()
        config = self.node.config
        await self._listen(WebServer(self.app, https(config.listen, config, config.limits.connections)))
        if config.metrics:
            await self._listen(WebServer(local_application(self.node.health), loopback(config.metrics)))
        for app, where in self.doors:
            await self._listen(WebServer(app, where))
        await self.system.start()
        await self.node.instances.start()
        logger().info("node.started", node=config.name.value, version=__version__, detail=config.listen)

    async def _listen(self, server: WebServer) -> None:
        self._servers.append((server, await server.run_until_started(asyncio.create_task)))

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
        """Say that we stop, take no more requests, let what runs end, close the database. What waits stays kept.

        A database that is away keeps nobody from stopping: what could not be kept is done after the next start. Another
        step that fails does not keep the others; what the last of them raised is raised in the end.
        """
        async with AsyncExitStack() as steps:
            foundations = (self.node.database.close, self.node.instances.stop, self.system.stop)
            for step in (*foundations, self._listen_no_more, *reversed(self.ends)):
                steps.push_async_callback(self._unless_away, step)
        logger().info("node.stopped", node=self.node.config.name.value)

    async def _unless_away(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except DatabaseAway as wrong:
            logger().warning("stop.incomplete", node=self.node.config.name.value, detail=str(wrong))

    async def _listen_no_more(self) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        await asyncio.gather(*(task for _, task in self._servers), return_exceptions=True)
