"""A true inquiry as it reaches the provider, made of pieces that a test can change one by one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from nakadachi.core.codes import IdCode, Meaning, ReversibleScheme, link_key
from nakadachi.crypto.commitment import commit, digest
from nakadachi.crypto.notes import NoteSigner
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.permits import PROVIDER_CODE, entry_of
from nakadachi.ledger.tree import Frontier, append, leaf_hash
from nakadachi.telegrams.codec import encode_envelope, encode_json
from nakadachi.telegrams.inquiry import Inquire, InquireAt, InquiryStatement
from nakadachi.telegrams.permit import Basis, Commitments, Opening, Permit, PermitContent, Route
from nakadachi.terms import (
    AffairCode,
    InfoNameCode,
    ItemCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
)

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
ORIGIN = "core.example/1"
LOG, STRANGER = NoteSigner.from_seed(ORIGIN, bytes(32)), NoteSigner.from_seed(ORIGIN, b"\1" * 32)
A, B, C = (OrganisationCode(f"990100000000000{number}") for number in (1, 2, 3))
CORE, MS_B = NodeName("core:9910000000000001"), NodeName.of(Role.INTERMEDIATE, B)
MS_A, IF_A = NodeName.of(Role.INTERMEDIATE, A), NodeName.of(Role.INTERFACE, A)
TAX = InfoNameCode("TM99000000000002")
PREFIX = Prefix(
    A,
    AffairCode("JM99000000180000"),
    ProcedureCode("JT99000000180001"),
    B,
    TAX,
    (ItemCode(f"{TAX}-0001"), ItemCode(f"{TAX}-0003")),
)
SERIALS = tuple(Serial(f"{A}-{number:026}") for number in (1, 2))
SALT = bytes(range(32))
SCHEME = ReversibleScheme(lambda organisation, index: link_key(SALT, organisation, index))
CODES = [SCHEME.issue_one(Meaning(B, IdCode(bytes((number,)) * 10), 1, 0)) for number in (1, 2)]


@dataclass(frozen=True)
class Wish:
    """Everything that a true inquiry is made of; a test changes fields of one of its pieces."""

    serials: tuple = SERIALS[:1]
    content: dict = field(default_factory=dict)
    permit: dict = field(default_factory=dict)
    statement: dict = field(default_factory=dict)
    opening: dict = field(default_factory=dict)
    inquire: dict = field(default_factory=dict)
    inquire_at: dict = field(default_factory=dict)
    signer: NoteSigner = LOG
    author: NodeName = MS_A
    now: datetime = NOW


def content_of(item, wish):
    """What the core allowed of one exchange."""
    commitments = dict.fromkeys(("inquirer_code", "person_tag", "oversight_tag"), bytes(32))
    code = commit(PROVIDER_CODE, CODES[item].value.encode(), SALT)
    content = PermitContent(
        version=1,
        origin=ORIGIN,
        issuer=CORE.organisation,
        prefix=PREFIX,
        serial=wish.serials[item],
        issued_at=NOW,
        accept_by=NOW + timedelta(seconds=60),
        answer_by=NOW + timedelta(days=10),
        legal_row="018.1",
        lawbook=1,
        assessments=("A-1",),
        basis=Basis.LAW,
        route=Route(node=IF_A, url="https://interface.example"),
        suite="default",
        commitments=Commitments(provider_code=code, **commitments),
    )
    return msgspec.structs.replace(content, **wish.content)


def permit_of(content, signer=LOG, /, **change):
    """The permit of a content, the middle one of three leaves."""
    raw = encode_json(content)
    leaves = [leaf_hash(b"before"), leaf_hash(entry_of(raw)), leaf_hash(b"after")]
    grown = append(Frontier(), leaves)
    note = sign_checkpoint(Checkpoint(signer.name, 3, grown.root), signer).decode()
    return msgspec.structs.replace(Permit(content=raw, index=1, path=grown.paths[1], checkpoint=note), **change)


def statement_of(content, permit, /, **change):
    """What the inquirer states of a permit."""
    statement = InquiryStatement(
        serial=content.serial,
        leaf_hash=leaf_hash(entry_of(permit.content)),
        suite=content.suite,
        body_key=bytes(65),
        subject_check=digest(b"sealed"),
        accept_by=content.accept_by,
        answer_by=content.answer_by,
    )
    return msgspec.structs.replace(statement, **change)


def author_of(name, key):
    """The hand of a node."""
    return Author(name, key, FixedClock(NOW), SeededEntropy(1))


def inquiry(network, wish):
    """The InquireAt telegram of a wish, and who signed what is inside it."""
    contents = [content_of(item, wish) for item in range(len(wish.serials))]
    permits = [permit_of(content, wish.signer, **wish.permit) for content in contents]
    statements = [statement_of(*pair, **wish.statement) for pair in zip(contents, permits, strict=True)]
    parts, codes = [], []
    for item, permit in enumerate(permits):
        parts += [Enclosure("permit", encode_json(permit), item), Enclosure("subject check", b"sealed", item)]
        opening = msgspec.structs.replace(Opening(salt=SALT, value=CODES[item].value), **wish.opening)
        codes.append(Enclosure("link code", encode_json(opening), item, personal=True))
    fields = {"prefix": PREFIX, "statements": tuple(statements), "staff": "3f1c", "parts": parts, **wish.inquire}
    asked = author_of(wish.author, network.key_of(wish.author)).write(Inquire, to=CORE, **fields)
    enclosed = [Enclosure("statement", encode_envelope(asked.envelope)), *codes]
    fields = {"prefix": PREFIX, "serials": wish.serials, "parts": enclosed, **wish.inquire_at}
    return author_of(CORE, network.key_of(CORE)).write(InquireAt, to=MS_B, **fields)
