"""Lists a new log of the core in a sample country: a directory signed by both, and the core's configuration.

In a real network the core and the Commission sign the new directory where their document keys are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from nakadachi.commission.service import CommissionConfig
from nakadachi.core.service import CoreConfig
from nakadachi.country.founding import CONFIG
from nakadachi.country.plan import COMMISSION_DOCUMENTS, CORE_DOCUMENTS
from nakadachi.crypto.notes import NoteSigner, note_text
from nakadachi.kit.config import ConfigError, load
from nakadachi.law import directory as directories
from nakadachi.law.directory import LogOrigin
from nakadachi.ledger.edition import sign_document
from nakadachi.node import open_keys
from nakadachi.terms import Role, japan_day

if TYPE_CHECKING:
    from pathlib import Path

    from nakadachi.node import World

DIRECTORY = "directory.note"


@dataclass(frozen=True, slots=True)
class NewLog:
    """A new log of the core: its name, its verifier key (C2SP vkey), the name of its key in the key store."""

    origin: str
    vkey: str
    key: str


def list_log(country: Path, log: NewLog, world: World) -> int:
    """Write the next directory, with the new log beside those before: its version.

    The old logs stay listed, so that permits issued under them still verify. Raises ConfigError where `country` is no
    sample country of ours.
    """
    file = country / DIRECTORY
    try:
        now = directories.parse(note_text(file.read_bytes()).strip().encode())
        signers = [
            _signer(country, Role.CORE, CORE_DOCUMENTS, world),
            _signer(country, Role.COMMISSION, COMMISSION_DOCUMENTS, world),
        ]
    except (OSError, IndexError) as wrong:
        raise ConfigError(f"{country}: is no sample country: its directory or a document key is not there") from wrong
    listed = LogOrigin(origin=log.origin, verifier_key=log.vkey)
    nodes = tuple(
        msgspec.structs.replace(one, logs=(*one.logs, listed)) if one.name.role is Role.CORE else one
        for one in now.nodes
    )
    following = replace(now, version=now.version + 1, effective=japan_day(world.clock.now()), nodes=nodes)
    _write(file, sign_document(following.to_bytes(), *signers))
    return following.version


def configure_log(config: Path, log: NewLog) -> None:
    """Write the new origin and its key into the core's configuration. Raises ConfigError where it names no origin."""
    text = config.read_text(encoding="utf-8")
    lines = f"origin = {json.dumps(log.origin)}\nlog_key = {json.dumps(log.key)}"
    text = re.sub(r"(?m)^log_key *=.*\n", "", text)
    changed, count = re.subn(r"(?m)^origin *=.*$", lambda _found: lines, text, count=1)
    if count != 1:
        raise ConfigError(f"{config}: has no line `origin = …`: write these two into it:\n{lines}")
    _write(config, changed.encode())


def _write(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.new")
    draft.write_bytes(content)
    draft.replace(file)


def _signer(country: Path, role: Role, name: str, world: World) -> NoteSigner:
    config = next(iter(country.glob(f"{role.value}-*/{CONFIG}")), country / CONFIG)
    loaded: Any = load(config, CoreConfig if role is Role.CORE else CommissionConfig)
    return NoteSigner.from_seed(name, open_keys(loaded.node, world).secret("documents"))
