"""Targets for what is sealed, locked or certified: seals, keys, key files, certificates; and for single words."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fuzz import land
from fuzz.target import Form, memory, require, same, target
from nakadachi import terms
from nakadachi.core.codes import ReversibleScheme, link_key
from nakadachi.crypto.sealing import SealSuite, body_info, new_private, seal, unseal
from nakadachi.crypto.signing import SigningKey, VerifyKey
from nakadachi.crypto.subject import Subject, compare, subject_check
from nakadachi.intermediate import subjects
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.keystore import FileKeyStore, KeyStoreError, Wrapper
from nakadachi.kit.tls import existing_host, node_host, read_certificate
from nakadachi.neighbours import numbers
from nakadachi.refusal import Refusal
from tools import sample_telegrams as sample

WORDS: tuple[type[terms.Code], ...] = (
    terms.OrganisationCode, terms.AffairCode, terms.ProcedureCode, terms.InfoNameCode, terms.ItemCode, terms.Serial,
    terms.TelegramId, terms.LinkCode, terms.MatchingNumber, terms.NodeName, subjects.AddresseeNumber,
    subjects.IndividualNumber, numbers.IndividualNumber, numbers.CorporateNumber, numbers.LocalGovernmentCode,
    numbers.ResidentRecordCode,
)  # fmt: skip
"""Every word with a shape; a test holds this list against the subclasses of Code."""
_SERIAL = 0x1F


def _words() -> dict[str, bytes]:
    return {
        "link-code": sample.codes_of_the_person()[0].encode(),
        "serial": sample.SERIAL.value.encode(),
        "node": sample.MS_A.value.encode(),
        "item": sample.PREFIX.items[0].value.encode(),
        "number": b"831803264510",
        "corporate": b"8700110005901",
    }


@target(
    "words",
    covers=["terms:LinkCode.of_bytes", "terms:crockford_value", "neighbours.numbers:ResidentCodeFormula.parse"],
    seeds=_words,
    form=Form.TEXT,
    errors=(UnicodeDecodeError,),
    largest=512,
)
def words(data: bytes) -> str:
    """One text through every word of the field: a value of one spelling, or ValueError that tells no secret."""
    text, made = data.decode(), []
    for kind in WORDS:
        try:
            word = kind(text)
        except ValueError as wrong:
            # The shape that the error names has texts of its own, which an input may be without being repeated.
            told = str(wrong).replace(kind.SHAPE.pattern, "")
            require(not kind.SECRET or len(text) < 4 or text not in told, "an error tells a secret")
            continue
        made.append(kind.__name__)
        same(word, kind(word.value), "a word is not written as it was read")
        require(word.value.isascii() and (word.value == text or kind is subjects.AddresseeNumber), "two spellings")
        require(not kind.SECRET or text not in repr(word) + str(word), "a word shows a secret")
        _parts(word)
    return " ".join(made)


def _parts(word: Any) -> None:
    """What is taken out of a word goes back into it."""
    if isinstance(word, terms.NodeName):
        same(terms.NodeName.of(word.role, word.organisation), word, "a node's name is not that of its parts")
    elif isinstance(word, terms.Serial):
        require(word.value.startswith(word.issuer.value), "a serial is not its issuer's")
    elif isinstance(word, terms.ItemCode):
        require(word.value.startswith(word.information.value), "an item is not of its information name")
    elif isinstance(word, terms.LinkCode):
        try:
            raw = word.to_bytes()
        except ValueError:
            return
        same(terms.LinkCode.of_bytes(raw), word, "a link code is not that of its bytes")
    elif isinstance(word, numbers.ResidentRecordCode):
        try:
            numbers.ResidentCodeFormula().parse(word.value)
        except ValueError:
            return


@target(
    "link-code",
    covers=["core.codes:ReversibleScheme.read_one", "core.codes:ReversibleScheme.read_all"],
    seeds=lambda: {"code": terms.LinkCode(sample.codes_of_the_person()[0]).to_bytes()},
    needles=land.needles(),
    largest=64,
)
def link_code(data: bytes) -> str:
    """The 19 bytes of a code that an organisation shows to the core: its own, another's, or made up."""
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(sample.SECRET, organisation, key_index))
    code = terms.LinkCode.of_bytes(data[:19].ljust(19, b"\0"))
    same(scheme.issue_one(scheme.read_one(code, sample.A)), code, "a link code has two spellings")
    return "read"


@cache
def _private(suite: SealSuite) -> Any:
    return new_private(suite, sample.BODY_SEED)


@target(
    "sealed",
    covers=["crypto.sealing:unseal", "crypto.sealing:seal"],
    seeds=lambda: {
        "body": land.telegrams()["Provide"].part("body"),
        "key": _private(SealSuite.P256).public_bytes,
    },
    largest=4096,
)
def sealed(data: bytes) -> str:
    """Hostile bytes as a seal and as a public key, for each suite."""
    made = []
    for suite in SealSuite:
        with suppress(Refusal):
            unseal(_private(suite), data, _place())
            made.append(f"{suite.value} opens")
        with suppress(Refusal):
            _own(suite, data)
            made.append(f"{suite.value} seals")
    return " ".join(made)


