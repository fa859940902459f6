"""A process that was started for another ends with it: an inherited pipe closes when its owner is gone, however it
went.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

VARIABLE = "NAKADACHI_LIFELINE"
"""The environment variable that names the inherited pipe's descriptor."""


def hold(end: Callable[[], None]) -> None:
    """Call `end` once the owner of the lifeline is gone; nothing where there is no lifeline."""
    descriptor = os.environ.get(VARIABLE, "")
    if not descriptor.isdigit():
        return
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(int(descriptor))
        end()

    loop.add_reader(int(descriptor), gone)
