"""Where a system may be killed: before and after every leg of the catalogue's hops, at both ends.

A leg is one step of a hop's path. Whoever sends may die before it sends, or with the answer unread; whoever receives
may die before it handles, or with all of it committed and the answer unsent.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from nakadachi.telegrams.catalogue import CATALOGUE, COMMISSION, CORE, IF, IF_A, MS, PORTAL, REGISTRY, Hop, Stop
from nakadachi.telegrams.envelope import Lane

SEED = int(os.environ.get("NAKADACHI_KILL_SEED", "20260401"))
"""Which points are played together, and which are the part for every day."""


class Moment(StrEnum):
    """When, on a leg."""

    BEFORE_SENDING = "before sending"
    ANSWER_UNREAD = "answer unread"
    ON_RECEIPT = "on receipt"
    ANSWER_UNSENT = "answer unsent"


AT_SENDER = frozenset({Moment.BEFORE_SENDING, Moment.ANSWER_UNREAD})


class Victim(StrEnum):
    """What is killed: the system's own process, or its PostgreSQL under it."""

    PROCESS = "process"
    POSTGRES = "postgres"


class Story(StrEnum):
    """What makes a telegram travel: the family it belongs to, told by the module that has its class, or one of those
    that end otherwise than by an answer.
    """

    INQUIRY = "inquiry"
    REFUSED = "refused"
    LINKING = "linking"
    EDITION = "edition"
    OPERATION = "operation"
    CANCELLED = "cancelled"
    NOT_ACCEPTED = "not accepted"
    NOT_RECEIVED = "not received"
    QUESTIONED = "questioned"
    MISMATCH = "mismatch"
    SUSPICION = "suspicion"
    HEADS = "heads"
    ROTATION = "rotation"
    CHANGES = "changes"
    LINKS = "links"
    TRAILS = "trails"


@dataclass(frozen=True)
class Way:
    """The story in which a hop is travelled; `side` says whose systems are meant where the catalogue names no side."""

    story: Story
    side: str = ""


FAMILIES = {
    "permit": Way(Story.INQUIRY),
    "inquiry": Way(Story.INQUIRY),
    "provision": Way(Story.INQUIRY),
    "code": Way(Story.LINKING),
}
ODD_ONES = {
    ("PrefixRefused", IF_A): (Way(Story.REFUSED),),
    ("DistributeEdition", CORE): (Way(Story.EDITION),),
    ("Close", MS): (Way(Story.CANCELLED, "A"),),
    ("Close", CORE): (Way(Story.CANCELLED, "B"),),
    ("AskState", MS): (Way(Story.NOT_ACCEPTED, "A"), Way(Story.NOT_RECEIVED, "B")),
    ("AskState", CORE): (Way(Story.QUESTIONED, "B"),),
    **{("ReportOperation", author): (Way(Story.OPERATION),) for author in (MS, IF, COMMISSION, REGISTRY)},
    ("ReportFinding", MS): (Way(Story.MISMATCH, "B"),),
    ("ReportFinding", IF): (Way(Story.SUSPICION),),
    ("ReportFinding", CORE): (Way(Story.SUSPICION),),
    ("ReportHeads", IF): (Way(Story.HEADS, "A"),),
    ("ReplaceLinkCodes", CORE): (Way(Story.ROTATION, "A"),),
    **{
        (name, author): (Way(Story.CHANGES),)
        for name, author in (("ReportResidentChanges", REGISTRY), ("SubscribeChanges", MS), ("NotifyChanges", CORE))
    },
    ("ChangeLinks", MS): (Way(Story.LINKS),),
    ("HandOverTrail", MS): (Way(Story.TRAILS, "A"),),
    ("HandOverTrail", CORE): (Way(Story.TRAILS),),
    ("AskTrail", COMMISSION): (Way(Story.TRAILS, "A"),),
}
"""Telegrams, with their authors, that their family's story does not send: in which stories they are."""


