"""What a system counts: closed labels, kept children, and answers told apart without reading them."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nakadachi import __version__
from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.client import Unreachable
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.kernel_clock import KernelClock
from nakadachi.kit.metrics import CONTENT_TYPE, MeteredWire, Metrics, outcome_of
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_frame, encode_frame
from nakadachi.telegrams.envelope import Envelope, Lane, Pending
from nakadachi.telegrams.inquiry import Completion, Ending, InquiryCompleted, Noted
from nakadachi.terms import NodeName, Serial

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
CORE, INTERFACE = NodeName("core:9910000000000001"), NodeName("interface:9901000000000001")
SERIALS = [Serial(f"9901000000000001-{'0' * 25}{last}") for last in "123"]


def author(name, seed=1):
    return Author(name, SigningKey.from_scalar(seed), FixedClock(NOW), SeededEntropy(seed))


@pytest.fixture
def metrics():
    return Metrics(CORE)


@pytest.fixture
def completed():
    """A telegram that says that exchanges ended, as it is received."""
    telegram = author(INTERFACE).write(
        InquiryCompleted,
        to=CORE,
        completions=tuple(
            Completion(serial=serial, ending=ending, ended_at=NOW)
            for serial, ending in zip(SERIALS, (Ending.ANSWERED, Ending.ANSWERED, Ending.REFUSED), strict=True)
        ),
    )
    (received,) = decode_frame(encode_frame([telegram.envelope]))
    return received


def samples(metrics):
    """Every sample by its name and its labels' values, in the order of the labels' names."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in families
        for one in family.samples
    }


def test_answers_are_told_apart_by_how_their_payload_begins(completed):
    core = author(CORE)
    assert outcome_of(core.answer(Noted, completed).envelope) == ("answered", "")
    assert outcome_of(core.answer(Pending, completed).envelope) == ("pending", "")
    for reason in Reason:
        wanted = "failed" if reason is Reason.INTERNAL else "refused"
        assert outcome_of(core.refuse(completed.header, Refusal(reason)).envelope) == (wanted, reason.value)


def test_a_telegram_is_counted_by_kind_outcome_and_reason(metrics, completed):
    core = author(CORE)
    answers = [
        core.answer(Noted, completed).envelope,
        core.answer(Pending, completed).envelope,
        core.refuse(completed.header, Refusal(Reason.OUT_OF_TURN)).envelope,
        core.refuse(completed.header, Refusal(Reason.INTERNAL)).envelope,
    ]
    for answer in answers:
        assert metrics.handled([completed], [answer], metrics.begin()) == [answer]
    found = samples(metrics)
    assert {key[1:3]: value for key, value in found.items() if key[0] == "nakadachi_telegrams_total"} == {
        ("answered", ""): 1,
        ("pending", ""): 1,
        ("refused", "OUT_OF_TURN"): 1,
        ("failed", "INTERNAL"): 1,
    }
    assert found["nakadachi_telegram_seconds_count", "InquiryCompleted"] == 4


def test_exchanges_are_counted_by_ending_once_the_word_of_it_is_taken(metrics, completed):
    core = author(CORE)
    metrics.handled([completed], [core.refuse(completed.header, Refusal(Reason.OUT_OF_TURN)).envelope], 0.0)
    metrics.handled([completed], [core.answer(Noted, completed).envelope], 0.0)
    found = samples(metrics)
    assert found["nakadachi_exchanges_ended_total", "answered", "InquiryCompleted"] == 2
    assert found["nakadachi_exchanges_ended_total", "refused", "InquiryCompleted"] == 1


def test_two_systems_of_one_process_count_apart(metrics):
    other = Metrics(INTERFACE)
    other.request_refused(Reason.BAD_FORMAT)
    assert ("nakadachi_requests_refused_total", "BAD_FORMAT") in samples(other)
    assert ("nakadachi_requests_refused_total", "BAD_FORMAT") not in samples(metrics)
    assert samples(other)["nakadachi_build_info", INTERFACE.value, __version__] == 1


async def test_the_size_of_every_batch_is_observed_and_the_batch_is_run(metrics):
    async def run(items):
        return [item * 2 for item in items]

    assert await metrics.batches(run)([1, 2, 3]) == [2, 4, 6]
    found = samples(metrics)
    assert (found["nakadachi_batch_size_count",], found["nakadachi_batch_size_sum",]) == (1, 3)


