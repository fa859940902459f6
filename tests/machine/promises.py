"""What the country promises in any order of events: checked after each step, and in full once all has come to rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nakadachi.country.plan import ORIGIN
from nakadachi.crypto.notes import note_text
from nakadachi.kit.peers import Peers
from nakadachi.law import directory as directories
from nakadachi.ledger.verify import Keys, verify_log
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json, encode_envelope
from nakadachi.telegrams.envelope import Received, Refused, Telegram
from nakadachi.telegrams.permit import PermitGranted, SerialIssued
from nakadachi.telegrams.proceeding import check_answer
from nakadachi.telegrams.provision import ProvidedItem
from nakadachi.terms import NodeName, Prefix, Role
from tests.invented import AOBA, TSUBAKI
from tests.machine.country import Simulated
from tests.machine.people import EXPECTED
from tests.machine.wire import Fault
from tests.tap import Flight
from tests.world import Told

CLOSED = frozenset({"cancelled", "timed-out", "unknown"})
UNDER_WAY = frozenset({"asked", "held"})
SPOILED = {fault.value for fault in Fault if fault.name.startswith(("FLIP", "CUT", "SWAP"))}


class Broken(AssertionError):  # noqa: N818  what is broken is a promise
    """A promise that was not kept."""


@dataclass
class Promises:
    """What was seen so far of one country, and whether it fits."""

    land: Simulated
    finals: dict[tuple[NodeName, NodeName, str], bytes] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)
    ended: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    roots: dict[int, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    rotations: set[bool] = field(default_factory=set)
    """Whether keys of the inquirer's were replaced, True after a compromise."""
    _open: list[Flight] = field(default_factory=list)
    _read: int = 0
    _heads: int = 0

    @property
    def inquirer(self) -> NodeName:
        """Who asks."""
        return self.land.name(Role.INTERMEDIATE, TSUBAKI)

    @property
    def provider(self) -> NodeName:
        """Who is asked."""
        return self.land.name(Role.INTERMEDIATE, AOBA)

    @property
    def core(self) -> NodeName:
        """The core."""
        return self.land.name(Role.CORE)

    # After each step

    async def step(self) -> None:
        """What must hold at any moment."""
        self.wire()
        await self._what_ended_stays()
        await self._heads_are_of_the_log()

    def told(self, addressee: str, told: Told) -> None:
        """What an existing system was told of a person: their own values, or a reason there was."""
        if told.status == "answered":
            given = {item: value.get("value") for item, value in told.items.items()}
            require(given == EXPECTED[addressee].values, f"{told.serial}: another's values, or not all: {given}")
        elif told.status == "refused":
            self._reason(str(told.serial), addressee, told.reason)
        else:
            require(told.status in {"pending", *CLOSED}, f"{told.serial}: told {told.status}")
            require(not told.items, f"{told.serial}: {told.status}, but with values")

    def _reason(self, serial: str, addressee: str, reason: str | None, *, listed: bool = True) -> None:
        reasons = EXPECTED[addressee.lstrip("0")].reasons if listed else frozenset({Reason.NOT_IN_TABLE.value})
        require(
            reason in reasons | self._reasons_of_faults(), f"{serial}: refused for {reason}, not for {set(reasons)}"
        )

    def _reasons_of_faults(self) -> frozenset[str]:
        """Why an inquiry may be refused only because something went wrong."""
        met = self.land.network.weather.met
        reasons = set()
        if met:
            reasons |= {Reason.TIMED_OUT, Reason.PERMIT_EXPIRED, Reason.NO_WITNESS, Reason.PROVIDER_STOPPED}
        if "clock set" in met:
            reasons |= {Reason.PERMIT_INVALID}  # given at a time that the provider's clock has not seen yet
        reasons |= {Reason.BAD_SIGNATURE, Reason.BAD_FORMAT} if SPOILED & met.keys() else set()
        # Former codes are refused at once after a compromise, else once the key is retired, a day and an hour later.
        reasons |= {Reason.SUSPENDED, Reason.CODE_NOT_ISSUED} if True in self.rotations else set()
        reasons |= {Reason.CODE_NOT_ISSUED} if self.rotations and "clock set" in met else set()
        return frozenset(one.value for one in reasons)

    def wire(self) -> None:
        """No serial twice; the final answer to a telegram is always the same."""
        flights = self.land.network.flights
        self._open += flights[self._read :]
        self._read = len(flights)
        still: list[Flight] = []
        for flight in self._open:
            if flight.answer is None:
                still.append(flight)
            elif not flight.path:
                self._answered(flight)
        self._open = still

    def _answered(self, flight: Flight) -> None:
        try:
            pairs = list(flight.pairs)
        except Refusal:
            return
        for asked, answer in pairs:
            if isinstance(answer.header, Refused) or not _fits(asked.header, answer.header):
                continue
            if not self._genuine(answer):
                continue  # a relay passes on what was altered before it came: only the addressee can tell that it was
            key = (flight.to, asked.header.author, asked.header.id.value)
            same = self.finals.setdefault(key, _final(answer)) == _final(answer)
            require(same, f"{type(asked.header).__name__} got two different answers at {flight.to}")
            if isinstance(answer.header, SerialIssued):
                for serial in answer.header.serials:
                    former = self.serials.setdefault(serial.value, asked.header.id.value)
                    require(former == asked.header.id.value, f"{serial} was issued twice")

    def _genuine(self, answer: Received) -> bool:
        """Whether its author signed it as it is."""
        try:
            _peers(self._note()).verify(answer)
        except Refusal:
            return False
        return True

    async def _what_ended_stays(self) -> None:
        rows = await self.land.rows(
            self.inquirer, "SELECT serial, state, reason, answer, addressee, prefix FROM inquiry"
        )
        for row in rows:
            now = (row["state"], row["reason"], row["answer"])
            if row["serial"] in self.ended:
                require(self.ended[row["serial"]] == now, f"{row['serial']} ended, and then changed")
            elif row["state"] not in UNDER_WAY:
                self.ended[row["serial"]] = now
                self._ended_rightly(row)

    def _ended_rightly(self, row: dict[str, Any]) -> None:
        listed = decode_json(row["prefix"], Prefix).information.value.endswith("2")
        if row["state"] == "answered":
            items = decode_json(row["answer"], tuple[ProvidedItem, ...])
            values = {one.item.value: one.value for one in items}
            require(
                listed and values == EXPECTED[row["addressee"].lstrip("0")].values,
                f"{row['serial']}: not their own values",
            )
        elif row["state"] == "refused":
            self._reason(row["serial"], row["addressee"], row["reason"], listed=listed)
        elif row["state"] == "cancelled":
            require(row["serial"] in self.cancelled, f"{row['serial']} is cancelled, but nobody cancelled it")
        else:
            require(row["state"] in CLOSED and self.land.network.weather.met, f"{row['serial']} ended {row['state']}")

    async def _heads_are_of_the_log(self) -> None:
        """Each head cosigned is of the log's first entries, and the log only grows."""
        heads = await self.land.rows(
            self.core, "SELECT size, note FROM log_cosigned ORDER BY at, size OFFSET $1", self._heads
        )
        self._heads += len(heads)
        new = {row["size"]: row["note"] for row in heads if self.roots.get(row["size"]) != _root(row["note"])}
        if not new:
            return
        entries = [
            row["entry"] for row in await self.land.rows(self.core, "SELECT entry FROM log_entry ORDER BY index")
        ]
        for size, note in new.items():
            verdict = verify_log(map(bytes, entries[:size]), note, self.keys())
            require(verdict.ok, f"the head of size {size}: {verdict.problems}")
            require(self.roots.setdefault(size, _root(note)) == _root(note), f"two heads of size {size}")

    def keys(self) -> Keys:
        """The published keys of the log and its witness."""
        directory = _peers(self._note()).directory
        (witness,) = directory.witness_keys()
        return Keys((directory.log_key(ORIGIN),), (witness,))

    def _note(self) -> bytes:
        return (self.land.country.folder / "directory.note").read_bytes()


@cache
def _peers(note: bytes) -> Peers:
    """Who is who by a directory as it was signed."""
    return Peers(directories.parse(note_text(note).removesuffix("\n").encode()))


def require(kept: object, otherwise: str) -> None:
    """A promise. Raises Broken."""
    if not kept:
        raise Broken(otherwise)


def _fits(asked: Telegram, answer: Telegram) -> bool:
    """Whether it is an answer to this at all: one that was swapped on the wire is passed on by relays, and counts for
    nobody.
    """
    try:
        check_answer(asked, answer)
    except Refusal:
        return False
    return True


def _final(answer: Received) -> bytes:
    """What may not differ between two answers to one telegram: all of it, but a permit may be proven anew."""
    if isinstance(answer.header, PermitGranted):
        return repr(answer.header.outcomes).encode()
    return encode_envelope(answer.envelope)


def _root(note: str) -> str:
    return note.split("\n")[2]
