"""One address for the two instances of a system: HAProxy in front of them, for a country of twins on this machine (N3).

It passes TLS through unread, so that certificates stay end to end, and looks by itself which instance is ready. What a
real site writes stands in `deploy/haproxy.cfg`. Run as a program it keeps HAProxy for as long as its owner lives.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from typing import TYPE_CHECKING

from nakadachi.country.pki import issue, write_secret
from nakadachi.kit import lifeline
from nakadachi.kit.config import ConfigError
from nakadachi.kit.tls import HEALTH_HOST, node_host

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from nakadachi.country.pki import Authority
    from nakadachi.country.plan import Plan

PROXY = "proxy"
"""The proxy's folder below the country's."""
TRIES, TRY_SECONDS = 500, 0.02

_HEAD = """\
global
    maxconn 2000

defaults
    mode tcp
    balance roundrobin
    timeout connect 1s
    timeout client 11m
    timeout server 11m
    timeout check 5s
    retries 3
    option redispatch 1
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host {health} hdr Connection close
    http-check expect status 200
    default-server inter 2s fastinter 500ms downinter 500ms fall 3 rise 1 on-marked-down shutdown-sessions
"""
_SERVER = (
    "    server {name} 127.0.0.1:{port} check check-ssl check-sni {host} verify required verifyhost {host}"
    " ca-file {folder}/authority.crt crt {folder}/{proxy}/proxy.pem"
)


def find_haproxy() -> str:
    """The program. Raises ConfigError where it is not installed."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise ConfigError(
            "twins need HAProxy in front of them, and it is not installed here; on Debian: apt-get install haproxy"
        )
    return program


def write_proxy(folder: Path, plan: Plan, authority: Authority, now: datetime) -> None:
    """The proxy's certificate and configuration, for the places that run as twins; nothing where there are none."""
    twins = [place for place in plan.places if place.twins]
    if not twins:
        return
    own = folder / PROXY
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    issue(authority, HEALTH_HOST, own, now, server=False)
    write_secret(own / "proxy.pem", (own / "tls.crt").read_bytes() + (own / "tls.key").read_bytes())
    lines = [_HEAD.format(health=HEALTH_HOST)]
    for place in twins:
        lines += [f"listen {place.folder}", f"    bind 127.0.0.1:{place.port}"]
        host, where = node_host(place.name), folder.resolve()
        lines += [
            _SERVER.format(name=one.name, port=one.port, host=host, folder=where, proxy=PROXY)
            for one in place.instances
        ]
        lines.append("")
    (own / "haproxy.cfg").write_text("\n".join(lines), encoding="utf-8")


async def keep(program: str, configuration: str, port: int) -> int:
    """Run HAProxy in the foreground until a signal, or until our owner is gone; says when it listens on `port`."""
    process = await asyncio.create_subprocess_exec(program, "-db", "-q", "-f", configuration)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, ended.set)
    lifeline.hold(ended.set)
    try:
        if await _listens(process, port):
            print(f"the proxy listens on 127.0.0.1:{port} and others", flush=True)
            waits = [asyncio.ensure_future(ended.wait()), asyncio.ensure_future(process.wait())]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
    return await process.wait()


async def _listens(process: asyncio.subprocess.Process, port: int) -> bool:
    for _ in range(TRIES):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if process.returncode is not None:
                return False
            await asyncio.sleep(TRY_SECONDS)
            continue
        writer.close()
        return True
    return False


if __name__ == "__main__":
    sys.exit(asyncio.run(keep(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
