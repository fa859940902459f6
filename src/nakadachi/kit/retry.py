"""通信リトライ: how often and how long something is sent again, and when a whole destination is left in peace (I7, I8).

Source 003 6.5 ①(b) names four cases of no answer: not connected; no permit; no acceptance or immediate answer; no
completion. The first is about a destination, the others about what waits there. Pure, but for the parking lot's state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nakadachi.telegrams.catalogue import Wait
from nakadachi.terms import NodeName


@dataclass(frozen=True, slots=True)
class Rule:
    """One case's rule. `attempts` 0: until the deadline; pauses double from `first` up to `longest`."""

    attempts: int = field(default=0, metadata={"doc": "times it is sent again; 0: until its deadline"})
    first: timedelta = field(default=timedelta(seconds=1), metadata={"doc": "pause before the first repetition"})
    longest: timedelta = field(default=timedelta(minutes=1), metadata={"doc": "longest pause between two"})

    def __post_init__(self) -> None:
        if self.attempts < 0 or not timedelta(0) < self.first <= self.longest:
            raise ValueError("attempts is not negative, and 0 < first <= longest")


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """再送の設定: the rules of the four cases, and of notices, which are never given up."""

    connect: Rule = field(
        default=Rule(3, timedelta(seconds=1), timedelta(seconds=30)),
        metadata={"doc": "no connection: after `attempts` in a row the destination is parked and probed only"},
    )
    permit: Rule = field(default=Rule(1500), metadata={"doc": "no permit in time"})
    acceptance: Rule = field(default=Rule(1500), metadata={"doc": "no acceptance or immediate answer in time"})
    completion: Rule = field(default=Rule(15_000), metadata={"doc": "no completion of a provision in time"})
    notice: Rule = field(default=Rule(), metadata={"doc": "anything else; attempts is not used"})

    def of(self, wait: Wait) -> Rule:
        """The rule for what its author waits for."""
        rule: Rule = getattr(self, wait.value)
        return rule

    def limit(self, wait: Wait) -> int:
        """How often it is sent again at the most; 0: no limit."""
        return 0 if wait is Wait.NOTICE else self.of(wait).attempts


@dataclass(slots=True)
class _Silent:
    failures: int = 0
    probe_at: datetime | None = None


@dataclass(slots=True)
class Parking:
    """Destinations that could not be connected to `rule.attempts` times in a row: parked, and probed one by one."""

    rule: Rule
    _silent: dict[NodeName, _Silent] = field(default_factory=dict)

    def failed(self, to: NodeName, now: datetime) -> bool:
        """No connection to `to`. True where that parks it."""
        one = self._silent.setdefault(to, _Silent())
        one.failures += 1
        beyond = one.failures - max(self.rule.attempts, 1)
        if beyond < 0:
            return False
        one.probe_at = now + min(self.rule.longest, self.rule.first * 2 ** min(beyond, 20))
        return beyond == 0

    def stopped(self, to: NodeName, now: datetime) -> None:
        """`to` says that it stops: parked at once, so that nobody knocks at a closed door."""
        one = self._silent.setdefault(to, _Silent())
        one.failures = max(self.rule.attempts, 1)
        one.probe_at = now + self.rule.longest

    def heard(self, to: NodeName) -> bool:
        """A sign of life of `to`. True where it was parked."""
        one = self._silent.pop(to, None)
        return one is not None and one.probe_at is not None

    def is_parked(self, to: NodeName) -> bool:
        """Whether nothing but a probe goes to `to`."""
        one = self._silent.get(to)
        return one is not None and one.probe_at is not None

    @property
    def parked(self) -> list[NodeName]:
        """Everything that is parked."""
        return [to for to in self._silent if self.is_parked(to)]

    def due(self, now: datetime) -> list[NodeName]:
        """Parked destinations whose turn it is to be probed; asking sets their next turn."""
        due = []
        for to, one in self._silent.items():
            if one.probe_at is not None and one.probe_at <= now:
                one.probe_at = now + self.rule.longest
                due.append(to)
        return due
