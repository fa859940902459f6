"""New law books and directories for a country, signed by both, by one, or by nobody; how the core is told of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nakadachi.core.oversight import distribute_edition
from nakadachi.country.plan import COMMISSION_DOCUMENTS, CORE_DOCUMENTS
from nakadachi.crypto.notes import NoteSigner
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK, sign_document
from nakadachi.terms import Role
from tests.world import Land

Notes = tuple[bytes, bytes]


def signers(land: Land) -> tuple[NoteSigner, NoteSigner]:
    """The document keys of the core and the Commission."""
    names = ((Role.CORE, CORE_DOCUMENTS), (Role.COMMISSION, COMMISSION_DOCUMENTS))
    core, commission = (
        NoteSigner.from_seed(name, land.service(land.name(role)).node.keys.secret("documents")) for role, name in names
    )
    return core, commission


def edition(land: Land, *by: NoteSigner, law: int = 0, listed: int = 0, **directory: Any) -> Notes:
    """The core's documents with versions so much greater, signed by `by` (else by both)."""
    now = land.service(land.name(Role.CORE)).node.edition
    lawbook = replace(now.lawbook, version=now.lawbook.version + law)
    listing = replace(now.directory, version=now.directory.version + listed, **directory)
    keys = by or signers(land)
    notes = (sign_document(lawbook.to_bytes(), *keys), sign_document(listing.to_bytes(), *keys))
    return (notes[0] if law else now.notes[LAWBOOK], notes[1] if listed else now.notes[DIRECTORY])


async def distribute(land: Land, notes: Notes) -> int:
    """Hand the core a pair of documents: to how many organisations it went. Raises Refusal."""
    system = land.service(land.name(Role.CORE)).system
    sent: int = await system.together(distribute_edition, notes)
    await land.quiet()
    return sent


async def new_directory(land: Land, *, revoked: tuple[str, ...]) -> None:
    """A newer directory with these certificates revoked, in use everywhere."""
    await distribute(land, edition(land, listed=1, revoked_certificates=revoked))
