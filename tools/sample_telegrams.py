"""Writes every telegram of the catalogue once: an inquiry, a link code, a start of a system; always the same bytes.

All organisations, keys and persons are generated; it must never be fed a real one. Seals hold chance, so a caller that
kept former ones hands them in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nakadachi.core.codes import Meaning, ReversibleScheme, id_code_of, link_key
from nakadachi.crypto.commitment import commit, digest
from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature
from nakadachi.crypto.sealing import SealSuite, body_info, new_private, subject_info
from nakadachi.crypto.signing import SigningKey
from nakadachi.crypto.subject import Subject, subject_check
from nakadachi.kit.author import Author, Enclosure
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.edition import DIRECTORY, LAWBOOK, sign_document
from nakadachi.ledger.permits import INQUIRER_CODE, OVERSIGHT_TAG, PERSON_TAG, PROVIDER_CODE, entry_of
from nakadachi.ledger.tree import Frontier, append, leaf_hash
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams import closing, code, inquiry, oversight, permit, provision
from nakadachi.telegrams.codec import encode_envelope, encode_json
from nakadachi.telegrams.envelope import Envelope, Lane, Outcome, Pending, Refused, Telegram, Verified
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
)  # fmt: skip
from tools.sample_seals import seal_again

if TYPE_CHECKING:
    from collections.abc import Callable

    Kept = Callable[[str, str], bytes | None]
    """(telegram, part) -> the part as it was written last, None where it was not."""

Fields = dict[str, Any]
START = datetime(2026, 4, 1, 1, tzinfo=UTC)
A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")
NODES = (
    (MS_A := NodeName.of(Role.INTERMEDIATE, A)),
    (IF_A := NodeName.of(Role.INTERFACE, A)),
    (CORE := NodeName.of(Role.CORE, OrganisationCode("9910000000000001"))),
    (IF_B := NodeName.of(Role.INTERFACE, B)),
    (MS_B := NodeName.of(Role.INTERMEDIATE, B)),
    (REGISTRY := NodeName.of(Role.REGISTRY, OrganisationCode("9913000000000001"))),
    (COMMISSION := NodeName.of(Role.COMMISSION, OrganisationCode("9912000000000001"))),
)
"""The private scalar of a node's key is 11 plus its place here; a key for anybody to see, good for examples only."""
PREFIX = Prefix(
    A, AffairCode("JM99000000180000"), ProcedureCode("JT99000000180001"), B, InfoNameCode("TM99000000000002"),
    (ItemCode("TM99000000000002-0001"), ItemCode("TM99000000000002-0003")),
)  # fmt: skip
SERIAL = Serial(f"{A}-01KN2J9Z80F0G0000000000001")
STAFF = "3f1c0a9be27d54c86a10"
SECRET = bytes(range(32))
BODY_SEED, SEAL_SEED = bytes(32), b"\1" * 32
SUITE = SealSuite.DEFAULT
PERSON = Subject(date(1990, 4, 1), "2", "ミホン ハナコ")
LOG = NoteSigner.from_seed("core.example/1", bytes(32))
WITNESS = NoteSigner.from_seed("commission.example", b"\1" * 32, NoteKind.COSIGNATURE)
DOCUMENTS = (NoteSigner.from_seed("core.example", b"\2" * 32), NoteSigner.from_seed("commission.example", b"\3" * 32))


def scalar_of(name: NodeName) -> int:
    """The private scalar of a node's signing key."""
    return 11 + NODES.index(name)


