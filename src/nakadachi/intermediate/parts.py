"""What a handler of the intermediate server may touch."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from nakadachi.kit.waiters import Waiters
from nakadachi.terms import NodeName, Role

if TYPE_CHECKING:
    from nakadachi.crypto.sealing import PrivateSeal
    from nakadachi.intermediate.exchange_store import Inquiry
    from nakadachi.kit.author import Author
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.ledger.edition import Edition
    from nakadachi.ledger.heads import Heads
    from nakadachi.terms import Prefix, Serial


@dataclass(frozen=True, slots=True)
class Times:
    """When this side stops waiting (design 2.8): deadlines nest, the inquirer's interface system refuses first.

    `permit` and `permit_bulk` from the beginning of an inquiry; `accept` after accept-by; `close` and `provide` after
    answer-by: when our inquiry is closed, when our provision is sent no more; `state` is how long a question lives;
    `changes` how long change events are kept.
    """

    permit: timedelta = timedelta(seconds=70)
    permit_bulk: timedelta = timedelta(hours=24)
    accept: timedelta = timedelta(seconds=10)
    close: timedelta = timedelta(minutes=11)
    provide: timedelta = timedelta(minutes=12)
    state: timedelta = timedelta(days=1)
    changes: timedelta = timedelta(days=60)


BODY_SEED = "body seed"
"""What a wrapped seed of a one-time body key is bound to, before the serial."""


@dataclass(frozen=True, slots=True)
class Intermediate:
    """The intermediate server's parts. `seals` are its static seal keys by suite, the newest first; `settled` wakes
    whoever waits for an inquiry, `ended` whoever tells the core of endings; `tries` is how many mismatches a person's
    row stands in a day before no more are compared (design 2.7).
    """

    author: Author
    edition: Edition
    keys: KeyStore
    heads: Heads
    seals: dict[str, tuple[PrivateSeal, ...]]
    settled: Waiters[Serial, Inquiry] = field(default_factory=Waiters)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    tries: int = 5
    times: Times = field(default_factory=Times)

    @property
    def interface(self) -> NodeName:
        """The own organisation's interface system."""
        return NodeName.of(Role.INTERFACE, self.author.name.organisation)

    def pseudonym(self, staff: str) -> str:
        """A member of staff as the network may know them: always the same, never a name (design 2.10)."""
        return hmac.digest(self.keys.secret("staff"), staff.encode(), "sha256").hex()[:20]

    def keyed(self, what: str, text: str) -> bytes:
        """A text of ours as others may compare it and never read it: 32 bytes under the key of the pseudonyms."""
        return hmac.digest(self.keys.secret("staff"), f"{what}\0{text}".encode(), "sha256")


def provider_node(prefix: Prefix) -> NodeName:
    """The provider's intermediate server."""
    return NodeName.of(Role.INTERMEDIATE, prefix.provider)
