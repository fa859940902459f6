"""The golden vectors of the telegrams: what is written down is still written, and still read by anybody's reader."""

import base64
import hashlib
import json
from datetime import date
from typing import get_args

import msgspec
import pytest

from nakadachi.crypto.commitment import check_opening
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.crypto.sealing import SealSuite, body_info, new_private, subject_info, unseal
from nakadachi.crypto.signing import SigningKey, VerifyKey
from nakadachi.crypto.subject import Subject, compare
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.permits import INQUIRER_CODE, PROVIDER_CODE, entry_of
from nakadachi.ledger.tree import check_inclusion, leaf_hash
from nakadachi.telegrams.catalogue import CATALOGUE, TELEGRAMS
from nakadachi.telegrams.codec import (
    HEADER_LIMIT,
    check_signature,
    decode_envelope,
    decode_frame,
    decode_json,
    encode_envelope,
    encode_frame,
    encode_json,
)
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.inquiry import Inquire
from nakadachi.telegrams.permit import Opening, Permit, PermitContent
from nakadachi.telegrams.provision import Body
from nakadachi.terms import LinkCode, Serial
from tools.sample_telegrams import LOG
from tools.vectors_telegrams import FOLDER, drawn, read, text_of

NAMES = sorted(kind.__name__ for kind in get_args(TELEGRAMS))
MEND = "the wire changed: decide that, then run python -m tools.vectors_telegrams"


def raw(text):
    return base64.b64decode(text, validate=True)


def verified(name):
    """A telegram from its written bytes, checked as a peer would."""
    written = read(name)
    return check_signature(decode_envelope(raw(written["envelope"])), VerifyKey.from_spki(written["spki"]))


@pytest.fixture(scope="module")
def vectors():
    return drawn()


def test_every_telegram_has_a_vector_and_no_other_has():
    assert sorted(path.stem for path in FOLDER.glob("[A-Z]*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_vectors_written_down_are_those_drawn_today(vectors, name):
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text_of(vectors[name]), MEND


@pytest.mark.parametrize("name", NAMES)
def test_the_bytes_written_down_are_read_and_written_back_the_same(name):
    written = read(name)
    telegram = verified(name)
    assert type(telegram.header).__name__ == name
    assert encode_json(telegram.header).decode() == written["header"]
    assert encode_envelope(telegram.envelope) == raw(written["envelope"])
    assert telegram.envelope.jws.decode() == written["jws"]
    assert decode_frame(encode_frame([telegram.envelope]))[0].header == telegram.header


@pytest.mark.parametrize("name", NAMES)
def test_a_vector_can_be_read_with_nothing_but_json_and_base64(name):
    written = read(name)
    header, payload, signature = written["jws"].split(".")
    pad = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))  # noqa: E731  shorter than a function
    assert pad(header).decode() == f'{{"alg":"ES256","kid":"{written["author"]}"}}'
    assert pad(payload).decode() == written["header"]
    assert len(pad(signature)) == 64
    described = json.loads(written["header"]).get("parts", [])
    assert len(described) == len(written["parts"])
    for part, line in zip(written["parts"], described, strict=True):
        sent = raw(part.get("salt", "")) + raw(part["content"])
        assert raw(line["digest"]) == hashlib.sha256(sent).digest()
        assert (line["name"], line.get("item", 0), line["size"]) == (part["name"], part["item"], len(sent))
        assert line.get("personal", False) == part["personal"] == ("salt" in part)


@pytest.mark.parametrize("name", NAMES)
def test_the_keys_written_down_are_those_of_the_scalars(name):
    written = read(name)
    assert SigningKey.from_scalar(written["private scalar"]).public.spki == written["spki"]


def test_the_permit_written_down_is_a_leaf_of_the_log():
    proof = decode_json(verified("PermitGranted").part("permit"), Permit)
    key = NoteVerifier.from_vkey(LOG.verifier.vkey)
    checkpoint = open_checkpoint(proof.checkpoint.encode(), (key,), LOG.name).checkpoint
    leaf = leaf_hash(entry_of(proof.content))
    check_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root)
    assert verified("Inquire").header.statements[0].leaf_hash == leaf


def test_the_openings_written_down_open_the_permits_commitments():
    content = decode_json(decode_json(verified("PermitGranted").part("permit"), Permit).content, PermitContent)
    own = decode_json(verified("PermitGranted").part("opening"), Opening)
    code_a = decode_json(verified("RequestPermit").part("link code"), LinkCode)
    check_opening(content.commitments.inquirer_code, INQUIRER_CODE, code_a.value.encode(), own.salt)
    other = decode_json(verified("InquireAt").part("link code"), Opening)
    check_opening(content.commitments.provider_code, PROVIDER_CODE, other.value.encode(), other.salt)


def test_the_inquiry_passes_the_core_as_its_author_signed_it():
    enclosed = decode_envelope(verified("InquireAt").part("statement"))
    key = VerifyKey.from_spki(read("Inquire")["spki"])
    assert check_signature(enclosed, key) == verified("Inquire")


def test_the_seals_written_down_open():
    statement = verified("Inquire").header.statements[0]
    place = statement.leaf_hash, statement.serial.value
    asked, given = read("Inquire"), read("Provide")
    check = unseal(
        new_private(SealSuite(asked["suite"]), raw(asked["seed of the provider's seal key"])),
        verified("Inquire").part("subject check"),
        subject_info(*place),
    )
    assert compare(check, Subject(date(1990, 4, 1), "2", "ミホン ハナコ")) == ()
    private = new_private(SealSuite(given["suite"]), raw(given["seed of the inquirer's body key"]))
    assert private.public_bytes == statement.body_key
    body = decode_json(unseal(private, verified("Provide").part("body"), body_info(*place)), Body)
    assert (body.serial, body.subject["born"]) == (statement.serial, "1990-04-01")


def thousandfold(name):
    """The header of a vector with a thousand exchanges in the bulk lane."""
    header = verified(name).header
    changes = {"lane": Lane.BULK}
    serials = tuple(Serial(f"9901000000000001-0{number:025}") for number in range(1000))
    for field in ("serials", "statements", "completions", "outcomes"):
        if items := getattr(header, field, ()):
            one = items[0]
            changes[field] = (
                serials
                if isinstance(one, Serial)
                else tuple(msgspec.structs.replace(one, serial=serial) for serial in serials)
            )
    per_item = [part for part in header.parts if part.name not in {"statement", "cosigned head"}]
    whole = tuple(part for part in header.parts if part not in per_item)
    changes["parts"] = whole + tuple(
        msgspec.structs.replace(part, item=item) for item in range(1000) for part in per_item
    )
    return msgspec.structs.replace(header, **changes)


@pytest.mark.parametrize("hop", [hop for hop in CATALOGUE if hop.number], ids=lambda hop: hop.telegram.__name__)
def test_a_thousand_exchanges_fit_the_header_of_the_bulk_lane(hop):
    for kind in (hop.telegram, hop.answer):
        size = len(encode_json(thousandfold(kind.__name__)))
        assert size <= HEADER_LIMIT[Lane.BULK], f"{kind.__name__}: {size} bytes"


def test_a_thousand_inquiries_fit_in_the_strictest_suite_too():
    header = thousandfold("Inquire")
    assert isinstance(header, Inquire)
    key = new_private(SealSuite.STRICT, bytes(32)).public_bytes
    statements = tuple(
        msgspec.structs.replace(each, suite=SealSuite.STRICT.value, body_key=key) for each in header.statements
    )
    assert len(encode_json(msgspec.structs.replace(header, statements=statements))) <= HEADER_LIMIT[Lane.BULK]
