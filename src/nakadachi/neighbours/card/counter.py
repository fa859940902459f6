"""窓口: what a municipal counter does in a card's life; each step can be done again where it was cut short (R4).

Order of every step: the authority first, then the card, then the register, whose entry says that it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import msgspec

from nakadachi.kit.clock import Clock
from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.card import life
from nakadachi.neighbours.card.card import Card
from nakadachi.neighbours.card.certifier import Certifier, Holder, Why
from nakadachi.neighbours.card.counter_commands import counter_key
from nakadachi.neighbours.card.entries import write_entries
from nakadachi.neighbours.card.life import CardLife, Entry, Event
from nakadachi.neighbours.card.medium import Medium
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.reader import AtCounter, Channel, Reader
from nakadachi.neighbours.card.register import Register
from nakadachi.neighbours.card.state import CardState
from nakadachi.neighbours.card.texts import CardError, Trouble
from nakadachi.terms import crockford, japan_day

SERIAL_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Counter:
    """市区町村の窓口. `master` is the municipality's key, from which each card's counter key is made."""

    register: Register
    certifier: Certifier
    master: bytes
    clock: Clock
    entropy: Entropy
    staff: str

    async def issue(self, medium: Medium, holder: Holder) -> str:
        """発行: a new card with keys made on it and its certificates, not handed over yet: its serial number.

        Raises CardError. A card that was begun and cut short is finished; one that is whole is refused.
        """
        if not medium.is_there:
            serial = crockford(int.from_bytes(self.entropy.bytes(10), "big"), length=SERIAL_LENGTH)
            medium.create(CardState(serial, self.entropy.bytes(32), counter_key(self.master, serial)))
        card = Card(medium, self.entropy)
        serial = Reader(card).serial()
        if any(one.serial == serial for one in self.register.all()):
            raise CardError(Trouble.OUT_OF_LIFE, "this card was issued already")
        today = self._today()
        until = life.card_until(holder.entries.born, today)
        ends = life.certificates_until(holder.entries.born, today, until)
        with _Opened(self, card, serial) as opened:
            opened.put_entries(write_entries(holder.entries), holder.number)
            entry = Entry(serial, CardLife.PREPARED, today, until, ends)
            entry = await self._certify(entry, opened, holder, Secret.AUTHENTICATION)
            entry = await self._certify(entry, opened, holder, Secret.SIGNATURE)
        self.register.add(entry)
        return serial

    async def hand_over(self, channel: Channel, secrets: Mapping[Secret, str]) -> None:
        """交付: the holder chooses every secret, then the card is theirs. Raises CardError."""
        serial = self._may(channel, Event.HAND_OVER)
        wanted = {Secret.AUTHENTICATION, Secret.SUPPORT}
        if self.register.find(serial).signature:
            wanted.add(Secret.SIGNATURE)
        if set(secrets) != wanted or not all(one.rule.fits(text.encode()) for one, text in secrets.items()):
            raise CardError(Trouble.BAD_SHAPE)
        with _Opened(self, channel, serial) as opened:
            for secret, text in secrets.items():
                opened.set_secret(secret, text)
        self._happened(serial, Event.HAND_OVER)

    async def unlock(self, channel: Channel, secret: Secret, new: str) -> None:
        """再設定: a secret that is locked or forgotten is set anew. Raises CardError."""
        serial = self._may(channel, Event.UNLOCK)
        with _Opened(self, channel, serial) as opened:
            opened.set_secret(secret, new)
        self._happened(serial, Event.UNLOCK)

    async def change(self, channel: Channel, holder: Holder) -> None:
        """券面事項の変更: entries anew; the signature certificate, which holds them, is replaced. Raises CardError."""
        serial = self._may(channel, Event.CHANGE)
        entry = self.register.find(serial)
        if entry.signature:
            await self.certifier.revoke(Secret.SIGNATURE, entry.signature, Why.CHANGED)
        with _Opened(self, channel, serial) as opened:
            opened.put_entries(write_entries(holder.entries), holder.number)
            fresh = await self._certify(entry, opened, holder, Secret.SIGNATURE)
        self._happened(serial, Event.CHANGE, fresh)

    async def renew_certificates(self, channel: Channel, holder: Holder) -> None:
        """電子証明書の更新: new keys and certificates on the same card, from three months before. Raises CardError."""
        serial = self._may(channel, Event.RENEW_CERTIFICATES)
        entry, today = self.register.find(serial), self._today()
        if not life.renewable(entry.certificates_until, today):
            raise CardError(Trouble.OUT_OF_LIFE, "renewal is possible from three months before the end")
        ends = life.certificates_until(holder.entries.born, today, entry.until)
        fresh = msgspec.structs.replace(entry, certificates_until=ends)
        with _Opened(self, channel, serial) as opened:
            fresh = await self._certify(fresh, opened, holder, Secret.AUTHENTICATION, renew=True)
            fresh = await self._certify(fresh, opened, holder, Secret.SIGNATURE, renew=bool(entry.signature))
        self._happened(serial, Event.RENEW_CERTIFICATES, fresh)

    async def stop(self, serial: str) -> None:
        """一時停止: the holder reports the card lost, by telephone at any hour; the card itself is not there."""
        self._require(serial, Event.STOP)
        await self._revoke(serial, Why.HELD)
        self._happened(serial, Event.STOP)

    async def lift(self, serial: str) -> None:
        """一時停止の解除: the card was found again. Raises CardError."""
        entry = self._require(serial, Event.LIFT)
        for secret, one in _certificates(entry):
            await self.certifier.lift(secret, one)
        self._happened(serial, Event.LIFT)

    async def revoke(self, serial: str, event: Event) -> None:
        """廃止: lost for good, damaged, or replaced by a new card; both certificates fall with it. Raises CardError."""
        self._require(serial, event)
        await self._revoke(serial, Why.LOST if event is Event.LOSE else Why.ENDED)
        self._happened(serial, event)

    async def take_back(self, channel: Channel) -> None:
        """返納: the card is wiped and both certificates are revoked. Raises CardError."""
        serial = self._may(channel, Event.RETURN)
        await self._revoke(serial, Why.ENDED)
        try:
            with _Opened(self, channel, serial) as opened:
                opened.end()
        except CardError as wrong:
            if wrong.trouble is not Trouble.OUT_OF_LIFE:
                raise  # else it was wiped before, and only the register has not heard of it
        self._happened(serial, Event.RETURN)

    async def _certify(
        self, entry: Entry, opened: AtCounter, holder: Holder, secret: Secret, *, renew: bool = False
    ) -> Entry:
        """A key made on the card, its certificate put there; for whom there is none, what was there goes."""
        if secret is Secret.SIGNATURE and not self._may_sign(holder):
            opened.remove_certificate(secret)
            return msgspec.structs.replace(entry, signature="")
        made = await self.certifier.certify(secret, opened.make_key(secret), holder, renew=renew)
        opened.put_certificate(secret, made.certificate, made.authority)
        if secret is Secret.SIGNATURE:
            return msgspec.structs.replace(entry, signature=made.serial)
        return msgspec.structs.replace(entry, authentication=made.serial)

    def _may_sign(self, holder: Holder) -> bool:
        return holder.wants_signature and life.age(holder.entries.born, self._today()) >= life.SIGNATURE_AGE

    async def _revoke(self, serial: str, why: Why) -> None:
        for secret, one in _certificates(self.register.find(serial)):
            await self.certifier.revoke(secret, one, why)

    def _may(self, channel: Channel, event: Event) -> str:
        serial = Reader(channel).serial()
        self._require(serial, event)
        return serial

    def _require(self, serial: str, event: Event) -> Entry:
        entry = self.register.find(serial)
        if not life.allowed(entry.state, event):
            raise CardError(Trouble.OUT_OF_LIFE, f"{entry.state.words}: {event.value}")
        return entry

    def _happened(self, serial: str, event: Event, fresh: Entry | None = None) -> None:
        with self.register.turn(serial) as held:
            now = held.entry
            if fresh is not None:
                now = msgspec.structs.replace(
                    now,
                    authentication=fresh.authentication,
                    signature=fresh.signature,
                    certificates_until=fresh.certificates_until,
                )
            held.keep(life.advance(now, event, self.clock.now(), self.staff))

    def _today(self) -> date:
        return japan_day(self.clock.now())


def _certificates(entry: Entry) -> list[tuple[Secret, str]]:
    both = ((Secret.AUTHENTICATION, entry.authentication), (Secret.SIGNATURE, entry.signature))
    return [(secret, serial) for secret, serial in both if serial]


class _Opened:
    """The card opened by the counter's proof, and closed whatever comes."""

    def __init__(self, counter: Counter, channel: Channel, serial: str) -> None:
        self._reader = Reader(channel)
        self._key = counter_key(counter.master, serial)

    def __enter__(self) -> AtCounter:
        return self._reader.at_counter(self._key)

    def __exit__(self, *_: object) -> None:
        self._reader.reset()
