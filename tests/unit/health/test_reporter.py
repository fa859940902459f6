"""When a system says how it fares: at its start and stop for sure, and in between without crowding."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from nakadachi.health.reporter import JITTER, Reporter
from nakadachi.kit.client import Unreachable
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import Condition, Operation
from nakadachi.terms import NodeName
from tests.tap import all_that_is_logged

CORE, SERVER, INTERFACE = (
    NodeName("core:9910000000000001"),
    NodeName("intermediate:9901000000000001"),
    NodeName("interface:9901000000000001"),
)
NOW = datetime(2026, 4, 1, tzinfo=UTC)


class System:
    """A system whose telegrams are noted: (operation, to, via, kept)."""

    def __init__(self, name, *wrongs):
        self.name, self.wrongs, self.said, self.asked = name, list(wrongs), [], asyncio.Event()
        self.author = SimpleNamespace(
            clock=SimpleNamespace(now=lambda: NOW), entropy=SeededEntropy(1), write=lambda _kind, **fields: fields
        )
        self.sender = SimpleNamespace(ask=self.ask)

    async def together(self, step, word):
        def send(telegram, *, to, url):
            assert url == f"https://{to}"
            self.said.append((telegram["operation"], telegram["to"], to, True))

        async def fetchval(_query, _instance, now):
            return now

        (said,) = await step(None, SimpleNamespace(send=send, connection=SimpleNamespace(fetchval=fetchval)), [word])
        return said

    async def ask(self, telegram, to, url):
        assert url == f"https://{to}"
        if self.wrongs:
            raise self.wrongs.pop(0)
        self.said.append((telegram["operation"], telegram["to"], to, False))
        self.asked.set()


class Health:
    """Everybody is listed; the condition says when the next word comes."""

    def __init__(self, *listed):
        peers = SimpleNamespace(
            core=lambda: CORE,
            url=lambda name: f"https://{name}",
            directory=SimpleNamespace(find=lambda name: name if name in listed else None),
        )
        version = SimpleNamespace(version=1)
        self.edition = SimpleNamespace(peers=peers, lawbook=version, directory=version)

    async def condition(self, following):
        return Condition(next_seconds=int(following.total_seconds()), certificate_days=1)


def reporter(system, *, every=timedelta(minutes=5), listed=(SERVER,)):
    return Reporter(system, Health(*listed), every)


async def test_start_and_stop_are_kept_until_they_are_taken():
    system = System(SERVER)
    one = reporter(system)
    await one.start()
    await one.stop()
    assert system.said == [(Operation.STARTED, CORE, INTERFACE, True), (Operation.STOPPED, CORE, INTERFACE, True)]


async def test_an_interface_system_tells_its_own_server_too_where_there_is_one():
    for listed, told in (((SERVER,), [CORE, SERVER]), ((), [CORE])):
        system = System(INTERFACE)
        one = reporter(system, listed=listed)
        await one.start()
        await one.stop()
        assert [to for operation, to, via, _ in system.said if operation is Operation.STARTED] == told
        assert all(to == via for _, to, via, _ in system.said)


async def test_between_the_two_it_says_that_it_runs_whatever_went_wrong_before():
    wrongs = (Unreachable("gone"), Refusal(Reason.VERSION_TOO_OLD), RuntimeError("not foreseen"))
    system = System(INTERFACE, *wrongs)
    one = reporter(system, every=timedelta(milliseconds=10))
    with all_that_is_logged() as log:
        await one.start()
        await asyncio.wait_for(system.asked.wait(), 10)
        await one.stop()
    assert (Operation.RUNNING, CORE, CORE, False) in system.said
    said = len(system.said)
    await asyncio.sleep(0.05)
    assert len(system.said) == said
    events = log.getvalue().decode()
    assert events.count("report.waits") == 2
    assert events.count("report.failed") == 1


async def test_stopping_what_never_started_is_fine():
    system = System(SERVER)
    await reporter(system).stop()
    assert [operation for operation, *_ in system.said] == [Operation.STOPPED]


async def test_a_word_that_cannot_be_kept_does_not_keep_a_system_from_stopping():
    async def away(_step, _word):
        raise ConnectionRefusedError

    system = System(SERVER)
    system.together = away
    with all_that_is_logged() as log:
        await reporter(system).stop()
    assert b"report.failed" in log.getvalue()


@pytest.mark.parametrize("seconds", [1, 300])
def test_words_come_somewhat_earlier_than_promised_and_not_all_at_once(seconds):
    one = reporter(System(SERVER), every=timedelta(seconds=seconds))
    pauses = [one._pause() for _ in range(100)]
    assert all(seconds * (1 - JITTER) < pause <= seconds for pause in pauses)
    assert max(pauses) - min(pauses) > seconds * JITTER / 2
