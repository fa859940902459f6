"""Which key store a node has, and how it is opened: noted in the journal, whether it went well or not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_journal import Act, Actor, Journal, Outcome
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.officers import read_officer

if TYPE_CHECKING:
    from nakadachi.kit.clock import Clock
    from nakadachi.kit.entropy import Entropy
    from nakadachi.kit.key_folder import FolderKeyStore


class KeyStoreKind(Enum):
    """Where the key is that opens the others."""

    FILES = "files"
    PKCS11 = "pkcs11"


@dataclass(frozen=True, slots=True)
class KeyStoreConfig:
    """The key store of a node. Raises ValueError where a token is to be used and not named."""

    kind: KeyStoreKind = field(
        default=KeyStoreKind.FILES,
        metadata={"doc": "files: keys under node.unlock; pkcs11: keys in and under a token (HSM)"},
    )
    module: Path | None = field(
        default=None, metadata={"doc": "pkcs11: the module, such as /usr/lib/softhsm/libsofthsm2.so"}
    )
    token: str = field(default="", metadata={"doc": "pkcs11: the token's label; one token for each node"})
    pin: Path | None = field(default=None, metadata={"doc": "pkcs11: file whose content is the token's PIN"})
    officers: tuple[Path, ...] = field(
        default=(), metadata={"doc": "files with officers' secrets: two of them open what is under dual control"}
    )

    def __post_init__(self) -> None:
        if self.kind is KeyStoreKind.PKCS11 and not (self.module and self.token and self.pin):
            msg = 'kind = "pkcs11" needs module, token and pin'
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a node's keys are: the folder, the file that unlocks it, and which kind of store."""

    folder: Path
    unlock: Path
    config: KeyStoreConfig


def open_store(place: KeyPlace, entropy: Entropy, clock: Clock, *, who: str = "") -> FolderKeyStore:
    """Open a node's key store; `who` acts, as far as that was said. Raises KeyStoreError, after noting it."""
    journal = Journal(place.folder, clock, Actor.here(who))
    if not journal.path.exists():  # a store from before there were journals
        for path in sorted(place.folder.glob("*.key")):
            journal.note(Act.JOURNAL, path.stem, note="was here when the journal began")
    try:
        officers = [read_officer(path) for path in place.config.officers]
        store = _opened(place, entropy, journal)
    except KeyStoreError as wrong:
        with suppress(KeyStoreError):
            journal.note(Act.OPEN, "*", Outcome.FAILED, str(wrong))
        raise
    store.officers = tuple(officers)
    journal.note(Act.OPEN, "*", note=place.config.kind.value)
    return store


def _opened(place: KeyPlace, entropy: Entropy, journal: Journal) -> FolderKeyStore:
    config = place.config
    if config.kind is KeyStoreKind.PKCS11 and config.module and config.pin:
        # Only who has a token loads what speaks to one.
        from nakadachi.kit.hsm import HsmKeyStore, open_token  # noqa: PLC0415

        return HsmKeyStore(place.folder, open_token(config.module, config.token, config.pin), entropy, journal)
    return FileKeyStore(place.folder, place.unlock, entropy, journal=journal)
