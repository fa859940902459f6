"""公的個人認証への異動の引渡し: tells the certification service that something changed for residents (R2, R3).

Events put changes into a queue in their own transaction; a change leaves it once the service has heard it. One that was
heard and not taken from the queue is told again, which has no effect there. The service learns a keyed reference of the
person, a keyed number of the event, a kind of change and a time: never a code, a number or an item.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.kit.every import Every
from nakadachi.kit.log import logger
from nakadachi.neighbours import certificate_store as store
from nakadachi.neighbours.jpki.changes import holder_of, resident_change
from nakadachi.neighbours.jpki.client import ClientConfig, JpkiError, open_client

if TYPE_CHECKING:
    from nakadachi.kit.database import Database
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.keystore import KeyStore
    from nakadachi.neighbours.jpki.changes import ChangeListener
    from nakadachi.neighbours.jpki.rules import Holder, ResidentChange
    from nakadachi.terms import NodeName

HOLDER_KEY = "holder-key"
SECRET_BYTES = 32
AT_ONCE = 200
"""Changes in one request: the service applies them in one transaction, well within the time of an answer."""


def holder_secret(keys: KeyStore, entropy: Entropy) -> bytes:
    """利用者の参照の鍵: by which only the register names residents to the service; made where there is none yet."""
    if not keys.has(HOLDER_KEY):
        keys.put(HOLDER_KEY, entropy.bytes(SECRET_BYTES))
    return keys.secret(HOLDER_KEY)


def holder_of_person(secret: bytes, person: int) -> Holder:
    """利用者の参照 of a resident, by the register's own number for them, which outlives every code and number."""
    return holder_of(secret, str(person))


class CertificateTelling:
    """Looks every few seconds for changes that the service was not told, and tells them in order."""

    def __init__(self, database: Database, config: ClientConfig, secret: bytes, seconds: float, name: NodeName) -> None:
        self._database, self._config, self._secret, self._name = database, config, secret, name
        self._every = Every(seconds, self.turn, node=name)
        self._away = False

    async def start(self) -> None:
        """Begin."""
        await self._every.start()

    async def stop(self) -> None:
        """End; what is queued stays queued."""
        await self._every.stop()

    async def turn(self) -> int:
        """Tell all that waits; where the service is away or refuses, it stays for the next turn. How many were told."""
        if not await self._waiting(1):
            return 0
        try:
            async with open_client(self._config) as client:
                many = await self._tell(client)
        except JpkiError as wrong:
            if not self._away:  # once: the next turns would only say it again
                logger().warning("certificates.wait", node=self._name.value, detail=str(wrong))
            self._away = True
            return 0
        if self._away:
            logger().warning("certificates.told", node=self._name.value, count=many)
        self._away = False
        return many

    async def _tell(self, listener: ChangeListener) -> int:
        many = 0
        while some := await self._waiting(AT_ONCE):
            await listener.resident_changed([self._said(one) for one in some])
            async with self._database.transaction() as connection:
                await store.told(connection, [one.place for one in some])
            many += len(some)
        return many

    def _said(self, one: store.Waiting) -> ResidentChange:
        holder = holder_of_person(self._secret, one.person)
        return resident_change(self._secret, one.event, one.change, holder, one.at)

    async def _waiting(self, most: int) -> list[store.Waiting]:
        async with self._database.acquire() as connection:
            return await store.next_ones(connection, most)
