"""A public certification service that runs for a test: real PostgreSQL, real TLS, a clock that the test moves."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from nakadachi.country.pki import Authority, issue, new_authority
from nakadachi.kit.clock import FixedClock
from nakadachi.neighbours.jpki.changes import holder_of
from nakadachi.neighbours.jpki.client import ClientConfig, JpkiClient, open_client
from nakadachi.neighbours.jpki.config import JpkiConfig, VerifierConfig
from nakadachi.neighbours.jpki.faults import Fault, NotAccepted
from nakadachi.neighbours.jpki.items import Birth
from nakadachi.neighbours.jpki.parts import Settings
from nakadachi.neighbours.jpki.profile import Algorithm, Kind, PrivateKey
from nakadachi.neighbours.jpki.reading import HolderCertificate, read_certificate
from nakadachi.neighbours.jpki.rules import Change, Holder, ResidentChange
from nakadachi.neighbours.jpki.service import JpkiService, build
from nakadachi.neighbours.jpki.words import CertificateWords, IssueWords, ItemsWords
from tests.certified import NOW

SERVER = "registry.9930000000000001.nakadachi.internal"
PORTAL = "portal.9920000000000001.nakadachi.internal"
COUNTER = "counter.existing.9901000000000001.nakadachi.internal"
REGISTER = "register.existing.9930000000000001.nakadachi.internal"
STRANGER = "stranger.existing.9901000000000001.nakadachi.internal"
SECRET = b"a key of the register, for tests only"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who does not exist: a resident record code, and keys as a card would hold them."""

    code: str
    name: str = "見本 花子"
    address: str = "東京都千代田区見本町一丁目1番1号"
    sex: str = "2"
    born: date = date(1990, 1, 2)

    @property
    def holder(self) -> Holder:
        return holder_of(SECRET, self.code)


@dataclass(slots=True)
class Certifying:
    """The running service, and clients of it."""

    service: JpkiService
    clock: FixedClock
    folder: Path
    authority: Authority
    server: str
    numbers: count[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def client(self, host: str) -> AsyncIterator[JpkiClient]:
        """Connect as whoever has the certificate of `host`."""
        async with open_client(self.client_config(host), clock=self.clock) as client:
            yield client

    def client_config(self, host: str) -> ClientConfig:
        """How whoever has the certificate of `host` connects."""
        folder = self.folder / host
        if not folder.exists():
            folder.mkdir()
            issue(self.authority, host, folder, datetime.now(UTC), server=False)
        return ClientConfig(self.server, folder / "tls.crt", folder / "tls.key", self.folder / "ca.pem", SERVER)

    async def come_back(self) -> None:
        """Start again where it was, after it was stopped."""
        self.service = await build(self.service.access.config, clock=self.clock)
        await self.service.start()

    def application(
        self, person: Person, kind: Kind, key: PrivateKey, *, renew: bool = False, ward: bool = False, request: str = ""
    ) -> IssueWords:
        """What a counter sends for a person."""
        items = ItemsWords(person.name, person.address, person.sex) if kind is Kind.SIGNATURE else None
        return IssueWords(
            request or f"request-{next(self.numbers)}", kind, person.holder.value, "131016", "Tokyo-to", "Chiyoda-ku",
            certification(key), Birth.of(person.born).text, items, ward=ward, renew=renew,
        )  # fmt: skip

    async def issue(self, person: Person, kind: Kind, key: PrivateKey | None = None, **more: bool) -> CertificateWords:
        """A new certificate for a new key."""
        async with self.client(COUNTER) as client:
            return await client.issue(
                self.application(person, kind, key or self.service.jpki.settings.algorithm.new_key(), **more)
            )


def certification(key: PrivateKey) -> bytes:
    """A card's request: it shows that it can sign with the key."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(key, SHA256())
        .public_bytes(Encoding.DER)
    )


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@asynccontextmanager
async def certifying(dsn: str, folder: Path, settings: Settings | None = None) -> AsyncIterator[Certifying]:
    """A service that has just been founded. P-256 unless told otherwise: RSA keys take long to make."""
    now, clock = datetime.now(UTC), FixedClock(NOW)
    authority = new_authority("nakadachi test authority", now)
    (folder / "ca.pem").write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    (folder / "dsn").write_text(dsn, encoding="utf-8")
    (folder / "unlock").write_bytes(b"unlocks the key store of a test")
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "server").mkdir(exist_ok=True)
    issue(authority, SERVER, folder / "server", now, server=True)
    config = JpkiConfig(
        f"127.0.0.1:{free_port()}", folder / "dsn", folder / "server" / "tls.crt", folder / "server" / "tls.key",
        folder / "ca.pem", folder / "keys", folder / "unlock", (COUNTER,), (REGISTER,), (),
        (VerifierConfig(PORTAL, linkage=True),), settings or Settings(algorithm=Algorithm.P_256), connections=4,
    )  # fmt: skip
    town = Certifying(await build(config, clock=clock), clock, folder, authority, f"https://{config.listen}")
    await town.service.start()
    try:
        yield town
    finally:
        await town.service.stop()


def read(told: CertificateWords) -> HolderCertificate:
    return read_certificate(told.kind, told.certificate)


async def both(town: Certifying, person: Person) -> tuple[HolderCertificate, HolderCertificate]:
    """A person's two certificates."""
    return read(await town.issue(person, Kind.SIGNATURE)), read(await town.issue(person, Kind.AUTHENTICATION))


async def fault(client: JpkiClient, certificate: HolderCertificate, *, by_list: bool = False) -> Fault | None:
    """Why the portal does not accept a certificate now; None: it does."""
    anchors = await client.anchors()
    try:
        await (client.check_by_list if by_list else client.check)(certificate, anchors)
    except NotAccepted as refused:
        return refused.fault
    return None


async def tell(town: Certifying, person: Person, change: Change, event: str) -> int:
    async with town.client(REGISTER) as register:
        return await register.resident_changed([ResidentChange(event, person.holder, change, town.clock.now())])
