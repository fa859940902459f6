"""What the tests of the command line share: real certificates, and a door of the test's own behind real TLS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner, Result

from nakadachi.cli import app
from nakadachi.desk import client
from nakadachi.kit.listening import Listening, WebServer
from nakadachi.kit.tls import existing_host, node_host
from nakadachi.terms import NodeName, OrganisationCode

NODE = NodeName("intermediate:9901000000000003")
OTHER = NodeName("intermediate:9901000000000004")


@dataclass(frozen=True)
class Authority:
    """An issuer of certificates in a folder of its own."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / "ca.crt"

    def issue(self, name: str, host: str) -> tuple[Path, Path]:
        """Certificate and key for a host name, as files."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _builder(name, self.certificate.subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        certificate, secret = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, secret


def _builder(name: str, issuer: x509.Name | None, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )


def new_authority(folder: Path) -> Authority:
    """A fresh authority; nobody knows it."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    made = _builder(folder.name, None, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = Authority(folder, key, made.sign(key, hashes.SHA256()))
    authority.file.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    return authority


@dataclass
class Door:
    """The test's own end of the wire: answers what it is told to, and remembers what it was asked."""

    url: str = ""
    answer: Callable[[Request], Awaitable[Response]] | None = None
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    body: bytes = b""

    def say(self, response: Response) -> None:
        """Read the whole request, then answer this."""

        async def answer(request: Request) -> Response:
            self.body = await request.body()
            return response

        self.answer = answer

    async def handle(self, request: Request) -> Response:
        self.asked.append((request.method, request.url.path, dict(request.query_params)))
        assert self.answer is not None
        return await self.answer(request)


@contextmanager
def serving(door: Door, listening: Listening) -> Iterator[None]:
    """A door that listens, in a thread of its own."""
    app = Starlette(routes=[Route("/existing/{rest:path}", door.handle, methods=["GET", "POST"])])
    server = WebServer(app, listening)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    door.url = f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def _listening_door(authority: Authority) -> Iterator[Door]:
    made = Door()
    with serving(made, Listening("127.0.0.1", 0, *authority.issue("node", node_host(NODE)), authority.file)):
        yield made


@pytest.fixture
def door(_listening_door: Door) -> Door:
    """A door behind the certificate of NODE; it has been asked nothing yet."""
    _listening_door.asked.clear()
    _listening_door.answer = None
    _listening_door.body = b""
    return _listening_door


WriteDesk = Callable[..., Path]


@pytest.fixture
def write_desk(tmp_path: Path, authority: Authority, door: Door) -> WriteDesk:
    """Write a desk's configuration; what is named differs from one that works."""
    certificate, key = authority.issue("desk", existing_host("desk", OrganisationCode(NODE.value[-16:])))

    def write(**changed: object) -> Path:
        keys = {
            "server": door.url,
            "node": NODE.value,
            "certificate": certificate,
            "key": key,
            "authority": authority.file,
            **changed,
        }
        path = tmp_path / "desk.toml"
        path.write_text("".join(f'{name} = "{value}"\n' for name, value in keys.items()))
        return path

    return write


@pytest.fixture
def desk(write_desk: WriteDesk, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working desk, named by the environment."""
    path = write_desk()
    monkeypatch.setenv("NAKADACHI_DESK", str(path))
    return path


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked again is asked at once."""
    monkeypatch.setattr(client, "PAUSES", (0.0,) * len(client.PAUSES))


def nakadachi(*words: object, given: str | None = None) -> Result:
    """Run the command line; `given` is what is typed."""
    return CliRunner().invoke(app, [str(word) for word in words], input=given)


@pytest.fixture(name="nakadachi")
def _nakadachi() -> Callable[..., Result]:
    return nakadachi


@pytest.fixture
def strangers(tmp_path: Path) -> Authority:
    """An authority that nobody else knows."""
    return new_authority(tmp_path / "strangers")


@pytest.fixture
def impostor(authority: Authority) -> Iterator[Door]:
    """A door behind the certificate of another node of the same network."""
    made = Door()
    with serving(made, Listening("127.0.0.1", 0, *authority.issue("other", node_host(OTHER)), authority.file)):
        yield made
