"""An event loop without waiting: when all is quiet the time jumps to the next timer, and a seed decides who goes first.

Everything that waits for PostgreSQL passes one turnstile. It lets one statement through, and only when nothing else in
the country can move; which one, the seed decides. So the same seed plays the same way again, and statements of
concurrent transactions take turns in orders that a quick database would hardly ever show.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import selectors
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

from nakadachi.terms import NodeName

NODE: contextvars.ContextVar[NodeName | None] = contextvars.ContextVar("node", default=None)
"""Whose work a task is: what ends when that node is killed."""
PATIENCE_SECONDS = 0.3
"""Real seconds until a statement counts as waiting for a lock: then another one may pass."""
STILL_SECONDS = 30.0
"""Real seconds without any movement after which the machine itself is broken."""


class Turnstile:
    """Lets one piece of database work through at a time, the next one chosen by the seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[asyncio.Future[None]] = []
        self.inside: asyncio.Future[None] | None = None
        self.stuck: set[asyncio.Future[None]] = set()

    async def passing(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do `work` when it is its turn."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
            return await work
        finally:
            work.close()
            if turn in self._waiting:
                self._waiting.remove(turn)
            self.stuck.discard(turn)
            if self.inside is turn:
                self.inside = None

    def admit(self) -> bool:
        """Let the next one in, where one waits and nobody is inside."""
        self._waiting = [turn for turn in self._waiting if not turn.done()]
        if self.inside is not None or not self._waiting:
            return False
        self.inside = self._waiting.pop(self._chance.randrange(len(self._waiting)))
        self.inside.set_result(None)
        return True

    def give_up_waiting(self) -> None:
        """Whoever is inside waits for a lock that another one holds."""
        if self.inside is not None:
            self.stuck.add(self.inside)
            self.inside = None


class _Selector(selectors.DefaultSelector):  # type: ignore[misc]  # the class differs between systems
    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            return []
        return self.loop.quiet(timeout, super().select)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything moves or the database works, and jumps where only timers are left."""

    def __init__(self, seed: int) -> None:
        self._at = 0.0
        self.turnstile = Turnstile(random.Random(seed))
        self.tasks: weakref.WeakKeyDictionary[asyncio.Task[Any], NodeName | None] = weakref.WeakKeyDictionary()
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._at

    def quiet(self, timeout: float | None, wait: Callable[[float], list[Any]]) -> list[Any]:
        """Nothing can run: hear the database, let the next statement pass, or jump to the next timer."""
        turnstile = self.turnstile
        if turnstile.admit():
            return []
        if turnstile.inside is not None:
            events = wait(PATIENCE_SECONDS)
            if not events:
                turnstile.give_up_waiting()
            return events
        events = wait(STILL_SECONDS if turnstile.stuck or timeout is None else 0)
        if events:
            return events
        if timeout is None:
            raise RuntimeError("nothing moves any more, and no timer is set")
        self._at += timeout
        return []

    def run_in_executor(self, _executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """At once: a thread would bring its own time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as wrong:  # noqa: BLE001  whoever asked gets it
            future.set_exception(wrong)
        return future

    def of(self, node: NodeName) -> list[asyncio.Task[Any]]:
        """The tasks that are a node's work."""
        return [task for task, owner in list(self.tasks.items()) if owner == node and not task.done()]

    def spawn(self, work: Coroutine[Any, Any, Any], node: NodeName | None) -> asyncio.Task[Any]:
        """Do `work` as a node's work."""
        context = contextvars.copy_context()
        context.run(NODE.set, node)
        return self.create_task(work, context=context)

    def end(self) -> None:
        """Cancel what runs, and close."""

        async def cancel() -> None:
            tasks = [task for task in list(self.tasks) if not task.done() and task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.run_until_complete(cancel())
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    def _make_task(self, _loop: Any, work: Any, context: contextvars.Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=self, context=context)
        self.tasks[task] = context.get(NODE, None) if context is not None else NODE.get()
        return task
