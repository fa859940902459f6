"""What a handler of the interface system may touch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakadachi.kit.author import Author
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.heads import Heads


@dataclass(frozen=True, slots=True)
class Interface:
    """The interface system's parts: its hand, the edition in use, the cosigned heads it saw, the grace after
    answer-by, the instance's name where there are several.
    """

    author: Author
    edition: Edition
    heads: Heads
    grace: timedelta = timedelta(minutes=10)
    instance: str = ""
