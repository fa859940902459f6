"""What one system counts and measures of itself, for Prometheus (text format 0.0.4).

Many systems may live in one process, so each has a registry of its own. Labels are closed sets: kinds of telegram,
reasons, roles, lanes, endings, checks. No serial, no code, no organisation's person is ever a label or a value.
"""

from __future__ import annotations

import functools
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from nakadachi import __version__
from nakadachi.kit.client import Unreachable
from nakadachi.refusal import Reason
from nakadachi.telegrams.envelope import Envelope, Lane

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import datetime

    from nakadachi.kit.client import Wire
    from nakadachi.kit.kernel_clock import KernelClock
    from nakadachi.telegrams.envelope import Received
    from nakadachi.terms import NodeName

T = TypeVar("T")
R = TypeVar("R")

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
ANSWERED, REFUSED, PENDING, FAILED = "answered", "refused", "pending", "failed"
UNREACHABLE, UNREADABLE = "unreachable", "unreadable"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NOTHING = float("nan")
SIZES = (1, 2, 4, 8, 16, 32, 64)

_MARKS = {
    urlsafe_b64encode(b'{"telegram":"Refused"'): REFUSED,
    urlsafe_b64encode(b'{"telegram":"Pending"'): PENDING,
}
"""How the payload of such an answer begins: 21 bytes are 28 characters exactly, so no header has to be read."""
_without_times_of_creation: Callable[[], None] = disable_created_metrics
_frames = msgspec.msgpack.Decoder(list[Envelope])


class _Why(msgspec.Struct):
    reason: Reason


_whys = msgspec.json.Decoder(_Why)


def outcome_of(answer: Envelope) -> tuple[str, str]:
    """An answer's outcome and, of a refusal, its reason; read from our own bytes or ones already checked."""
    payload = answer.jws.split(b".", 2)[1]
    outcome = _MARKS.get(payload[:28], ANSWERED)
    if outcome != REFUSED:
        return outcome, ""
    reason = _whys.decode(urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))).reason
    return (FAILED if reason is Reason.INTERNAL else REFUSED), reason.value


class Gauges:
    """What is measured when somebody reads it; NaN stands for what is not known then."""

    def __init__(self, name: NodeName, registry: CollectorRegistry) -> None:
        gauge = functools.partial(Gauge, registry=registry)
        self._database = gauge("nakadachi_database_up", "Whether the database answers.")
        self._pool = gauge("nakadachi_database_connections", "Connections of the pool.", ["state"])
        self._waiting = gauge("nakadachi_outbox_entries", "Requests that wait to be sent.", ["lane"])
        self._oldest = gauge("nakadachi_outbox_oldest_seconds", "Age of the oldest of them.", ["lane"])
        self._log = gauge("nakadachi_log_size", "Leaves of the own log (core).")
        self._cosigned = gauge("nakadachi_cosigned_size", "Size of the newest cosigned head known here.")
        self._head_age = gauge("nakadachi_cosigned_age_seconds", "Age of the newest cosigned head known here.")
        self._certificate = gauge("nakadachi_certificate_days", "Days until the TLS certificate in use ends.")
        self._synchronised = gauge("nakadachi_clock_synchronised", "Whether the kernel holds its clock for right.")
        self._offset = gauge("nakadachi_clock_offset_seconds", "What the kernel still has to move its clock by.")
        self._error = gauge("nakadachi_clock_error_seconds", "The greatest error the kernel reckons with.")
        self._checks = gauge("nakadachi_check", "Checks of /readyz: 0 passed, 1 warning, 2 failed.", ["check"])
        self._build = gauge("nakadachi_build_info", "What runs here; always 1.", ["node", "version"])
        self._build.labels(name.value, __version__).set(1)
        self._lawbook = gauge("nakadachi_lawbook_version", "Version of the law book in use.")
        self._directory = gauge("nakadachi_directory_version", "Version of the directory in use.")

    def outbox(self, waiting: dict[Lane, tuple[int, float]] | None) -> None:
        """What waits: per lane how many, and the oldest's age in seconds; None where the database does not answer."""
        self._database.set(waiting is not None)
        for lane in Lane:
            count, age = (waiting or {}).get(lane, (0, 0.0))
            self._waiting.labels(lane.value).set(count if waiting is not None else NOTHING)
            self._oldest.labels(lane.value).set(age if waiting is not None else NOTHING)

    def pool(self, *, used: int, idle: int, most: int) -> None:
        """The pool's connections."""
        for state, count in (("used", used), ("idle", idle), ("most", most)):
            self._pool.labels(state).set(count)

    def heads(self, *, size: int | None, cosigned: int | None, at: datetime | None, now: datetime) -> None:
        """The own log's size, the newest cosigned head's size and time; NaN for what is not known here."""
        self._log.set(NOTHING if size is None else size)
        self._cosigned.set(NOTHING if cosigned is None else cosigned)
        self._head_age.set(NOTHING if at is None else (now - at).total_seconds())

    def machine(self, *, certificate_days: float, kernel: KernelClock | None) -> None:
        """The certificate and the clock; NaN where the kernel says nothing."""
        self._certificate.set(certificate_days)
        self._synchronised.set(NOTHING if kernel is None else kernel.synchronised)
        self._offset.set(NOTHING if kernel is None else kernel.offset_seconds)
        self._error.set(NOTHING if kernel is None else kernel.error_seconds)

    def edition(self, lawbook: int, directory: int) -> None:
        """The versions in use."""
        self._lawbook.set(lawbook)
        self._directory.set(directory)

    def check(self, check: str, grade: int) -> None:
        """A check of readiness: 0 passed, 1 warning, 2 failed."""
        self._checks.labels(check).set(grade)