@dataclass(slots=True)
class Story:
    """The telegrams written so far, by name."""

    told: dict[str, Verified[Any]] = field(default_factory=dict)

    def by(self, name: NodeName, kind: type[Telegram]) -> Author:
        """A node's hand for its next telegram: a second later, its chance drawn from the telegram's name."""
        at = START + timedelta(seconds=len(self.told))
        seed = int.from_bytes(hashlib.sha256(kind.__name__.encode()).digest()[:8], "big")
        return Author(name, SigningKey.from_scalar(scalar_of(name)), FixedClock(at), SeededEntropy(seed))

    def tell(self, name: NodeName, kind: type[Telegram], to: NodeName, *parts: Enclosure, **fields: Any) -> None:
        """Write a telegram."""
        self.told[kind.__name__] = self.by(name, kind).write(kind, to=to, parts=parts, **fields)

    def answer(
        self, name: NodeName, kind: type[Telegram], to: type[Telegram], *parts: Enclosure, **fields: Any
    ) -> None:
        """Answer the telegram of the kind `to`."""
        self.told[kind.__name__] = self.by(name, kind).answer(kind, self.told[to.__name__], parts=parts, **fields)


def telegrams(kept: Kept) -> dict[str, Verified[Any]]:
    """Every telegram and answer by name, in the order of life."""
    story = Story()
    permitted(story)
    asked(story, kept)
    provided(story, kept)
    linked(story)
    closed(story)
    watched(story)
    return story.told


def codes_of_the_person() -> tuple[str, str]:
    """L_A and L_B of the generated person."""
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(SECRET, organisation, key_index))
    person = id_code_of(SECRET, "12345678903")
    return scheme.issue_one(Meaning(A, person, 1, 0)).value, scheme.issue_one(Meaning(B, person, 1, 0)).value


def the_permit() -> tuple[permit.PermitContent, permit.Permit, bytes]:
    """The permit as the core logs it: its content, its proof, the newest checkpoint cosigned."""
    at = START + timedelta(seconds=5)
    code_a, code_b = codes_of_the_person()
    values = ((INQUIRER_CODE, code_a), (PROVIDER_CODE, code_b), (PERSON_TAG, "person"), (OVERSIGHT_TAG, "oversight"))
    content = permit.PermitContent(
        version=1,
        origin=LOG.name,
        issuer=CORE.organisation,
        prefix=PREFIX,
        serial=SERIAL,
        issued_at=at,
        accept_by=at + timedelta(seconds=60),
        answer_by=at + timedelta(days=10),
        legal_row="018",
        lawbook=1,
        assessments=(),
        basis=permit.Basis.LAW,
        route=permit.Route(node=IF_A, url="https://interface-a.example:8443"),
        suite=SUITE.value,
        commitments=permit.Commitments(
            **{label.replace(" ", "_"): commit(label, value.encode(), SECRET) for label, value in values}
        ),
    )
    logged = encode_json(content)
    leaves = [leaf_hash(b"another permit"), leaf_hash(entry_of(logged)), leaf_hash(b"a third one")]
    grown = append(Frontier(), leaves)
    signed = sign_checkpoint(Checkpoint(LOG.name, len(leaves), grown.root), LOG)
    proof = permit.Permit(content=logged, index=1, path=grown.paths[1], checkpoint=signed.decode())
    return content, proof, add_signature(signed, WITNESS, at=int(at.timestamp()))


def permitted(story: Story) -> None:
    """Hops 1 to 3."""
    code_a, _ = codes_of_the_person()
    wish: Fields = {"prefix": PREFIX, "serials": (SERIAL,), "staff": STAFF}
    story.tell(MS_A, permit.IssueSerial, IF_A, use=permit.SerialUse.INQUIRY, count=1)
    story.answer(IF_A, permit.SerialIssued, permit.IssueSerial, serials=(SERIAL,))
    story.tell(MS_A, permit.CheckPrefix, IF_A, **wish)
    story.answer(IF_A, permit.PrefixAccepted, permit.CheckPrefix, lawbook=1, outcomes=(Outcome(serial=SERIAL),))
    story.tell(IF_A, permit.PrefixRefused, CORE, **wish, reason=Reason.NOT_IN_TABLE, refused_at=START)
    asked = Enclosure("link code", encode_json(code_a), personal=True)
    story.tell(MS_A, permit.RequestPermit, CORE, asked, **wish)
    _, proof, _ = the_permit()
    granted = Enclosure("permit", encode_json(proof))
    opening = Enclosure("opening", encode_json(permit.Opening(salt=SECRET)), personal=True)
    story.answer(CORE, permit.PermitGranted, permit.RequestPermit, granted, opening, outcomes=(Outcome(serial=SERIAL),))


