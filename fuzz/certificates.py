"""Targets for the public certification service: certificates, lists, answers, and what its doors are sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fuzz.target import Form, require, same, target
from nakadachi.neighbours.jpki import authority as jpki
from nakadachi.neighbours.jpki import client, ocsp, words
from nakadachi.neighbours.jpki.faults import NotAccepted
from nakadachi.neighbours.jpki.items import Birth, FourItems, Text
from nakadachi.neighbours.jpki.lists import Issue, RevocationList, read_list, write_list
from nakadachi.neighbours.jpki.profile import Kind, Municipality, partition
from nakadachi.neighbours.jpki.reading import (
    HolderCertificate,
    SignatureCertificate,
    read_authentication_certificate,
    read_certificate,
    read_request,
    read_signature_certificate,
)
from nakadachi.neighbours.jpki.rules import Change
from nakadachi.neighbours.jpki.states import GOOD, Entry, Revocation
from nakadachi.neighbours.jpki.verifying import Anchors, Answered, verify
from nakadachi.refusal import Refusal

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NAME, ADDRESS = "見本花子", "東京都千代田区見本町一丁目"
NEEDLES = frozenset({NAME, ADDRESS, "419900102"})
CHIYODA = Municipality.of("131016", "Tokyo-to", "Chiyoda-ku")


@cache
def _authority(kind: Kind) -> jpki.Authority:
    key = ec.derive_private_key(11 + len(kind.value), ec.SECP256R1())
    return jpki.found(kind, key, serial=1, now=NOW)


@cache
def _certificate(kind: Kind) -> bytes:
    authority = _authority(kind)
    order = jpki.Order(7, "SAMPLE", CHIYODA, NOW, NOW + timedelta(days=900), "http://ocsp.example.org")
    key = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    items = FourItems(Text.of(NAME), Text.of(ADDRESS + "髙"), "2", Birth.parse("419900102"))
    if kind is Kind.SIGNATURE:
        return jpki.issue_signature(authority, key, order, items).public_bytes(Encoding.DER)
    return jpki.issue_authentication(authority, key, order).public_bytes(Encoding.DER)


@cache
def _anchors() -> Anchors:
    return Anchors([_authority(kind).certificate for kind in Kind])


@cache
def _request() -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    key = ec.derive_private_key(5, ec.SECP256R1())
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


@cache
def _list() -> bytes:
    entries = [Entry(8, NOW, Revocation.HELD), Entry(9, NOW, Revocation.UNSPECIFIED)]
    issue = Issue(3, NOW, NOW + timedelta(days=2))
    return write_list(_authority(Kind.SIGNATURE), partition(Kind.SIGNATURE, CHIYODA), entries, issue)


@cache
def _question() -> bytes:
    own = read_certificate(Kind.SIGNATURE, _certificate(Kind.SIGNATURE))
    return ocsp.write_question(own, _authority(Kind.SIGNATURE).certificate, b"nonce")


@target(
    "jpki-certificates",
    covers=[
        "neighbours.jpki.reading:read_signature_certificate",
        "neighbours.jpki.reading:read_authentication_certificate",
        "neighbours.jpki.reading:read_certificate",
        "neighbours.jpki.reading:read_request",
        "neighbours.jpki.profile:read_items",
        "neighbours.jpki.verifying:Anchors.from_pem",
    ],
    seeds=lambda: {"signature": _certificate(Kind.SIGNATURE), "authentication": _certificate(Kind.AUTHENTICATION),
                   "request": _request()},
    needles=NEEDLES,
    largest=4096,
    weight=2,
)  # fmt: skip
def certificates(data: bytes) -> str:
    """Bytes as a certificate of each kind; what differs from what was issued does not verify."""
    made: list[HolderCertificate] = []
    for read in (read_signature_certificate, read_authentication_certificate):
        try:
            made.append(read(data))
        except Refusal:
            continue
    require(len(made) < 2, "one certificate is of two kinds")
    for one in made:
        same(read_certificate(one.kind, one.der).serial, one.serial, "a certificate is not written as it was read")
        if isinstance(one, SignatureCertificate):
            shown = {one.items.name.value, one.items.address.value} - {"."}
            require(not any(len(each) > 3 and each in repr(one) for each in shown), "a certificate shows its holder")
        _never_taken(one, data)
    if not made:
        read_request(data)
        return "request"
    return made[0].kind.value


def _never_taken(one: HolderCertificate, data: bytes) -> None:
    if data in {_certificate(kind) for kind in Kind}:
        return
    try:
        verify(one, NOW, _anchors(), read_list(_list()))
    except NotAccepted:
        return
    require(one.der == _certificate(one.kind), "an altered certificate verifies")


@target(
    "jpki-anchors",
    covers=["neighbours.jpki.verifying:Anchors.from_pem"],
    seeds=lambda: {"both": b"".join(_authority(kind).certificate.public_bytes(Encoding.PEM) for kind in Kind)},
    form=Form.TEXT,
    errors=(ValueError,),
    largest=4096,
)
def anchors(data: bytes) -> str:
    """Authorities' certificates in PEM."""
    Anchors.from_pem(data)
    return "anchors"