@cache
def _place() -> bytes:
    statement: Any = land.telegrams()["Inquire"].header
    return body_info(statement.statements[0].leaf_hash, sample.SERIAL.value)


def _own(suite: SealSuite, public: bytes) -> None:
    seal(suite, public, b"x", b"")
    own = seal(suite, _private(suite).public_bytes, public, b"info")
    same(unseal(_private(suite), own, b"info"), public, "a seal does not give back what was sealed")


@target(
    "subject",
    covers=["crypto.subject:compare"],
    seeds=lambda: {"check": subject_check(sample.SECRET, sample.PERSON)},
    form=Form.JSON,
    needles=land.needles(),
)
def subject(data: bytes) -> str:
    """The subject check as it comes out of a seal; and any name is one person with itself."""
    name = Subject(date(1990, 4, 1), "1", data.decode(errors="replace"))
    same(compare(subject_check(sample.SECRET, name), name), (), "a person is not the same as themselves")
    return " ".join(compare(data, sample.PERSON))


@target(
    "keys",
    covers=["crypto.signing:VerifyKey.from_spki", "crypto.signing:SigningKey.from_pem"],
    seeds=lambda: {
        "spki": land.key_of(sample.CORE).public.spki.encode(),
        "pem": land.key_of(sample.CORE).to_pem(),
    },
    form=Form.TEXT,
    errors=(Refusal,),
    largest=4096,
)
def keys(data: bytes) -> str:
    """A public key of the directory (one spelling), and a private one of the key store."""
    try:
        SigningKey.from_pem(data)
    except ValueError as wrong:
        require(len(data) < 16 or data.decode(errors="replace") not in str(wrong), "an error tells a key")
    text = data.decode(errors="replace")
    same(VerifyKey.from_spki(text).spki, text, "a public key has two spellings")
    return "key"


@target(
    "key-files",
    covers=[
        "kit.key_folder:FolderKeyStore.secret",
        "kit.key_folder:Wrapper.unwrap",
        "kit.keystore:UnlockSealer.open",
    ],
    seeds=lambda: {
        "empty": b"",
        "nonce": bytes(12),
        "wrapped": Wrapper("m", bytes(32), SeededEntropy(1)).wrap(b"a", "b"),
    },
    errors=(KeyStoreError,),
    largest=1024,
)
def key_files(data: bytes) -> str:
    """A key file, the file that unlocks, and a wrapped part, all hostile."""
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        folder = Path(name)
        (folder / "unlock").write_bytes(data)
        store = FileKeyStore(folder, folder / "unlock", SeededEntropy(1))
        store.put("own", data)
        same(
            FileKeyStore(folder, folder / "unlock", SeededEntropy(2)).secret("own"), data, "a key is not as it was kept"
        )
        (folder / "bad.key").write_bytes(data)
        try:
            store.secret("bad")
        except KeyStoreError as wrong:
            require("bad.key" in str(wrong), "an error does not name its file")
    wrapper = Wrapper("m", bytes(32), SeededEntropy(1))
    same(wrapper.unwrap(wrapper.wrap(data, "place"), "place"), data, "a part is not as it was wrapped")
    wrapper.unwrap(data, "b")
    return "opened"


@cache
def _certified(names: tuple[str, ...]) -> bytes:
    key = ec.derive_private_key(7, ec.SECP256R1())
    subject = x509.Name([])
    start = datetime(2026, 4, 1, tzinfo=UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(_SERIAL)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=400))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
    )
    # Without chance, so that the corpus is the same every time.
    return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


def _hosts() -> tuple[str, str]:
    return node_host(sample.CORE), existing_host("welfare", sample.A)


@target(
    "certificate",
    covers=["kit.tls:read_certificate"],
    seeds=lambda: {
        "node": _certified(_hosts()[:1]),
        "existing": _certified(_hosts()[1:]),
        "both": _certified(_hosts()),
    },
    errors=(),
    weight=2,
    largest=4096,
)
def certificate(data: bytes) -> str:
    """A certificate's bytes: bound to one node, to one existing system, or to nobody."""
    return _bound(data)


@target(
    "certificate-names",
    covers=["kit.tls:read_certificate"],
    seeds=lambda: {"hosts": "\n".join(_hosts()).encode()},
    form=Form.TEXT,
    errors=(),
    largest=2048,
)
def certificate_names(data: bytes) -> str:
    """A true certificate with hostile names."""
    lines = [line for line in data.decode("ascii", "replace").replace("�", "?").split("\n") if line]
    try:
        raw = _certified.__wrapped__(tuple(lines))
    except ValueError:
        return "no certificate"
    bound = read_certificate(raw)
    if bound is None:
        return "unreadable"
    hosts = {node_host(bound.node)} if bound.node else {existing_host(*bound.existing)} if bound.existing else set()
    require(hosts <= set(lines), "bound to a name that is not in the certificate")
    same(bound.serial, _SERIAL, "another serial number")
    return _bound(raw)


def _bound(raw: bytes) -> str:
    bound = read_certificate(raw)
    if bound is None:
        return "unreadable"
    require(bound.node is None or bound.existing is None, "bound to two")
    return "node" if bound.node else "existing" if bound.existing else "nobody"
