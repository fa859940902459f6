"""The door: who may come in, how much is read, and what one is told; over real TLS on the loopback."""

import asyncio
import json
import ssl

import pytest

from nakadachi import __version__
from nakadachi.kit.client import MEDIA_TYPE
from nakadachi.kit.listening import PortTaken, WebServer
from nakadachi.kit.metrics import CONTENT_TYPE
from nakadachi.kit.tls import client_context, read_certificate
from nakadachi.kit.web.door import (
    application,
)
from nakadachi.refusal import Reason
from nakadachi.telegrams.codec import FRAME_LIMIT, encode_frame
from tests.unit.kit.doors import (
    ANSWER,
    CITY,
    CORE,
    INTERFACE,
    NOW,
    ask,
    connect,
    context_of,
    directory_of,
    listening,
)


async def test_a_listed_node_gets_the_systems_answer(door):
    status, headers, answer = await ask(door)
    assert (status, answer, headers["content-type"]) == (200, encode_frame([ANSWER]), MEDIA_TYPE)
    assert door.received == [(b"frame", INTERFACE)]
    assert "server" not in headers


async def test_a_refused_frame_gets_a_problem_in_both_languages_without_the_detail(door):
    status, headers, answer = await ask(door, b"no telegram")
    assert (status, headers["content-type"]) == (400, "application/problem+json")
    assert json.loads(answer) == {
        "type": "BAD_FORMAT",
        "title": "The format is not right",
        "title_ja": "書式が正しくありません",
        "status": 400,
    }


@pytest.mark.parametrize(("system", "type_"), [("desk", "ROLE_NOT_ALLOWED"), ("stranger", "NOT_ADDRESSED_HERE")])
async def test_without_the_certificate_of_a_listed_node_nobody_comes_in(door, system, type_):
    status, _, answer = await ask(door, system=system)
    assert (status, json.loads(answer)["type"]) == (403, type_)
    assert door.received == []


async def test_a_certificate_revoked_while_connected_stops_at_the_next_request(door):
    connection = await connect(door)
    assert (await ask(door, connection=connection))[0] == 200
    own = ssl.PEM_cert_to_DER_cert((door.certificates / "interface" / "tls.crt").read_text())
    door.system.peers.replace(directory_of(f"{read_certificate(own).serial:x}"))
    status, _, answer = await ask(door, connection=connection)
    assert (status, json.loads(answer)["type"]) == (403, "ROLE_NOT_ALLOWED")
    connection[1].close()


async def test_without_a_certificate_or_with_one_of_another_authority_there_is_no_connection(door):
    bare = ssl.create_default_context(cafile=door.certificates / "authority.crt")
    folder = door.certificates / "other-interface"
    foreign = client_context(folder / "tls.crt", folder / "tls.key", door.certificates / "authority.crt")
    for context in (bare, foreign):
        with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
            await ask(door, connection=await connect(door, context=context))
    assert door.received == []


async def test_an_older_tls_is_refused(door):
    context = context_of(door, "interface")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await connect(door, context=context)


async def test_what_is_announced_too_large_is_refused_unread(door):
    status, _, answer = await ask(door, b"", head=f"Content-Length: {FRAME_LIMIT + 1}")
    assert (status, json.loads(answer)["type"]) == (413, "TOO_LARGE")
    assert json.loads(answer)["title_ja"] == "大きさの上限を超えています"