class Metrics:
    """One system's metrics. It counts as things happen; `gauges` are set when it is read."""

    def __init__(self, name: NodeName) -> None:
        _without_times_of_creation()
        self.registry = own = CollectorRegistry()
        counter, histogram = functools.partial(Counter, registry=own), functools.partial(Histogram, registry=own)
        ProcessCollector(registry=own)
        self._telegrams = counter(
            "nakadachi_telegrams", "Telegrams received, by what became of them.", ["telegram", "outcome", "reason"]
        )
        self._seconds = histogram(
            "nakadachi_telegram_seconds", "From a telegram's arrival to its answer.", ["telegram"], buckets=SECONDS
        )
        self._requests = counter(
            "nakadachi_requests_refused", "Requests that held no readable telegram, or came from nobody.", ["reason"]
        )
        self._sends = counter("nakadachi_sends", "Requests to other systems.", ["role", "outcome"])
        self._batches = histogram("nakadachi_batch_size", "Requests that shared a transaction.", buckets=SIZES)
        self._endings = counter(
            "nakadachi_exchanges_ended", "Exchanges said to have ended, as completions arrive.", ["telegram", "ending"]
        )
        self._witness = counter("nakadachi_witness_refusals", "Checkpoints not cosigned, by HTTP status.", ["status"])
        self.gauges = Gauges(name, own)
        # Finding a child by its labels costs four times what counting does (stack): they are kept.
        self._counting = functools.cache(self._telegrams.labels)
        self._timing = functools.cache(self._seconds.labels)
        self._sending = functools.cache(self._sends.labels)

    def begin(self) -> float:
        """The moment a request arrived, for `handled`: seconds of a clock that only measures."""
        return time.perf_counter()

    def handled(self, telegrams: Sequence[Received], answers: list[Envelope], begun: float) -> list[Envelope]:
        """The telegrams of one request are answered; the answers, as they are."""
        took = time.perf_counter() - begun
        for received, answer in zip(telegrams, answers, strict=True):
            kind = type(received.header).__name__
            outcome, reason = outcome_of(answer)
            self._counting(kind, outcome, reason).inc()
            self._timing(kind).observe(took)
            if outcome == ANSWERED:
                for one in getattr(received.header, "completions", ()):
                    self._endings.labels(kind, one.ending.value).inc()
        return answers

    def request_refused(self, reason: Reason) -> None:
        """A request was refused before there was a telegram to answer."""
        self._requests.labels(reason.value).inc()

    def sent(self, to: NodeName, outcome: str) -> None:
        """A request to another system ended."""
        self._sending(to.role.value, outcome).inc()

    def batches(self, run: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> Callable[[Any], Awaitable[Sequence[R]]]:
        """`run`, with the size of every batch it is given observed."""

        @functools.wraps(run)
        async def observed(items: Sequence[T]) -> Sequence[R]:
            self._batches.observe(len(items))
            return await run(items)

        return observed

    def witness_refused(self, status: int) -> None:
        """A checkpoint was not cosigned; `status` is one of C2SP tlog-witness."""
        self._witness.labels(str(status)).inc()

    def exposition(self) -> bytes:
        """All of it, as text (see CONTENT_TYPE)."""
        return generate_latest(self.registry)


class MeteredWire:
    """A wire whose requests are counted by the role they go to and how they end."""

    def __init__(self, wire: Wire, metrics: Metrics) -> None:
        self._wire, self._metrics = wire, metrics

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        """See Wire."""
        try:
            answer = await self._wire.post(to, url, body, seconds=seconds)
        except Unreachable:
            self._metrics.sent(to, UNREACHABLE)
            raise
        self._metrics.sent(to, _first_outcome(answer))
        return answer

    async def request(self, to: NodeName, url: str, path: str, body: bytes) -> tuple[int, bytes]:
        """See Wire."""
        try:
            status, answer = await self._wire.request(to, url, path, body)
        except Unreachable:
            self._metrics.sent(to, UNREACHABLE)
            raise
        self._metrics.sent(to, ANSWERED if status < 400 else REFUSED)
        return status, answer

    async def close(self) -> None:
        """See Wire."""
        await self._wire.close()


def _first_outcome(frame: bytes) -> str:
    """How the first telegram of a request fared, by bytes that nobody has checked yet."""
    try:
        payload = _frames.decode(frame)[0].jws.split(b".", 2)[1]
    except (msgspec.MsgspecError, IndexError):
        return UNREADABLE
    return _MARKS.get(payload[:28], ANSWERED)
