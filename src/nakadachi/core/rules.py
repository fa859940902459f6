"""The core's decisions. Pure: everything they weigh is an argument, also the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nakadachi.core.key_rules import FOUNDED, require_honoured
from nakadachi.law.assessments import require_assessment
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.closing import Stage, StandsAt
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import NodeName, OrganisationCode, Prefix, Role, japan_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nakadachi.core.codes import IdCode
    from nakadachi.core.key_rules import Keys
    from nakadachi.law.lawbook import Lawbook
    from nakadachi.terms import Serial


@dataclass(frozen=True, slots=True)
class Link:
    """One row of the ID table: a person's code at one organisation (C3).

    `key_index` is that of the code its holder confirmed; `former_key_index` that of the one before it, None where there
    is none; its key may be retired.
    """

    key_index: int
    generation: int
    unlinked: bool
    suspended: bool
    former_key_index: int | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the law allows of a request: the row, the items named, the assessments relied on."""

    prefix: Prefix
    row: str
    basis: str
    assessments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What a batch of requests is judged against: where people are linked, the organisations' keys, and who is not
    operating or runs a version below the minimum.
    """

    people: Mapping[IdCode, Mapping[OrganisationCode, Link]]
    keys: Mapping[OrganisationCode, Keys]
    stopped: frozenset[NodeName]
    too_old: frozenset[NodeName]


def decide_law(prefix: Prefix, *, caller: OrganisationCode, lawbook: Lawbook, now: datetime) -> Allowed:
    """許可の判断, the part that concerns no person: a caller asks only in its own name, only what the law lists
    today, and only between files whose assessments are published (C9, L2).

    Raises Refusal(NOT_IN_TABLE, NO_ASSESSMENT, CONSENT_LACKING).
    """
    if prefix.inquirer != caller:
        raise Refusal(Reason.NOT_IN_TABLE, f"{caller} asked in the name of {prefix.inquirer}")
    day = japan_day(now)
    row = lawbook.allows(prefix, day)
    items = lawbook.allowed_items(prefix, day)
    lacking = lawbook.masters.consent_required(items)
    if lacking:
        raise Refusal(Reason.CONSENT_LACKING, f"{len(lacking)} items need the person's consent")
    assessments = require_assessment(lawbook.assessments, prefix, day)
    named = Prefix(prefix.inquirer, prefix.affair, prefix.procedure, prefix.provider, prefix.information, items)
    return Allowed(named, row.id, row.basis.value, tuple(one.number for one in assessments))


def decide_person(
    serial: Serial,
    *,
    caller: OrganisationCode,
    provider: OrganisationCode,
    issued: tuple[int, int],
    links: Mapping[OrganisationCode, Link],
    keys: Keys = FOUNDED,
) -> Link:
    """許可の判断, the part that concerns the person: L_A is the one issued, and the provider is linked (C4).

    `issued` is the key index and generation read from L_A, `keys` are the inquirer's (C6). Returns the provider's link,
    which names the person by the code that the provider confirmed.
    Raises Refusal(OUT_OF_TURN, CODE_NOT_ISSUED, SUSPENDED, NOT_LINKED_AT_PROVIDER).
    """
    if not serial.value.startswith(caller.value):
        raise Refusal(Reason.OUT_OF_TURN, "the serial is another organisation's")
    own = links.get(caller)
    if own is None or own.generation != issued[1] or own.unlinked:
        raise Refusal(Reason.CODE_NOT_ISSUED, "L_A is not the code issued now")
    require_honoured(issued[0], (own.key_index, own.former_key_index), keys)
    if own.suspended:
        raise Refusal(Reason.SUSPENDED, "the inquirer's code is suspended")
    other = links.get(provider)
    if other is None or other.unlinked:
        raise Refusal(Reason.NOT_LINKED_AT_PROVIDER)
    if other.suspended:
        raise Refusal(Reason.SUSPENDED, "the provider's code is suspended")
    return other


def require_operating(prefix: Prefix, stopped: frozenset[NodeName], too_old: frozenset[NodeName] = frozenset()) -> None:
    """The provider is operating, as far as it told (C9), and its version is not below the minimum (L9).

    Raises Refusal(PROVIDER_STOPPED).
    """
    for role in (Role.INTERFACE, Role.INTERMEDIATE):
        node = NodeName.of(role, prefix.provider)
        if node in stopped:
            raise Refusal(Reason.PROVIDER_STOPPED, f"the provider's {role.value} said that it stopped")
        if node in too_old:
            raise Refusal(Reason.PROVIDER_STOPPED, f"the provider's {role.value} runs a version below the minimum")


def tell_other(other: Ending | None, said: Ending) -> bool:
    """中止の判断: whether the other end has to be told: it has not ended, or does not know how, and no answer or
    refusal told it.
    """
    if other is None:
        return said in {Ending.CANCELLED, Ending.TIMED_OUT}
    return other is Ending.UNKNOWN and said is not Ending.UNKNOWN


def tell_back(other: Ending | None, said: Ending) -> bool:
    """訂正の判断: whether an end that does not know how it ended has to be told what the other one said before."""
    return said is Ending.UNKNOWN and other is not None and other is not Ending.UNKNOWN


def who_must_tell(inquirer: Ending | None, provider: Ending | None) -> tuple[bool, ...]:
    """Which ends did not say how an exchange ended: True for the inquirer, False for the provider."""
    return tuple(side for side, ending in ((True, inquirer), (False, provider)) if ending is None)


def ending_never_heard_of(other: Ending | None) -> Ending:
    """終わりの判断: how an exchange ended for an end that never heard of it: as for the other one, which was not
    answered by it; timed out where that one does not say or claims an answer.
    """
    return Ending.TIMED_OUT if other in {None, Ending.ANSWERED} else Ending(other)


def stands_at(serial: Serial, other: Ending | None, *, refused: Reason | None, reason: Reason | None) -> StandsAt:
    """状態: how one exchange stands, as the other end told it."""
    if refused is not None:
        return StandsAt(serial=serial, stage=Stage.ENDED, ending=Ending.REFUSED, reason=refused)
    if other is None or other is Ending.UNKNOWN:
        return StandsAt(serial=serial, stage=Stage.UNDER_WAY)
    return StandsAt(serial=serial, stage=Stage.ENDED, ending=other, reason=reason)
