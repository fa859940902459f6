"""Files in and long answers out: bounded in size and in silence, and what is held for them is always given back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar

from starlette.responses import StreamingResponse

from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import ExitStack

    from starlette.requests import Request

T = TypeVar("T")

SILENT_SECONDS = 60.0
"""How long a file may stop in its middle: it holds a place."""


async def spool(request: Request, file: BinaryIO, limit: int) -> None:
    """Write a request's body to a file and go back to its start. Raises Refusal(TOO_LARGE) beyond `limit` bytes,
    TimeoutError where it stops for too long.
    """
    size, stream = 0, aiter(request.stream())
    while True:
        async with asyncio.timeout(SILENT_SECONDS):
            chunk = await anext(stream, None)
        if chunk is None:
            break
        size += len(chunk)
        if size > limit:
            raise Refusal(Reason.TOO_LARGE, f"a file of more than {limit} bytes")
        file.write(chunk)
    file.seek(0)


class Streamed(StreamingResponse, Generic[T]):
    """Results as they come, one line each; what is held for them is given back however the answer ends, also unread."""

    def __init__(self, results: AsyncGenerator[T, None], words: Callable[[T], bytes], held: ExitStack) -> None:
        super().__init__((words(one) async for one in results), media_type="application/x-ndjson")
        self._results = results
        self.held = held

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it (ASGI)."""
        with self.held:
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self._results.aclose()