async def test_what_turns_out_too_large_is_cut_off(door):
    chunk = bytes(1 << 20)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for _ in range(FRAME_LIMIT // len(chunk) + 1))
    status, _, answer = await ask(door, chunks + b"0\r\n\r\n", head="Transfer-Encoding: chunked")
    assert (status, json.loads(answer)["type"]) == (413, "TOO_LARGE")
    assert door.received == []


async def test_what_is_just_within_the_limit_is_read(door):
    assert (await ask(door, bytes(FRAME_LIMIT)))[0] == 200
    assert len(door.received[0][0]) == FRAME_LIMIT


async def test_health_says_what_the_node_is_and_how_it_fares(door):
    status, _, answer = await ask(door, b"", path="/livez", method="GET")
    assert (status, json.loads(answer)) == (
        200,
        {"node": CORE.value, "version": __version__, "now": NOW.isoformat()},
    )
    for path in ("/readyz", "/status"):
        assert json.loads((await ask(door, b"", path=path, method="GET", system="core"))[2])["名"] == "仲立ち"


async def test_a_node_that_is_not_ready_is_alive_and_says_why(door):
    door.health.fit = False
    assert (await ask(door, b"", path="/livez", method="GET"))[0] == 200
    assert (await ask(door, b"", path="/status", method="GET", system="core"))[0] == 200
    status, _, answer = await ask(door, b"", path="/readyz", method="GET", system="core")
    assert (status, json.loads(answer)["ready"]) == (503, False)


@pytest.mark.parametrize("path", ["/metrics", "/status", "/readyz"])
async def test_how_a_system_fares_is_for_its_own_organisation_and_the_core(door, path):
    """The core's own certificate reads here; the city's does at the city's door, and at no other."""
    status, headers, answer = await ask(door, b"", path=path, method="GET", system="core")
    assert status == 200
    assert path != "/metrics" or (headers["content-type"], answer) == (CONTENT_TYPE, b"nakadachi_check 1.0")
    for stranger in ("interface", "desk", "stranger"):
        status, headers, _ = await ask(door, b"", path=path, method="GET", system=stranger)
        assert (status, headers["content-type"]) == (403, "application/problem+json")
    door.system.name = INTERFACE
    for reader in ("core", "interface", "desk"):
        assert (await ask(door, b"", path=path, method="GET", system=reader))[0] == 200


async def test_what_stands_in_front_reads_whether_an_instance_takes_work_and_nothing_else(door):
    for fit, expected in ((True, 200), (False, 503)):
        door.health.fit = fit
        status, _, answer = await ask(door, b"", path="/readyz", method="GET", system="health")
        assert (status, answer) == (expected, b"")
    for path in ("/status", "/metrics"):
        assert (await ask(door, b"", path=path, method="GET", system="health"))[0] == 403
    assert (await ask(door, b"frame", system="health"))[0] == 403
    der = ssl.PEM_cert_to_DER_cert((door.certificates / "health" / "tls.crt").read_text())
    door.system.peers.replace(directory_of(f"{read_certificate(der).serial:x}"))
    assert (await ask(door, b"", path="/readyz", method="GET", system="health"))[0] == 403


@pytest.mark.parametrize("system", ["interface", "desk"])
async def test_a_revoked_certificate_reads_no_metrics(door, system):
    door.system.name = INTERFACE
    der = ssl.PEM_cert_to_DER_cert((door.certificates / system / "tls.crt").read_text())
    door.system.peers.replace(directory_of(f"{read_certificate(der).serial:x}"))
    assert (await ask(door, b"", path="/metrics", method="GET", system=system))[0] == 403


async def test_a_request_without_a_telegram_is_counted_by_its_reason(door):
    await ask(door, b"no telegram")
    await ask(door, system="desk")
    assert door.refused == [Reason.BAD_FORMAT, Reason.ROLE_NOT_ALLOWED]


async def test_a_systems_own_routes_see_who_is_there(door):
    assert (await ask(door, b"", path="/whoami", method="GET"))[2] == f"{INTERFACE} None".encode()
    seen = (await ask(door, b"", path="/whoami", method="GET", system="desk"))[2]
    assert seen == f"None {('desk', CITY)}".encode()


async def test_while_the_database_is_away_nothing_is_answered_and_one_may_ask_again(door):
    status, headers, body = await ask(door, b"no database")
    assert (status, headers["retry-after"]) == (503, "1")
    assert "database is away" in json.loads(body)["title"]
    assert (await ask(door))[0] == 200


async def test_a_taken_port_is_said_to_be_taken(door):
    second = WebServer(application(door.system, health=door.health), listening(door.certificates, door.port))
    with pytest.raises(PortTaken, match=f"127.0.0.1:{door.port}"):
        await second.run_until_started(asyncio.create_task)
