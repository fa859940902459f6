"""A system's ordinary command, in a process that kills itself, or its PostgreSQL, where it was told to.

`python serve_with_kill.py <role> serve --config <file>`: before every leg and after it the process looks for orders
beside its configuration. An order that fits is crossed out and carried out, once; none of this is in the product.
The lease of the log and turns of the clock are shorter than an operator's, so that hundreds of deaths take minutes;
pauses between repetitions are configured (see realm.py).
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from nakadachi import cli, node
from nakadachi.core import key_rules
from nakadachi.core import service as core
from nakadachi.interface import service as interface
from nakadachi.kit import outbox, suspect
from nakadachi.kit.client import HttpWire
from nakadachi.kit.server import System
from nakadachi.ledger import log
from nakadachi.refusal import Refusal
from nakadachi.telegrams.codec import decode_frame
from nakadachi.terms import NodeName

ORDERS, DONE = "kill.json", "killed.json"
FOLDER = Path(sys.argv[sys.argv.index("--config") + 1]).parent if "--config" in sys.argv else Path()


def names(frame: bytes) -> list[tuple[str, str]]:
    """The telegrams of a frame, and who wrote each."""
    try:
        return [(type(one.header).__name__, one.header.author.value) for one in decode_frame(frame)]
    except Refusal:
        return []


def may_kill(moment: str, peer: NodeName, telegrams: Iterable[tuple[str, str]]) -> None:
    """Carry out the orders for this moment, if there are any."""
    file = FOLDER / ORDERS
    if not file.exists():
        return
    orders = json.loads(file.read_text())
    for order in orders:
        fits = order["moment"] == moment and order["peer"] == peer.value
        if fits and (order["telegram"], order["author"]) in telegrams:
            cross_out(order, [other for other in orders if other is not order])
            kill(order["postmaster"])
            return


def cross_out(order: dict[str, Any], left: list[dict[str, Any]]) -> None:
    """Before anything dies, so that it dies once: what was done goes on one list, what is left on the other."""
    done = FOLDER / DONE
    former = json.loads(done.read_text()) if done.exists() else []
    for name, orders in ((DONE, [*former, order]), (ORDERS, left)):
        draft = FOLDER / f"{name}.new"
        draft.write_text(json.dumps(orders))
        draft.replace(FOLDER / name)


def kill(postmaster: str | None) -> None:
    """SIGKILL for this process, or for PostgreSQL: the postmaster (which could start others), then its children."""
    if postmaster is None:
        os.kill(os.getpid(), signal.SIGKILL)
        return
    server = int(Path(postmaster).read_text().partition("\n")[0])
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    for number in (server, *map(int, children)):
        os.kill(number, signal.SIGKILL)


class DeadlyWire(HttpWire):
    """The real wire, with the sender's moments."""

    async def post(self, to: NodeName, url: str, body: bytes, *, seconds: float) -> bytes:
        """See Wire."""
        may_kill("before sending", to, names(body))
        answer = await super().post(to, url, body, seconds=seconds)
        may_kill("answer unread", to, names(body))
        return answer


def watched(receive: Any) -> Any:
    """The one path of telegrams into a system, with the receiver's moments."""

    @functools.wraps(receive)
    async def deadly(self: System[Any], raw: bytes, hop: NodeName) -> Any:
        may_kill("on receipt", hop, names(raw))
        answers = await receive(self, raw, hop)
        may_kill("answer unsent", hop, names(raw))
        return answers

    return deadly


def hasten() -> None:
    """Nothing that waits for somebody to come back waits for long; what is done now and then is done each second."""
    outbox.FIRST_PAUSE = timedelta(seconds=5)
    log.LEASE, log.RENEW_SECONDS = timedelta(seconds=2), 0.5
    core.OVERDUE_SECONDS = interface.HEADS_SECONDS = 1.0
    key_rules.ROUTINE_PEOPLE = 10  # some hundred people have as many telegrams as otherwise some ten thousand
    suspect.AGAIN = timedelta()  # a door tells of the same node each time: there are more deaths than nodes


if __name__ == "__main__":
    hasten()
    node.World = functools.partial(node.World, wire=lambda _name, context: DeadlyWire(context))
    System.receive = watched(System.receive)
    cli.main()
