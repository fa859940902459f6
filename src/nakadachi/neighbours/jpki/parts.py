"""What every step of the service may touch: its keys, its database, the time, and how it is set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nakadachi.kit.clock import Clock
from nakadachi.kit.database import Database
from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.jpki.generations import Generations
from nakadachi.neighbours.jpki.profile import Algorithm


@dataclass(frozen=True, slots=True)
class Settings:
    """How the service works; what the real one does is not confirmed (facts 10.5)."""

    algorithm: Algorithm = field(
        default=Algorithm.RSA_2048,
        metadata={"doc": "keys of authorities and cards: rsa-2048 as the real cards, or p-256"},
    )
    responder: str = field(
        default="", metadata={"doc": "address of the OCSP responder that certificates name; empty: they name none"}
    )
    list_every: timedelta = field(
        default=timedelta(hours=24), metadata={"doc": "how often each revocation list is issued, in seconds"}
    )
    list_life: timedelta = field(
        default=timedelta(hours=48), metadata={"doc": "how long a list counts: its next update, in seconds"}
    )
    answer_life: timedelta = field(
        default=timedelta(minutes=5), metadata={"doc": "how long an OCSP answer counts: its next update, in seconds"}
    )
    linkage: bool = field(
        default=True,
        metadata={"doc": "whether verifiers that may are told which certificate followed which, for one person"},
    )

    def __post_init__(self) -> None:
        if not timedelta(0) < self.list_every < self.list_life:
            raise ValueError("list_life: a list must count longer than until the next one (list_every)")
        if not timedelta(0) < self.answer_life <= timedelta(days=7):
            raise ValueError("answer_life: from a second to seven days")


@dataclass(frozen=True, slots=True)
class Jpki:
    """公的個人認証サービス: the service's parts."""

    database: Database
    generations: Generations
    clock: Clock
    entropy: Entropy
    settings: Settings = field(default_factory=Settings)

    def second(self) -> datetime:
        """The present moment to the second, as certificates, lists and answers tell it."""
        return self.clock.now().replace(microsecond=0)