def asked(story: Story, kept: Kept) -> None:
    """Hops 4 and 5."""
    content, proof, head = the_permit()
    leaf = leaf_hash(entry_of(proof.content))
    private = new_private(SUITE, SEAL_SEED)
    info = subject_info(leaf, SERIAL.value)
    sealed = seal_again(private, info, subject_check(SECRET, PERSON), kept("Inquire", "subject check"))
    statement = inquiry.InquiryStatement(
        serial=SERIAL,
        leaf_hash=leaf,
        suite=SUITE.value,
        body_key=new_private(SUITE, BODY_SEED).public_bytes,
        subject_check=digest(sealed),
        accept_by=content.accept_by,
        answer_by=content.answer_by,
    )
    stated = (Enclosure("permit", encode_json(proof)), Enclosure("subject check", sealed))
    story.tell(MS_A, inquiry.Inquire, CORE, *stated, prefix=PREFIX, statements=(statement,), staff=STAFF)
    enclosed = encode_envelope(story.told["Inquire"].envelope)
    _, code_b = codes_of_the_person()
    opening = encode_json(permit.Opening(salt=SECRET, value=code_b))
    parts = (
        Enclosure("statement", enclosed),
        Enclosure("cosigned head", head),
        Enclosure("link code", opening, personal=True),
    )
    story.tell(CORE, inquiry.InquireAt, MS_B, *parts, prefix=PREFIX, serials=(SERIAL,))
    story.answer(
        MS_B, inquiry.InquiryAccepted, inquiry.InquireAt, outcomes=(inquiry.Acceptance(serial=SERIAL, held=False),)
    )


def provided(story: Story, kept: Kept) -> None:
    """Hops 6 to 8."""
    statement = story.told["Inquire"].header.statements[0]
    private = new_private(SUITE, BODY_SEED)
    info = body_info(statement.leaf_hash, SERIAL.value)
    items = (
        provision.ProvidedItem(
            item=PREFIX.items[0], version="1", updated_at="2026-03-01T00:00:00+09:00", value="2500000"
        ),
        provision.ProvidedItem(
            item=PREFIX.items[1], version="1", updated_at="2026-03-01T00:00:00+09:00", reason_of_null="not assessed"
        ),
    )
    words = {"born": "1990-04-01", "sex": "2", "kana": "ミホン ハナコ"}
    body = encode_json(provision.Body(serial=SERIAL, subject=words, items=items))
    sealed = seal_again(private, info, body, kept("Provide", "body"))
    answer = provision.ProvisionStatement(
        serial=SERIAL, leaf_hash=statement.leaf_hash, provided_at=START + timedelta(seconds=30), body=digest(sealed)
    )
    story.tell(MS_B, provision.Provide, MS_A, Enclosure("body", sealed), prefix=PREFIX, statements=(answer,))
    story.answer(MS_A, provision.ProvisionReceived, provision.Provide, outcomes=(Outcome(serial=SERIAL),))
    ended = inquiry.Completion(serial=SERIAL, ending=inquiry.Ending.ANSWERED, ended_at=START + timedelta(seconds=31))
    story.tell(MS_B, provision.ProvisionCompleted, CORE, completions=(ended,))
    story.answer(CORE, inquiry.Noted, provision.ProvisionCompleted)
    story.tell(MS_A, inquiry.InquiryCompleted, CORE, completions=(ended,))


