"""The small network that fuzzed bytes arrive in: the sample telegrams' nodes, keys, law book and directory."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from nakadachi.crypto.notes import NoteVerifier
from nakadachi.crypto.signing import SigningKey
from nakadachi.law import lawbook as lawbooks
from nakadachi.law.assessments import Assessment, AssessmentKind, Assessments
from nakadachi.law.directory import Directory, LogOrigin, Node, SealKeys
from nakadachi.law.lawbook import Lawbook
from nakadachi.law.masters import (
    Affair,
    Information,
    Item,
    Masters,
    Organisation,
    OrganisationKind,
    Procedure,
    ValueKind,
)
from nakadachi.law.reading import Edition as LawEdition
from nakadachi.law.rows import LegalRow, Parties
from nakadachi.law.whitelist import Whitelist
from nakadachi.ledger.edition import Edition, Trust, sign_document
from nakadachi.telegrams.envelope import Verified
from nakadachi.terms import NodeName, OrganisationCode, Role
from tools import sample_links
from tools import sample_telegrams as sample
from tools.vectors_telegrams import read

COMMISSION = NodeName.of(Role.COMMISSION, OrganisationCode("9912000000000001"))
NOW = datetime(2026, 4, 1, 1, 0, 10, tzinfo=UTC)
_DAY = date(2026, 4, 1)
_WORDS: dict[str, Any] = {"name_ja": "見本", "name_en": "Sample"}


def _kept(telegram: str, part: str) -> bytes | None:
    """A sealed part as the vectors have it: seals hold chance, and the corpus is to be the same every time."""
    for written in read(telegram).get("parts", ()):
        if written["name"] == part:
            return base64.b64decode(written["content"])
    return None


@cache
def telegrams() -> dict[str, Verified[Any]]:
    """Every telegram of the catalogue once, by name."""
    return sample_links.telegrams(_kept)


@cache
def needles() -> frozenset[str]:
    """What stands in the sample telegrams and may stand in no error: link codes, names, numbers."""
    return frozenset({*sample.codes_of_the_person(), "ミホン ハナコ", "12345678903", "00000000000000000000000001"})


@cache
def key_of(name: NodeName) -> SigningKey:
    """The signing key of a node of the sample."""
    return SigningKey.from_scalar(sample.scalar_of(name))


@cache
def directory() -> Directory:
    """The sample telegrams' nodes, the core's log and the Commission's witness key."""
    nodes = [
        Node(
            name=name,
            url=f"https://{name.role}.example:8443",
            signing_key=key_of(name).public.spki,
            seal_keys=SealKeys(p256=base64.b64encode(bytes(65)).decode())
            if name.role is Role.INTERMEDIATE
            else SealKeys(),
            logs=(LogOrigin(origin=sample.LOG.name, verifier_key=sample.LOG.verifier.vkey),)
            if name == sample.CORE
            else (),
        )
        for name in sample.NODES
        if name != COMMISSION
    ]
    watching = Node(
        name=COMMISSION,
        url="https://commission.example",
        signing_key=SigningKey.from_scalar(7).public.spki,
        witness_key=sample.WITNESS.verifier.vkey,
    )
    return Directory(1, _DAY, "0.1.0", (*nodes, watching), ("a1",))


@cache
def lawbook() -> Lawbook:
    """A law book of one row: what the sample inquiry asks for."""
    prefix, edition = sample.PREFIX, LawEdition(version="fuzz-1", effective=_DAY)
    information = Information(
        code=prefix.information,
        items=tuple(Item(code=each, value=ValueKind.AMOUNT, **_WORDS) for each in prefix.items),
        **_WORDS,
    )
    masters = Masters(
        edition,
        tuple(Organisation(code=code, kind=OrganisationKind.MUNICIPALITY, **_WORDS) for code in (sample.A, sample.B)),
        (Affair(code=prefix.affair, procedures=(Procedure(code=prefix.procedure, **_WORDS),), **_WORDS),),
        (information,),
    )
    row = LegalRow(
        number="018",
        part=1,
        text_ja="見本",
        text_en="Sample",
        citation_ja="見本",
        citation_en="Sample",
        modelled_on="nothing",
        inquirers=Parties(codes=(sample.A,)),
        affair=prefix.affair,
        providers=Parties(codes=(sample.B,)),
        information=prefix.information,
        items=prefix.items,
        first_day=_DAY,
    )
    assessment = Assessment(
        number="A-1",
        organisation=sample.A,
        title_ja="評価",
        title_en="Assessment",
        kind=AssessmentKind.BASIC,
        published_on=_DAY,
        affairs=(prefix.affair,),
    )
    return Lawbook(1, _DAY, masters, Whitelist(edition, (row,), masters), Assessments(edition, (assessment,)))


@cache
def trust() -> Trust:
    """Whose signatures documents need here."""
    core, commission = (NoteVerifier.from_vkey(signer.verifier.vkey) for signer in sample.DOCUMENTS)
    return Trust(core, commission)


def signed(document: bytes) -> bytes:
    """A document signed by both."""
    return sign_document(document, *sample.DOCUMENTS)


@cache
def edition() -> Edition:
    """The pair in use."""
    return Edition(trust(), lawbook=signed(lawbook().to_bytes()), directory=signed(directory().to_bytes()))


def sample_law() -> Lawbook:
    """The law book that comes with the package."""
    return lawbooks.sample()