def test_what_is_not_known_is_not_zero(metrics):
    gauges = metrics.gauges
    gauges.outbox(None)
    gauges.heads(size=None, cosigned=None, at=None, now=NOW)
    gauges.machine(certificate_days=12.5, kernel=None)
    found = samples(metrics)
    assert found["nakadachi_database_up",] == 0
    for name in ("outbox_entries", "outbox_oldest_seconds"):
        assert math.isnan(found[f"nakadachi_{name}", "bulk"])
    for name in ("log_size", "cosigned_size", "cosigned_age_seconds", "clock_synchronised", "clock_error_seconds"):
        assert math.isnan(found[f"nakadachi_{name}",])
    assert found["nakadachi_certificate_days",] == 12.5


def test_what_is_known_is_shown(metrics):
    gauges = metrics.gauges
    gauges.outbox({Lane.BULK: (3, 12.5)})
    gauges.heads(size=7, cosigned=5, at=NOW - timedelta(seconds=9), now=NOW)
    gauges.machine(
        certificate_days=12.5, kernel=KernelClock(synchronised=True, offset_seconds=-0.25, error_seconds=0.5)
    )
    gauges.pool(used=2, idle=1, most=6)
    gauges.check("clock", 1)
    found = samples(metrics)
    assert (found["nakadachi_outbox_entries", "bulk"], found["nakadachi_outbox_oldest_seconds", "bulk"]) == (3, 12.5)
    assert (found["nakadachi_outbox_entries", "interactive"], found["nakadachi_database_up",]) == (0, 1)
    assert [found[f"nakadachi_{name}",] for name in ("log_size", "cosigned_size", "cosigned_age_seconds")] == [7, 5, 9]
    assert [found[f"nakadachi_clock_{name}",] for name in ("synchronised", "offset_seconds", "error_seconds")] == [
        *(1, -0.25, 0.5)
    ]
    assert [found["nakadachi_database_connections", state] for state in ("used", "idle", "most")] == [2, 1, 6]
    assert found["nakadachi_check", "clock"] == 1


def test_the_text_is_of_the_form_that_its_type_names(metrics):
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert not [name for name, *_ in samples(metrics) if name.endswith("_created")]


class FakeWire:
    """A wire that answers as told, or is not there."""

    def __init__(self, answer):
        self.answer, self.closed = answer, False

    async def post(self, _to, _url, _body, *, seconds):
        if isinstance(self.answer, Exception):
            raise self.answer
        assert seconds == 5
        return self.answer

    async def request(self, _to, _url, _path, _body):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self):
        self.closed = True


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda core, asked: encode_frame([core.answer(Noted, asked).envelope]), "answered"),
        (lambda core, asked: encode_frame([core.answer(Pending, asked).envelope]), "pending"),
        (lambda core, asked: encode_frame([core.refuse(asked.header, Refusal(Reason.SUSPENDED)).envelope]), "refused"),
        (lambda _core, _asked: b"what is this", "unreadable"),
        (lambda _core, _asked: encode_frame([]), "unreadable"),
        (lambda _core, _asked: encode_frame([Envelope(b"no dots")]), "unreadable"),
    ],
)
async def test_a_send_is_counted_by_the_role_it_goes_to_and_how_it_ends(metrics, completed, answer, outcome):
    raw = answer(author(CORE), completed)
    wire = MeteredWire(FakeWire(raw), metrics)
    assert await wire.post(INTERFACE, "https://a", b"", seconds=5) == raw
    assert samples(metrics)["nakadachi_sends_total", outcome, "interface"] == 1


@pytest.mark.parametrize(("status", "outcome"), [(200, "answered"), (409, "refused")])
async def test_a_request_that_is_no_telegram_is_counted_by_its_status(metrics, status, outcome):
    wire = MeteredWire(FakeWire((status, b"")), metrics)
    assert await wire.request(CORE, "https://a", "/b", b"") == (status, b"")
    assert samples(metrics)["nakadachi_sends_total", outcome, "core"] == 1
    await wire.close()
    assert wire._wire.closed


async def test_what_is_not_reached_is_counted_and_stays_unreached(metrics):
    wire = MeteredWire(FakeWire(Unreachable("gone")), metrics)
    with pytest.raises(Unreachable, match="gone"):
        await wire.post(CORE, "https://a", b"", seconds=5)
    with pytest.raises(Unreachable, match="gone"):
        await wire.request(CORE, "https://a", "/b", b"")
    assert samples(metrics)["nakadachi_sends_total", "unreachable", "core"] == 2
