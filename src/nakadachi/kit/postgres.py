"""PostgreSQL for every system on this machine: an embedded server, or the one DATABASE_URL names, and its tenants.

One tenant is one schema, one database user and one password, and sees no other tenant's rows (design 4). It never knows
what a tenant stores.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from nakadachi.kit import postgres_process
from nakadachi.kit.entropy import Entropy, SystemEntropy
from nakadachi.kit.postgres_files import Place, PostgresError, find_binaries, prepare
from nakadachi.kit.postgres_process import Running

__all__ = ["EmbeddedPostgres", "GivenPostgres", "PostgresError", "PostgresServer", "choose", "embedded"]

_TENANT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_RESERVED = re.compile(r"pg_.*|postgres|public|information_schema|nakadachi")
_DATABASE = "nakadachi"
BUFFERS = "128MB"
"""Shared memory that keeps pages: enough for a country on one machine."""


class PostgresServer(ABC):
    """What both kinds of server do: give addresses and keep tenants.

    Passwords lie in `secrets`, one file of mode 0600 each.
    """

    def __init__(self, secrets: Path, entropy: Entropy) -> None:
        """Keep generated passwords in `secrets`."""
        self._secrets = secrets
        self._entropy = entropy

    @abstractmethod
    async def start(self) -> None:
        """Make it ready to use; nothing happens where it is. Raises PostgresError."""

    @abstractmethod
    async def stop(self) -> None:
        """Let it go; nothing happens where it was not started."""

    @abstractmethod
    def dsn(self, *, user: str, password: str) -> str:
        """The address of the database for `user`, as asyncpg takes it. It holds the password: never log it."""

    @abstractmethod
    def admin_dsn(self) -> str:
        """The address for the administrator who makes tenants. It holds a password: never log it."""

    async def create_tenant(self, name: str) -> str:
        """The address of tenant `name`; its schema, user and password are made if missing, and nothing else is changed.

        `name`: 1 to 63 of a-z, 0-9 and _, beginning with a letter. Raises ValueError for another, PostgresError where
        the server cannot do it.
        """
        _check(name)
        try:
            return await self._create_tenant(name)
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            return await self._create_tenant(name)

    async def _create_tenant(self, name: str) -> str:
        password, fresh = self._password(name)
        # The role comes first: of two that make one tenant at once, the second waits there, and then finds all of it.
        async with self._administrator() as admin, admin.transaction():
            known = await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name)
            if not known:
                await admin.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{self._verifier(password)}'")
            elif fresh:
                await admin.execute(f"ALTER ROLE \"{name}\" PASSWORD '{self._verifier(password)}'")
            owner = await admin.fetchval("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = $1", name)
            if owner is None:
                await admin.execute(f'GRANT "{name}" TO CURRENT_USER')  # whoever gives a schema away must be its member
                await admin.execute(f'ALTER ROLE "{name}" SET search_path = "{name}"')
                await admin.execute(f'CREATE SCHEMA "{name}" AUTHORIZATION "{name}"')
            elif owner != name:
                raise PostgresError(f"schema {name} belongs to {owner}: give it and its tables to {name}, or drop it")
        return self.dsn(user=name, password=password)

    async def drop_tenant(self, name: str) -> None:
        """Remove tenant `name` and all it stored; nothing happens where there is none. Raises as create_tenant."""
        _check(name)
        async with self._administrator() as admin:
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", name)
            await admin.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')
            await admin.execute(f'DROP ROLE IF EXISTS "{name}"')
        (self._secrets / name).unlink(missing_ok=True)

    @asynccontextmanager
    async def _administrator(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            admin = await asyncpg.connect(self.admin_dsn(), timeout=10)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise PostgresError(f"PostgreSQL cannot be reached ({type(error).__name__}): is it running?") from error
        try:
            yield admin
        except asyncpg.InsufficientPrivilegeError as error:
            raise PostgresError(
                f"the user of DATABASE_URL may not do this ({error}): it needs CREATEROLE and CREATE on the database"
            ) from error
        except asyncpg.DiskFullError as error:
            raise PostgresError("the disk of the database is full: free some space") from error
        finally:
            await admin.close()

    def _password(self, name: str) -> tuple[str, bool]:
        """The password kept for `name`, and whether it was made now. Two processes asking at once get the same one."""
        file = self._secrets / name
        if file.exists():
            return file.read_text(), False
        self._secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".", dir=self._secrets)  # mode 0600
        with os.fdopen(descriptor, "w") as out:
            out.write(self._entropy.bytes(24).hex())
        try:
            Path(file).hardlink_to(draft)
        except FileExistsError:
            return file.read_text(), False
        finally:
            Path(draft).unlink()
        return file.read_text(), True

    def _verifier(self, password: str) -> str:
        """The password as PostgreSQL stores it (RFC 5803), so that no statement and no log ever holds the password."""
        salt, rounds = self._entropy.bytes(16), 4096
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        server = hmac.digest(salted, b"Server Key", "sha256")
        b64 = [base64.b64encode(part).decode() for part in (salt, stored, server)]
        return f"SCRAM-SHA-256${rounds}:{b64[0]}${b64[1]}:{b64[2]}"


class EmbeddedPostgres(PostgresServer):
    """A PostgreSQL of our own below `state`: no TCP, a private socket, a password for every user. It stops when we end.

    It stops too when we are killed. Two servers need two state directories; data stay over restarts.
    """

    def __init__(self, state: Path, *, entropy: Entropy = SystemEntropy(), buffers: str = BUFFERS) -> None:
        """Name the place, and how much memory keeps pages (shared_buffers); nothing happens before `start`."""
        super().__init__(state / "postgres" / "secrets", entropy)
        self._state, self._buffers = state, buffers
        self._place: Place | None = None
        self._running: Running | None = None

    async def start(self) -> None:
        """Make the cluster if there is none, start it, wait until it answers; nothing happens where it runs.

        Raises PostgresError.
        """
        if self._running and self._running.server.poll() is not None:
            await self.stop()  # it was killed: what is left of it goes first
        if self._running:
            return
        self._place, self._running = await asyncio.to_thread(self._launch)
        try:
            await self._open_house()
        except BaseException:
            await self.stop()
            raise

    def locate(self) -> Place:
        """Its directories, also where another process runs it; from then on it has addresses. Raises PostgresError."""
        self._place = self._place or prepare(self._state)
        return self._place

    async def stop(self) -> None:
        """End the server; nothing happens where it does not run."""
        running, self._running = self._running, None
        if running:
            await asyncio.to_thread(postgres_process.stop, running)

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._running is not None and self._running.server.poll() is None

    def dsn(self, *, user: str, password: str) -> str:
        """The address of the database for `user` through the private socket. It holds the password: never log it."""
        return self._address(user, password, _DATABASE)

    def admin_dsn(self) -> str:
        """The address for the administrator who makes tenants. It holds a password: never log it."""
        return self._address("postgres", self._password("postgres")[0], _DATABASE)

    def _address(self, user: str, password: str, database: str) -> str:
        if not self._place:
            raise PostgresError("the embedded PostgreSQL has not been started")
        who = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@/{database}?host={quote(str(self._place.sockets))}"

    def _launch(self) -> tuple[Place, Running]:
        place = prepare(self._state)
        held = postgres_process.lock(place)
        try:
            binaries = find_binaries(place)
            if not place.data.exists():
                postgres_process.initialise(place, binaries, self._password("postgres")[0])
            return place, postgres_process.launch(place, binaries, held, buffers=self._buffers)
        except BaseException:
            held.close()
            raise

    async def _open_house(self) -> None:
        """A database of ours, in which a user may do nothing outside their own schema."""
        address = self._address("postgres", self._password("postgres")[0], "postgres")
        try:
            first = await asyncpg.connect(address, timeout=10)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise PostgresError(
                f"PostgreSQL started but does not let us in ({type(error).__name__}): {self._secrets / 'postgres'} "
                "must hold the password that the data were made with"
            ) from error
        try:
            if not await first.fetchval("SELECT true FROM pg_database WHERE datname = $1", _DATABASE):
                await first.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
                await first.execute(f'CREATE DATABASE "{_DATABASE}"')
        finally:
            await first.close()
        async with self._administrator() as admin:
            await admin.execute(f'REVOKE TEMPORARY ON DATABASE "{_DATABASE}" FROM PUBLIC')
            await admin.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


class GivenPostgres(PostgresServer):
    """A PostgreSQL that somebody else runs, by its URL; the URL's user needs CREATEROLE and CREATE on the database."""

    def __init__(self, url: str, secrets: Path, *, entropy: Entropy = SystemEntropy()) -> None:
        """`url`: postgresql://user:password@host:port/database. Raises PostgresError for another form."""
        super().__init__(secrets, entropy)
        if urlsplit(url).scheme not in {"postgres", "postgresql"}:
            raise PostgresError("DATABASE_URL must read postgresql://user:password@host:port/database")
        self._url = url

    async def start(self) -> None:
        """See that it can be reached. Raises PostgresError."""
        async with self._administrator():
            pass

    async def stop(self) -> None:
        """Leave it running: it is not ours."""

    def dsn(self, *, user: str, password: str) -> str:
        """The given URL with another user. It holds the password: never log it."""
        parts = urlsplit(self._url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}"))

    def admin_dsn(self) -> str:
        """The given URL."""
        return self._url


def choose(state: Path, *, environment: Mapping[str, str] = os.environ, buffers: str = BUFFERS) -> PostgresServer:
    """The server that DATABASE_URL names, else an embedded one below `state`; not started yet.

    Passwords of tenants are kept below `state` in both cases. Raises PostgresError where DATABASE_URL cannot be read.
    """
    url = environment.get("DATABASE_URL")
    if url:
        return GivenPostgres(url, state / "postgres" / "secrets")
    return EmbeddedPostgres(state, buffers=buffers)


@asynccontextmanager
async def embedded(
    state: Path, *, environment: Mapping[str, str] = os.environ, buffers: str = BUFFERS
) -> AsyncIterator[PostgresServer]:
    """What `choose` gives, started for the time of the block. Raises PostgresError."""
    server = choose(state, environment=environment, buffers=buffers)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def _check(name: str) -> None:
    if not _TENANT.fullmatch(name) or _RESERVED.fullmatch(name):
        shape = "1 to 63 of a-z, 0-9 and _, beginning with a letter, not reserved"
        raise ValueError(f"{name[:80]!r} is no tenant's name: {shape}")
