"""接続と依頼: which page may use the card, and what it has asked for; ended by the card's removal (L8).

A machine of states that touches no card and no network. Time and chance are arguments of its making.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

from nakadachi.kit.clock import Clock
from nakadachi.kit.entropy import Entropy

WAITING_MOST, ORDERS_MOST = 3, 16
WAIT = timedelta(minutes=3)
IDLE = timedelta(minutes=10)
WHOLE = timedelta(minutes=30)
KEPT = timedelta(minutes=30)
"""How long an ended session is remembered, so that its page learns why it ended."""
CHECK_NUMBERS = 900


class State(Enum):
    """状態 of a session or an order."""

    WAITING = "waiting"
    ACTIVE = "active"
    DONE = "done"
    FAILED = "failed"
    ENDED = "ended"


class Why(Enum):
    """なぜ終わったか: (Japanese, English)."""

    REMOVED = ("カードが取り出されました", "the card was removed")
    REFUSED = ("利用者が断りました", "the person refused")
    WRONG_CHECK = ("確認番号が違いました", "the check number was wrong")
    TIMED_OUT = ("時間切れになりました", "it took too long")
    LEFT = ("ページが接続を終えました", "the page ended it")
    STOPPED = ("利用者が接続を終えました", "the person ended it")


class Kind(Enum):
    """依頼の種類."""

    AUTHENTICATE = "authenticate"
    READ_SIGNATURE_CERTIFICATE = "read-signature-certificate"
    SIGN_DOCUMENT = "sign-document"


class Away(Exception):  # noqa: N818  an answer, not a fault
    """There is no such session or order, or no room for one; `status` for HTTP, `why` where it ended."""

    def __init__(self, status: int, japanese: str, english: str) -> None:
        super().__init__(english)
        self.status, self.japanese, self.english = status, japanese, english


@dataclass(slots=True)
class Order:
    """依頼: one thing a page asks of the card."""

    name: str
    kind: Kind
    since: datetime
    challenge: bytes = field(default=b"", repr=False)
    title: str = field(default="", repr=False)
    digest: bytes = field(default=b"", repr=False)
    document: str | None = field(default=None, repr=False)
    state: State = State.WAITING
    why: Why | None = None
    result: dict[str, object] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Session:
    """接続: one page's leave to use the card. `check` is the number that both screens must agree on."""

    name: str
    origin: str
    check: str
    proof: bytes = field(repr=False)
    since: datetime
    used: datetime
    state: State = State.WAITING
    why: Why | None = None
    orders: dict[str, Order] = field(default_factory=dict)

    def end(self, why: Why, now: datetime) -> None:
        """End it, and all that it asked; what was answered is forgotten."""
        if self.state is State.ENDED:
            return
        self.state, self.why, self.used = State.ENDED, why, now
        for order in self.orders.values():
            order.result = {}
            if order.state is State.WAITING:
                order.state, order.why = State.FAILED, why


class Sessions:
    """All sessions of one agent."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._clock, self._entropy = clock, entropy
        self._all: dict[str, Session] = {}

    def begin(self, origin: str) -> tuple[Session, str]:
        """A page asks for leave: the session and its token, which is told once. Raises Away where too many wait."""
        self.tidy()
        if sum(one.state is State.WAITING for one in self._all.values()) >= WAITING_MOST:
            raise Away(429, "確認待ちの接続が多すぎます", "too many sessions wait for their confirmation")
        now, token = self._clock.now(), self._entropy.bytes(32).hex()
        taken = {one.check for one in self._all.values() if one.state is State.WAITING}
        check = self._check_number()
        while check in taken:
            check = self._check_number()
        session = Session(self._entropy.bytes(8).hex(), origin, check, _proof(token), now, now)
        self._all[session.name] = session
        return session, token

    def of_token(self, token: str, origin: str) -> Session:
        """The session of a token, from the origin it was given to. Raises Away."""
        self.tidy()
        proof = _proof(token)
        for one in self._all.values():
            if hmac.compare_digest(one.proof, proof) and one.origin == origin:
                if one.state is State.ACTIVE:
                    one.used = self._clock.now()
                return one
        raise Away(401, "接続がありません", "there is no such session")

    def active(self, token: str, origin: str) -> Session:
        """The same, where it may use the card. Raises Away."""
        session = self.of_token(token, origin)
        if session.state is State.WAITING:
            raise Away(409, "利用者の確認を待っています", "the person has not confirmed yet")
        if session.state is not State.ACTIVE:
            words = session.why.value if session.why else ("", "")
            raise Away(410, f"接続は終わりました（{words[0]}）", f"the session has ended: {words[1]}")
        return session

    def confirm(self, check: str) -> Session | None:
        """The person typed a page's number: that session may use the card. A wrong one ends all that wait."""
        self.tidy()
        waiting = [one for one in self._all.values() if one.state is State.WAITING]
        found = next((one for one in waiting if hmac.compare_digest(one.check.encode(), check.encode())), None)
        for one in waiting:
            if found is None:
                one.end(Why.WRONG_CHECK, self._clock.now())
        if found is not None:
            found.state, found.used, found.since = State.ACTIVE, self._clock.now(), self._clock.now()
        return found

    def refuse_waiting(self) -> None:
        """The person asked for none of those that wait."""
        for one in self._all.values():
            if one.state is State.WAITING:
                one.end(Why.REFUSED, self._clock.now())

    def end_all(self, why: Why) -> None:
        """Nothing may use the card any more: it was removed, or the person ended it."""
        for one in self._all.values():
            one.end(why, self._clock.now())

    def add(self, session: Session, kind: Kind, **what: object) -> Order:
        """A page asks for something. Raises Away where it has asked for too much."""
        if len(session.orders) >= ORDERS_MOST or any(one.state is State.WAITING for one in session.orders.values()):
            raise Away(429, "前の依頼が終わっていません", "another order of this session waits")
        order = Order(self._entropy.bytes(8).hex(), kind, self._clock.now(), **what)  # type: ignore[arg-type]  # its fields
        session.orders[order.name] = order
        return order

    def waiting_order(self, name: str) -> tuple[Session, Order]:
        """An order that waits for the person, with its session. Raises Away."""
        self.tidy()
        for session in self._all.values():
            order = session.orders.get(name)
            if order is not None and session.state is State.ACTIVE and order.state is State.WAITING:
                return session, order
        raise Away(410, "この依頼は終わっています", "this order is no longer waiting")

    def list(self, state: State) -> list[Session]:
        """The sessions in a state, the oldest first."""
        self.tidy()
        return [one for one in self._all.values() if one.state is state]

    def tidy(self) -> None:
        """End what has taken too long, forget what ended long ago."""
        now = self._clock.now()
        for one in list(self._all.values()):
            if one.state is State.ENDED:
                if now - one.used > KEPT:
                    del self._all[one.name]
                continue
            late = now - one.since > (WAIT if one.state is State.WAITING else WHOLE)
            if late or now - one.used > IDLE:
                one.end(Why.TIMED_OUT, now)
            for order in one.orders.values():
                if order.state is State.WAITING and now - order.since > WAIT:
                    order.state, order.why = State.FAILED, Why.TIMED_OUT

    def _check_number(self) -> str:
        return str(100 + int.from_bytes(self._entropy.bytes(8), "big") % CHECK_NUMBERS)


def _proof(token: str) -> bytes:
    return sha256(token.encode()).digest()
