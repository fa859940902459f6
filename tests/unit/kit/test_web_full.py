"""A door that is full: who is turned away, and that every place is given back."""

import asyncio
import json
from dataclasses import replace

from starlette.applications import Starlette

from nakadachi.kit.lanes import Busy, Lanes, Limits
from nakadachi.kit.listening import WebServer
from tests.unit.kit.doors import (
    ANSWER,
    ask,
    connect,
    free_port,
    listening,
)


async def test_a_flood_is_turned_away_with_the_time_to_come_again(door):
    door.system.lanes = Lanes(Limits(requests=4))
    inside, most, go = 0, 0, asyncio.Event()

    async def receive(_raw, _hop):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await go.wait()
        inside -= 1
        return [ANSWER]

    door.system.receive = receive
    flood = [asyncio.create_task(ask(door)) for _ in range(20)]
    turned_away = []
    for answer in asyncio.as_completed(flood):
        turned_away.append(await answer)
        if len(turned_away) == 16:
            break
    go.set()
    answers = await asyncio.gather(*flood)
    assert most == 4
    assert sorted(status for status, _, _ in answers) == [200] * 4 + [503] * 16
    status, headers, body = turned_away[0]
    assert (status, headers["retry-after"], headers["content-type"]) == (503, "2", "application/problem+json")
    words = json.loads(body)
    assert "2秒後" in words["title_ja"]
    assert "Try again in 2 seconds" in words["title"]
    assert door.system.lanes.words()["degraded"]


async def test_a_system_that_has_no_place_for_a_kind_says_later_and_not_no(door):
    async def receive(_raw, _hop):
        raise Busy("requests of this kind", 9)

    door.system.receive = receive
    status, headers, _ = await ask(door)
    assert (status, headers["retry-after"]) == (503, "9")


async def test_a_body_that_does_not_come_gives_its_place_back(door, monkeypatch):
    monkeypatch.setattr("nakadachi.kit.web.door.BODY_SECONDS", 0.05)
    reader, writer = await connect(door)
    writer.write(b"POST /telegrams HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
    said = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    assert b" 408 " in said
    assert door.system.lanes.words()["requests_inside"] == 0
    writer.close()


async def test_there_is_a_bound_on_connections(certificates):
    few = replace(listening(certificates, free_port()), connections=7)
    assert WebServer(Starlette(), few).config.limit_concurrency == 7