def ways_of(hop: Hop) -> tuple[Way, ...]:
    """The stories in which a hop is travelled. Raises KeyError for a telegram that no story sends yet."""
    name = hop.telegram.__name__, hop.path[0]
    return ODD_ONES[name] if name in ODD_ONES else (FAMILIES[hop.telegram.__module__.rpartition(".")[2]],)


@dataclass(frozen=True)
class Leg:
    """One step of a hop's path."""

    story: Story
    telegram: str
    author: Stop
    sender: Stop
    to: Stop

    def __str__(self) -> str:
        by = "" if self.author == self.sender else f" of {self.author}"
        return f"{self.telegram}{by}, {self.sender} to {self.to}"


@dataclass(frozen=True)
class Point:
    """One entry of the matrix: who dies when. `lane` is that of the inquiry; other stories have none."""

    leg: Leg
    moment: Moment
    victim: Victim
    lane: Lane | None

    @property
    def stop(self) -> Stop:
        """Whose process, or whose PostgreSQL, is killed."""
        return self.leg.sender if self.moment in AT_SENDER else self.leg.to

    @property
    def peer(self) -> Stop:
        """The other end of the leg."""
        return self.leg.to if self.moment in AT_SENDER else self.leg.sender

    def __str__(self) -> str:
        lane = f", {self.lane.value}" if self.lane else ""
        return f"{self.leg}: {self.victim.value} of {self.stop}, {self.moment.value}{lane}"


def legs(catalogue: Iterable[Hop] = CATALOGUE) -> Iterator[Leg]:
    """Every leg of every hop, in each of its stories; but for those of a portal, which no process plays yet."""
    for hop in catalogue:
        if PORTAL in hop.path:
            continue
        for way in ways_of(hop):
            path = [f"{stop} {way.side}" if way.side and stop in {MS, IF} else stop for stop in hop.path]
            for sender, to in pairwise(path):
                yield Leg(way.story, hop.telegram.__name__, path[0], sender, to)


def lanes_of(leg: Leg) -> tuple[Lane | None, ...]:
    """An inquiry travels in either lane; nothing else has a choice."""
    return tuple(Lane) if leg.story in {Story.INQUIRY, Story.REFUSED} else (None,)


def matrix() -> list[Point]:
    """All of it."""
    return [
        Point(leg, moment, victim, lane)
        for leg in legs()
        for moment in Moment
        for victim in Victim
        for lane in lanes_of(leg)
    ]


def chosen(seed: int = SEED) -> list[Point]:
    """The part for every day: on each leg one process dies once, and on every fourth a PostgreSQL; chance says whose,
    at which moment and in which lane.
    """
    chance = random.Random(seed)
    few = []
    for number, leg in enumerate(legs()):
        victims = [Victim.PROCESS, *([Victim.POSTGRES] if number % 4 == 0 else [])]
        few += [Point(leg, chance.choice(list(Moment)), victim, chance.choice(lanes_of(leg))) for victim in victims]
    return few


def rounds(points: Sequence[Point], seed: int = SEED) -> list[tuple[Point, ...]]:
    """Points that are played together: of one lane, at most one per system, so that each system dies once a round."""
    chance = random.Random(seed)
    queues: dict[Lane, dict[Stop, list[Point]]] = {lane: defaultdict(list) for lane in Lane}
    for point in chance.sample(points, len(points)):
        if point.lane is not None:
            queues[point.lane][point.stop].append(point)
    for point in (point for point in points if point.lane is None):
        lane = min(Lane, key=lambda lane: len(queues[lane][point.stop]))
        queues[lane][point.stop].append(point)
    played = []
    for by_stop in queues.values():
        while left := [queue for queue in by_stop.values() if queue]:
            played.append(tuple(queue.pop() for queue in left))
    return played


def lane_of(played: Sequence[Point]) -> Lane:
    """The lane in which a round's inquiries are asked."""
    return next((point.lane for point in played if point.lane is not None), Lane.INTERACTIVE)


def name_of(played: Sequence[Point]) -> str:
    """A round's name among the tests."""
    return str(played[0]) if len(played) == 1 else f"{lane_of(played).value}, {len(played)} killed"
