"""The documents in use: law book and directory, each a note signed by the core and the Commission (C16, I13, design
2.11).

A node starts with the pair it was given, takes a newer pair that both signed, and refuses an older or badly signed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.notes import NoteSigner, NoteVerifier, open_note, sign_note
from nakadachi.kit.log import logger
from nakadachi.kit.peers import Peers
from nakadachi.law import directory as directories
from nakadachi.law import lawbook as lawbooks
from nakadachi.refusal import Reason, Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nakadachi.kit.database import Connection
    from nakadachi.law.directory import Directory
    from nakadachi.law.lawbook import Lawbook
    from nakadachi.terms import NodeName

LAWBOOK, DIRECTORY = "lawbook", "directory"


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures a document needs: the core's and the Commission's document keys (C2SP vkey texts)."""

    core: NoteVerifier
    commission: NoteVerifier

    def open(self, note: bytes) -> str:
        """The text of a document that both signed. Raises Refusal(BAD_FORMAT, BAD_SIGNATURE)."""
        opened = open_note(note, (self.core, self.commission), (self.core.name, self.commission.name))
        return opened.text.removesuffix("\n")


def sign_document(document: bytes, *signers: NoteSigner) -> bytes:
    """A document (canonical JSON, one line) as a signed note."""
    return sign_note(document.decode() + "\n", *signers)


class Edition:
    """The pair in use at a node, and the notes they came in, to be handed on."""

    def __init__(self, trust: Trust, *, lawbook: bytes, directory: bytes) -> None:
        self._trust = trust
        self.notes = {LAWBOOK: lawbook, DIRECTORY: directory}
        self.lawbook: Lawbook = lawbooks.parse(trust.open(lawbook).encode())
        self.peers = Peers(directories.parse(trust.open(directory).encode()))

    @property
    def directory(self) -> Directory:
        """The directory in use."""
        return self.peers.directory

    def judge(self, lawbook: bytes, directory: bytes) -> tuple[Lawbook, Directory]:
        """A pair that may replace the one in use. Raises Refusal(BAD_FORMAT, BAD_SIGNATURE, VERSION_TOO_OLD)."""
        law = lawbooks.parse(self._trust.open(lawbook).encode())
        listed = directories.parse(self._trust.open(directory).encode())
        if law.version < self.lawbook.version or listed.version < self.directory.version:
            detail = f"law book {law.version} and directory {listed.version}; in use are"
            detail += f" {self.lawbook.version} and {self.directory.version}"
            raise Refusal(Reason.VERSION_TOO_OLD, detail)
        for kind, note, same in (
            (LAWBOOK, lawbook, law.version == self.lawbook.version),
            (DIRECTORY, directory, listed.version == self.directory.version),
        ):
            if same and self._trust.open(note) != self._trust.open(self.notes[kind]):
                raise Refusal(Reason.BAD_SIGNATURE, f"two {kind} documents of one version")
        return law, listed

    def use(self, lawbook: bytes, directory: bytes) -> None:
        """Use a pair from now on. Raises what `judge` raises."""
        law, listed = self.judge(lawbook, directory)
        self.notes = {LAWBOOK: lawbook, DIRECTORY: directory}
        self.lawbook = law
        if listed.version != self.directory.version:
            self.peers.replace(listed)

    def tell(self, node: NodeName) -> None:
        """Log that the node uses this pair now."""
        logger().info("edition.taken", node=node.value, lawbook=self.lawbook.version, directory=self.directory.version)

    async def keep(self, connection: Connection, now: datetime) -> None:
        """Keep the pair in use, so that the next start begins with it."""
        await self.keep_notes(connection, self.lawbook.version, self.directory.version, self.notes, now)

    @staticmethod
    async def keep_notes(
        connection: Connection, lawbook: int, directory: int, notes: dict[str, bytes], now: datetime
    ) -> None:
        """Keep a pair of documents."""
        await connection.executemany(
            "INSERT INTO edition (kind, version, note, held_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [(LAWBOOK, lawbook, notes[LAWBOOK], now), (DIRECTORY, directory, notes[DIRECTORY], now)],
        )

    async def restore(self, connection: Connection) -> None:
        """Use the newest pair kept, where it is newer than the one we were started with."""
        rows: Sequence[Any] = await connection.fetch(
            "SELECT kind, version, note FROM edition WHERE (kind = $1 AND version > $2) OR (kind = $3 AND version > $4)"
            " ORDER BY version",
            LAWBOOK,
            self.lawbook.version,
            DIRECTORY,
            self.directory.version,
        )
        kept = {row["kind"]: (row["version"], bytes(row["note"])) for row in rows}
        newer = {
            kind: kept[kind][1]
            for kind, version in ((LAWBOOK, self.lawbook.version), (DIRECTORY, self.directory.version))
            if kind in kept and kept[kind][0] > version
        }
        if newer:
            self.use(newer.get(LAWBOOK, self.notes[LAWBOOK]), newer.get(DIRECTORY, self.notes[DIRECTORY]))