def linked(story: Story) -> None:
    """The life of a link code; the first of two people is found."""
    code_a, _ = codes_of_the_person()
    numbers = [f"0000000000000000000000000{each}" for each in (1, 2)]
    generated = {"name": "generated", "address": "generated", "sex": "2", "born": "1990-04-01"}
    people = [generated | {"individual_number": "000000000000"}, generated]
    parts = [
        Enclosure("matching numbers", encode_json(numbers), personal=True),
        Enclosure("people", encode_json(people), personal=True),
    ]
    story.tell(MS_A, code.RequestLinkCode, REGISTRY, *parts, count=2, serial=SERIAL)
    found = {"outcomes": (None, Reason.NOT_REGISTERED), "hits": (code.Hit.ONE, code.Hit.SEVERAL)}
    story.answer(REGISTRY, code.LinkCodeRequested, code.RequestLinkCode, **found)
    request = story.told["RequestLinkCode"]
    kept = tuple(
        None if described.name == "people" else content
        for described, content in zip(request.header.parts, request.envelope.parts, strict=True)
    )
    parts = [
        Enclosure("request", encode_envelope(Envelope(request.envelope.jws, kept))),
        Enclosure("resident record codes", encode_json(["12345678903"]), personal=True),
    ]
    story.tell(REGISTRY, code.IssueLinkCode, CORE, *parts, found=(0,))
    parts = [
        Enclosure("link codes", encode_json([code_a]), personal=True),
        Enclosure("matching numbers", encode_json(numbers[:1]), personal=True),
    ]
    story.tell(CORE, code.LinkCodeIssued, MS_A, *parts, count=1)
    story.answer(MS_A, code.LinkCodeKept, code.LinkCodeIssued, outcomes=(None,))


def watched(story: Story) -> None:
    """Oversight, and the two answers that any telegram may get."""
    versions = {"lawbook": 1, "directory": 1}
    parts = [Enclosure(kind, sign_document(b'{"format":1}', *DOCUMENTS)) for kind in (LAWBOOK, DIRECTORY)]
    story.tell(CORE, oversight.DistributeEdition, MS_B, *parts, **versions)
    story.answer(MS_B, oversight.EditionHeld, oversight.DistributeEdition, **versions)
    fields = {"operation": oversight.Operation.STARTED, "at": START, "software": "0.1.0", **versions}
    fields["condition"] = oversight.Condition(
        next_seconds=300, certificate_days=12, warnings=(oversight.Check.CERTIFICATE,), backlog=3, oldest_seconds=4,
        records=2, cosigned_size=5, cosigned_at=START, clock_synchronised=True, clock_error_microseconds=1500,
    )  # fmt: skip
    story.tell(IF_B, oversight.ReportOperation, CORE, **fields)
    request = story.told["RequestPermit"]
    story.answer(IF_A, Pending, permit.RequestPermit)
    story.told["Refused"] = story.by(CORE, Refused).refuse(request, Refusal(Reason.CODE_NOT_ISSUED))
    found = oversight.Finding(
        kind=oversight.FindingKind.ANSWER_CROSSED, at=START, serial=SERIAL, about=MS_B, reason=Reason.SUBJECT_MISMATCH
    )
    story.tell(MS_A, oversight.ReportFinding, COMMISSION, findings=(found,))
    _, proof, _ = the_permit()
    story.tell(IF_A, oversight.ReportHeads, COMMISSION, lane=Lane.BULK, checkpoints=(proof.checkpoint,))


def closed(story: Story) -> None:
    """An exchange that the inquirer cancels, and the question how it stands."""
    ended = inquiry.Completion(serial=SERIAL, ending=inquiry.Ending.CANCELLED, ended_at=START, reason=Reason.CANCELLED)
    story.tell(MS_A, closing.Close, CORE, closings=(ended,))
    story.tell(MS_B, closing.AskState, CORE, serials=(SERIAL,))
    state = closing.StandsAt(
        serial=SERIAL, stage=closing.Stage.ENDED, ending=inquiry.Ending.CANCELLED, reason=Reason.CANCELLED
    )
    story.answer(CORE, closing.StateTold, closing.AskState, states=(state,))
