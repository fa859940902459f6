"""Which of an organisation's keys count for what, and when a rotation goes on. Pure; never knows a key itself (C6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.envelope import ITEMS_LIMIT

if TYPE_CHECKING:
    from nakadachi.terms import OrganisationCode

FIRST_INDEX = 1
"""The key index of an organisation whose key was never replaced."""
FIRST_MASTER = "link-master"
"""The secret that every key of that index is derived from."""
LAST_INDEX = 0xFFFF
ROUTINE_PEOPLE = 100
"""People of one telegram of a routine: small ones, one after the other, are hardly noticed at the counter."""
SPEAKS_SINCE = "0.2.0"
"""The first version whose nodes know what it is to replace a code (decision 0021)."""


class KeyState(StrEnum):
    """鍵の状態: codes stand under a `CURRENT` key; while there is a `NEXT` one they are being replaced by its codes."""

    CURRENT = "current"
    NEXT = "next"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class LinkKey:
    """符号鍵: one key index of an organisation; `master` names the secret it is derived from."""

    key_index: int
    state: KeyState = KeyState.CURRENT
    master: str = FIRST_MASTER
    compromised: bool = False


Keys = Mapping[int, LinkKey]
"""An organisation's keys by their index, retired ones too."""
FOUNDED: Keys = {FIRST_INDEX: LinkKey(FIRST_INDEX)}
"""The keys of an organisation that never replaced one."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """鍵更新: one replacement of an organisation's key by that of `key_index`, as far as it got.

    `swept`: the codes of everybody were sent in this sweep; `replaced` of `total` people were confirmed.
    """

    organisation: OrganisationCode
    key_index: int
    emergency: bool
    started_at: datetime
    cursor: bytes = field(default=b"", repr=False)
    swept: bool = False
    total: int = 0
    replaced: int = 0
    confirmed_at: datetime | None = None
    finished_at: datetime | None = None


class Step(StrEnum):
    """What a rotation's worker does next."""

    WAIT = "wait"
    SEND = "send"
    COUNT = "count"
    RETIRE = "retire"


class Trouble(StrEnum):
    """Why what an operator asked for is not done."""

    UNKNOWN_ORGANISATION = "unknown-organisation"
    UNDER_WAY = "under-way"
    EMERGENCY_UNDER_WAY = "emergency-under-way"
    NOTHING_TO_RETIRE = "nothing-to-retire"
    PEOPLE_LEFT = "people-left"
    NO_MASTER = "no-master"
    LAST_INDEX = "last-index"


@dataclass(frozen=True, slots=True)
class Pace:
    """歩調: how many telegrams of one organisation may be under way and of how many people each, how long after a sweep
    that left people a new one begins, and how long after the last confirmation the former key is retired (None: by
    command only).
    """

    under_way: int
    people: int
    again: timedelta
    retire: timedelta | None


def pace_of(*, emergency: bool, retire: timedelta | None) -> Pace:
    """The pace of a rotation: after a compromise as fast as it goes, and the former key ends with the last code."""
    if emergency:
        return Pace(8, ITEMS_LIMIT, timedelta(seconds=10), None if retire is None else timedelta())
    return Pace(1, ROUTINE_PEOPLE, timedelta(minutes=1), retire)


def require_honoured(issued: int, standing: tuple[int, int | None], keys: Keys) -> None:
    """Whether an inquirer may name a person by a code of key index `issued`. `standing` are the key indexes of the
    person's row: that of the code its holder confirmed, and that of the former one.

    A code of the next key is honoured before its holder confirmed it: the holder uses it at once, and only the core can
    have made it. Raises Refusal(CODE_NOT_ISSUED), and SUSPENDED for a code of a key that was compromised.
    """
    key = keys.get(issued)
    if key is None or key.state is KeyState.RETIRED:
        raise Refusal(Reason.CODE_NOT_ISSUED, "L_A is of a key that is retired, or never was one")
    if issued not in standing and key.state is not KeyState.NEXT:
        raise Refusal(Reason.CODE_NOT_ISSUED, "L_A is not the code issued now")
    if key.compromised:
        raise Refusal(Reason.SUSPENDED, "L_A is of a key that was compromised: wait for the new code")


def newest(keys: Keys) -> int:
    """The key index of codes issued now: that of the next key while codes are being replaced."""
    return max(index for index, key in keys.items() if key.state is not KeyState.RETIRED)


def may_start(keys: Keys, *, emergency: bool, running: Rotation | None) -> Trouble | None:
    """Whether a rotation may begin: one at a time, but an emergency overtakes one that is none."""
    if max(keys) >= LAST_INDEX:
        return Trouble.LAST_INDEX
    if running is not None and not emergency:
        return Trouble.UNDER_WAY
    if running is not None and running.emergency:
        return Trouble.EMERGENCY_UNDER_WAY
    return None


def next_step(rotation: Rotation, sent: Mapping[int, int], *, pace: Pace, now: datetime) -> Step:
    """What is to be done. `sent` are the telegrams under way by key index.

    Those of an overtaken rotation are waited for: a holder must not get an older code after a newer one.
    """
    if rotation.confirmed_at is not None:
        due = pace.retire is not None and now >= rotation.confirmed_at + pace.retire
        return Step.RETIRE if due else Step.WAIT
    if set(sent) - {rotation.key_index}:
        return Step.WAIT
    under_way = sent.get(rotation.key_index, 0)
    if not rotation.swept:
        return Step.SEND if under_way < pace.under_way else Step.WAIT
    return Step.WAIT if under_way else Step.COUNT