@target(
    "jpki-states",
    covers=[
        "neighbours.jpki.lists:read_list",
        "neighbours.jpki.ocsp:read_question",
        "neighbours.jpki.ocsp:read_answer",
    ],
    seeds=lambda: {"list": _list(), "question": _question(), "refusal": b"\x30\x03\x0a\x01\x06"},
    largest=4096,
)
def states(data: bytes) -> str:
    """Bytes as a list, as a request and as an answer; none but what was signed says that a certificate is good."""
    own = read_certificate(Kind.SIGNATURE, _certificate(Kind.SIGNATURE))
    made = []
    for name, known in (("list", _as_list(data)), ("answer", Answered(data))):
        if known is None:
            continue
        try:
            verify(own, NOW, _anchors(), known)
        except NotAccepted as refused:
            made.append(f"{name} {refused.fault}")
        else:
            same(read_list(data).raw.tbs_certlist_bytes, read_list(_list()).raw.tbs_certlist_bytes, "altered")
            made.append(f"{name} good")
    try:
        question = ocsp.read_question(data)
    except Refusal:
        return " ".join(made)
    authority = _authority(Kind.SIGNATURE)
    key = ec.derive_private_key(6, ec.SECP256R1())
    responder = ocsp.Responder(authority, jpki.issue_responder(authority, key.public_key(), serial=2, now=NOW), key)
    answer = ocsp.read_answer(responder.answer(question, GOOD, now=NOW, next_update=NOW + timedelta(days=1)))
    same(answer.serial_number, question.serial, "an answer is about another certificate")
    return "question"


def _as_list(data: bytes) -> RevocationList | None:
    try:
        known = read_list(data)
    except Refusal:
        return None
    known.find(8), len(known)
    return known


@cache
def _application() -> bytes:
    items = words.ItemsWords(NAME, ADDRESS, "2")
    return words.encode(
        words.IssueWords(
            "request-1", Kind.SIGNATURE, "ab" * 16, "131016", "Tokyo-to", "Chiyoda-ku", _request(), "419900102", items
        )
    )


@target(
    "jpki-words",
    covers=[
        "neighbours.jpki.words:read_application",
        "neighbours.jpki.words:read_born",
        "neighbours.jpki.words:read_holder",
        "neighbours.jpki.words:read_changes",
        "neighbours.jpki.words:read_serial",
        "neighbours.jpki.client:read_words",
        "neighbours.jpki.items:Birth.parse",
    ],
    seeds=lambda: {
        "application": _application(),
        "holder": words.encode(words.HolderWords("ab" * 16)),
        "changes": words.encode(words.ChangesWords((words.ChangeWords("1", "ab" * 16, Change.NAME, NOW),))),
        "serial": b"3f2a9c",
        "born": b"1990-01-02",
        "digits": b"419900102",
    },
    form=Form.JSON,
    needles=NEEDLES,
    errors=(Refusal,),
    largest=4096,
)
def doors(data: bytes) -> str:
    """What the doors of the service are sent, and what a client is answered."""
    made = []
    readers = (words.read_application, words.read_holder, words.read_changes, _words, _born, _serial)
    for read in readers:
        try:
            read(data)
        except Refusal as refused:
            told = str(refused)
            require(not any(needle in told for needle in NEEDLES), "an error tells a person")
        else:
            made.append(read.__name__)
    return " ".join(made)


def _words(data: bytes) -> None:
    try:
        client.read_words(data, words.SerialWords)
    except client.JpkiError:
        return


def _born(data: bytes) -> None:
    try:
        text = data.decode()
        born = words.read_born(text)
    except ValueError as wrong:
        require(len(data) < 6 or data.decode(errors="replace") not in str(wrong), "an error tells a date of birth")
        return
    same(Birth.parse(born.text), born, "a date of birth has two spellings")


def _serial(data: bytes) -> None:
    text = data.decode(errors="replace")
    require(f"{words.read_serial(text):x}" == text, "a serial number has two spellings")
