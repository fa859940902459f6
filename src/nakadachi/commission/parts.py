"""What a handler of the Commission system may touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nakadachi.crypto.notes import NoteSigner
    from nakadachi.kit.author import Author
    from nakadachi.kit.database import Database
    from nakadachi.ledger.edition import Edition


@dataclass(frozen=True, slots=True)
class Commission:
    """The Commission's parts: its hand, its cosigning key, the edition in use, its database."""

    author: Author
    cosigner: NoteSigner
    edition: Edition
    database: Database
