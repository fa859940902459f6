"""Draws the golden vectors of the cryptographic parts anew: fixed inputs, fixed bytes, for anybody who builds a peer.

`python tools/vectors.py` writes `tests/wire/vectors/*.json`. A difference there is a change of the wire and needs a
decision record. Seals hold chance, so a seal that is already written down is kept, not drawn anew. All persons are
generated.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nakadachi.core.codes import Meaning, ReversibleScheme, id_code_of, link_key
from nakadachi.crypto.commitment import commit, digest, salted_digest
from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature
from nakadachi.crypto.sealing import SealSuite, body_info, new_private, seal, subject_info
from nakadachi.crypto.signing import SigningKey, sign_compact
from nakadachi.crypto.subject import Subject, normalise, subject_check
from nakadachi.ledger.checkpoint import Checkpoint, sign_checkpoint
from nakadachi.ledger.tree import Frontier, append, consistency_proof, leaf_hash, tile_path, tile_root
from nakadachi.telegrams.codec import encode_json
from nakadachi.terms import OrganisationCode
from tools import sample_law

if TYPE_CHECKING:
    from collections.abc import Callable

Vectors = dict[str, Any]
FOLDER = Path(__file__).parent.parent / "tests" / "wire" / "vectors"
SALT = bytes(range(32))
ORGANISATION = OrganisationCode("0000000000000001")
SERIAL = "0000000000000001-01J00000000000000000000000"
LEAF = leaf_hash(b"a permit")


def b64(raw: bytes) -> str:
    """Bytes as they stand in a vector: standard base64."""
    return base64.b64encode(raw).decode()


def tree(_kept: Vectors) -> Vectors:
    """Trees of 0 to 9 leaves: roots, the paths of every leaf, and every consistency proof."""
    entries = [bytes((number,)) for number in range(9)]
    leaves = [leaf_hash(entry) for entry in entries]
    trees = []
    for size in range(10):
        grown = append(Frontier(), leaves[:size])
        proofs = [
            [b64(each) for each in consistency_proof(old, size, lambda level, at: _node(leaves, level, at))]
            for old in range(size + 1)
        ]
        trees.append(
            {
                "size": size,
                "root": b64(grown.root),
                "frontier": [b64(each) for each in grown.frontier.hashes],
                "inclusion": [[b64(each) for each in path] for path in grown.paths],
                "consistency from": proofs,
            }
        )
    tiles = [(0, 0, 256), (0, 1_234_067, 255), (2, 1000, 1)]
    return {
        "entries": [b64(entry) for entry in entries],
        "leaf hashes": [b64(leaf) for leaf in leaves],
        "trees": trees,
        "tiles": [
            {"level": lev, "index": at, "width": wide, "path": tile_path(lev, at, wide)} for lev, at, wide in tiles
        ],
    }


def _node(leaves: list[bytes], level: int, index: int) -> bytes:
    return tile_root(b"".join(leaves[index << level : (index + 1) << level]))


def notes(_kept: Vectors) -> Vectors:
    """A checkpoint signed by its log and cosigned by a witness."""
    log = NoteSigner.from_seed("core.example/1", bytes(32))
    witness = NoteSigner.from_seed("commission.example", bytes(31) + b"\x01", NoteKind.COSIGNATURE)
    checkpoint = Checkpoint(log.name, 20_852_163, bytes(range(32)))
    signed = sign_checkpoint(checkpoint, log)
    return {
        "log": {"name": log.name, "seed": b64(bytes(32)), "vkey": log.verifier.vkey},
        "witness": {"name": witness.name, "seed": b64(bytes(31) + b"\x01"), "vkey": witness.verifier.vkey},
        "size": checkpoint.size,
        "root": b64(checkpoint.root),
        "signed": signed.decode(),
        "cosigned at": 1_790_000_000,
        "cosigned": add_signature(signed, witness, at=1_790_000_000).decode(),
    }


def signing(_kept: Vectors) -> Vectors:
    """A JWS under a known key, and texts that look like one and must be refused."""
    key, kid = SigningKey.from_scalar(1), f"intermediate:{ORGANISATION.value}"
    jws = sign_compact(key, b'{"telegram":"Example"}', kid=kid).decode()
    header, payload, signature = jws.split(".")
    other = base64.urlsafe_b64encode(b'{"alg":"none","kid":"a"}').decode().rstrip("=")
    return {
        "private scalar": 1,
        "spki": key.public.spki,
        "kid": kid,
        "payload": b64(b'{"telegram":"Example"}'),
        "jws": jws,
        "refused as BAD_FORMAT": [
            f"{jws}=",
            f"{other}.{payload}.{signature}",
            f"{header}.{payload}",
            f"{header}.{payload}.{signature[:-2]}",
        ],
        "refused as BAD_SIGNATURE": [f"{header}.{payload[:-4]}AAAA.{signature}"],
    }


def sealing(kept: Vectors) -> Vectors:
    """Per suite: the public key of a seed, and one sealed body and subject check."""
    drawn: Vectors = {"leaf hash": b64(LEAF), "serial": SERIAL, "seed": b64(SALT), "plaintext": b64(b"a body")}
    for suite in SealSuite:
        public = new_private(suite, SALT).public_bytes
        known = kept.get(suite.value, {})
        drawn[suite.value] = {
            "public SHA-256": b64(hashlib.sha256(public).digest()),
            "sealed body": known.get("sealed body") or b64(seal(suite, public, b"a body", body_info(LEAF, SERIAL))),
            "sealed subject check": known.get("sealed subject check")
            or b64(seal(suite, public, b"a body", subject_info(LEAF, SERIAL))),
        }
    return drawn


def subject(_kept: Vectors) -> Vectors:
    """Subject checks of generated persons, and names in kana with their one spelling."""
    people = [("1990-04-01", "2", "ネットワーク ハナコ"), ("1990-04-01", "2", None), ("2001-01-31", "1", "ﾀﾛｳ")]
    names = ["ねっとわーく　はなこ", "ﾈｯﾄﾜｰｸ ﾊﾅｺ", "カ゛", "ジョン・スミス", "ゔゎゝゞ", "キヤ", "キャ"]
    return {
        "key": b64(SALT),
        "checks": [
            {
                "born": born,
                "sex": sex,
                "kana": kana,
                "check": subject_check(SALT, Subject(date.fromisoformat(born), sex, kana)).decode(),
            }
            for born, sex, kana in people
        ],
        "kana": [{"written": name, "normalised": normalise(name)} for name in names],
    }


def commitment(_kept: Vectors) -> Vectors:
    """Commitments and digests under a known salt."""
    cases = [("inquirer code", b"value"), ("provider code", b""), ("person tag", bytes(32))]
    return {
        "salt": b64(SALT),
        "commitments": [
            {"label": label, "value": b64(value), "commitment": b64(commit(label, value, SALT))}
            for label, value in cases
        ],
        "content": b64(b"a part"),
        "digest": b64(digest(b"a part")),
        "salted digest": b64(salted_digest(SALT, b"a part")),
    }


def codes(_kept: Vectors) -> Vectors:
    """ID codes of generated resident record codes, and their link codes under known keys."""
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(SALT, organisation, key_index))
    places = [(ORGANISATION, 0, 0), (ORGANISATION, 0, 1), (ORGANISATION, 258, 0), (OrganisationCode("9" * 16), 0, 255)]
    drawn = []
    for resident_record_code in ("00000000019", "12345678903"):
        id_code = id_code_of(SALT, resident_record_code)
        for organisation, key_index, generation in places:
            drawn.append(
                {
                    "resident record code": resident_record_code,
                    "ID code": b64(id_code.value),
                    "organisation": organisation.value,
                    "key index": key_index,
                    "generation": generation,
                    "link key": b64(link_key(SALT, organisation, key_index)),
                    "link code": scheme.issue_one(Meaning(organisation, id_code, key_index, generation)).value,
                }
            )
    return {"ID key": b64(SALT), "link master key": b64(SALT), "codes": drawn}


def lawbook(_kept: Vectors) -> Vectors:
    """A law book with private bodies and a table of theirs, as it is signed, and what it says to some who ask."""
    book = sample_law.small()
    return {
        "text": book.to_bytes().decode(),
        "asked": [
            {
                "prefix": json.loads(encode_json(prefix)),
                "on": day.isoformat(),
                "row": sample_law.answer(book, prefix, day),
            }
            for prefix, day in sample_law.asked()
        ],
    }


FAMILIES: dict[str, Callable[[Vectors], Vectors]] = {
    "tree": tree,
    "notes": notes,
    "signing": signing,
    "sealing": sealing,
    "subject": subject,
    "commitment": commitment,
    "codes": codes,
    "lawbook": lawbook,
}


def read(family: str) -> Vectors:
    """The vectors of a family as written down; empty where there are none yet."""
    path = FOLDER / f"{family}.json"
    written: Vectors = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return written


def text_of(family: str) -> str:
    """The text that belongs into a family's file."""
    return json.dumps(FAMILIES[family](read(family)), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write every family's file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for family in FAMILIES:
        (FOLDER / f"{family}.json").write_text(text_of(family), encoding="utf-8")
        sys.stdout.write(f"tests/wire/vectors/{family}.json\n")


if __name__ == "__main__":
    main()
