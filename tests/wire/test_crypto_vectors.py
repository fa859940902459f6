"""The golden vectors of the cryptographic parts: what is written down is still drawn, and still read by its reader."""

import base64
import hashlib
import json
from datetime import date

import pytest

from nakadachi.core.codes import IdCode, Meaning, ReversibleScheme, link_key
from nakadachi.crypto.commitment import check_opening
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.crypto.sealing import SealSuite, body_info, new_private, subject_info, unseal
from nakadachi.crypto.signing import VerifyKey, read_compact, verify
from nakadachi.crypto.subject import Subject, compare
from nakadachi.law import lawbook
from nakadachi.ledger.checkpoint import open_checkpoint
from nakadachi.ledger.tree import Frontier, check_consistency, check_inclusion
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.codec import decode_json
from nakadachi.terms import LinkCode, OrganisationCode, Prefix
from tools import sample_law, vectors


def raw(text):
    return base64.b64decode(text, validate=True)


@pytest.mark.parametrize("family", list(vectors.FAMILIES))
def test_the_vectors_written_down_are_those_drawn_today(family):
    written = (vectors.FOLDER / f"{family}.json").read_text(encoding="utf-8")
    assert written == vectors.text_of(family), "the wire changed: decide that, then run tools/vectors.py"


def test_every_proof_written_down_passes():
    written = vectors.read("tree")
    leaves = [raw(leaf) for leaf in written["leaf hashes"]]
    assert leaves == [hashlib.sha256(b"\x00" + raw(entry)).digest() for entry in written["entries"]]
    roots = [raw(tree["root"]) for tree in written["trees"]]
    for tree in written["trees"]:
        size, root = tree["size"], raw(tree["root"])
        assert Frontier(size, tuple(raw(each) for each in tree["frontier"])).root == root
        for index, path in enumerate(tree["inclusion"]):
            check_inclusion(leaves[index], index, size, [raw(each) for each in path], root)
        for old, path in enumerate(tree["consistency from"]):
            check_consistency(old, roots[old], size, root, [raw(each) for each in path])


def test_the_checkpoint_written_down_opens():
    written = vectors.read("notes")
    keys = [NoteVerifier.from_vkey(written[who]["vkey"]) for who in ("log", "witness")]
    witness = written["witness"]["name"]
    opened = open_checkpoint(written["cosigned"].encode(), keys, written["log"]["name"], cosigners={witness})
    assert opened.checkpoint.size == written["size"]
    assert opened.checkpoint.root == raw(written["root"])
    assert opened.note.cosigned_at(witness) == written["cosigned at"]


def test_the_signature_written_down_verifies_and_its_look_alikes_do_not():
    written = vectors.read("signing")
    key = VerifyKey.from_spki(written["spki"])
    assert verify(read_compact(written["jws"].encode()), key) == raw(written["payload"])
    for reason in (Reason.BAD_FORMAT, Reason.BAD_SIGNATURE):
        for jws in written[f"refused as {reason.value}"]:
            with pytest.raises(Refusal) as refused:
                verify(read_compact(jws.encode()), key)
            assert refused.value.reason is reason


@pytest.mark.parametrize("suite", list(SealSuite))
def test_the_seals_written_down_open(suite):
    written = vectors.read("sealing")
    private = new_private(suite, raw(written["seed"]))
    place = raw(written["leaf hash"]), written["serial"]
    assert hashlib.sha256(private.public_bytes).digest() == raw(written[suite.value]["public SHA-256"])
    for name, info in (("sealed body", body_info(*place)), ("sealed subject check", subject_info(*place))):
        assert unseal(private, raw(written[suite.value][name]), info) == raw(written["plaintext"])


def test_the_subject_checks_written_down_find_their_person():
    for person in vectors.read("subject")["checks"]:
        own = Subject(date.fromisoformat(person["born"]), person["sex"], person["kana"])
        assert compare(person["check"].encode(), own) == ()


def test_the_commitments_written_down_open():
    written = vectors.read("commitment")
    for case in written["commitments"]:
        check_opening(raw(case["commitment"]), case["label"], raw(case["value"]), raw(written["salt"]))


def test_the_link_codes_written_down_are_read():
    written = vectors.read("codes")
    master = raw(written["link master key"])
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(master, organisation, key_index))
    for case in written["codes"]:
        organisation = OrganisationCode(case["organisation"])
        read = scheme.read_one(LinkCode(case["link code"]), organisation)
        assert read == Meaning(organisation, IdCode(raw(case["ID code"])), case["key index"], case["generation"])


def test_the_law_book_written_down_is_read_and_answers_as_it_did():
    written = vectors.read("lawbook")
    book = lawbook.parse(written["text"].encode())
    assert book.masters.private_bodies == (sample_law.PRIVATE_INSURER, sample_law.COMPANY)
    for case in written["asked"]:
        prefix = decode_json(json.dumps(case["prefix"]).encode(), Prefix)
        assert sample_law.answer(book, prefix, date.fromisoformat(case["on"])) == case["row"]
    assert {case["row"] for case in written["asked"]} == {"018.1", "018.2", "951.1", "NOT_IN_TABLE"}
