"""Targets for what is signed and proved: notes, heads, keys of logs, proofs, tiles, and a whole log."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from datetime import timedelta

from fuzz import land
from fuzz.target import Form, require, same, target
from nakadachi.commission.oversight import read_request
from nakadachi.crypto.notes import NoteVerifier, add_signature, note_text, open_note, sign_note
from nakadachi.ledger.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from nakadachi.ledger.heads import Heads, WhenStale
from nakadachi.ledger.proofs import read_proofs
from nakadachi.ledger.tiles import read_tile_path
from nakadachi.ledger.tree import (
    Frontier,
    append,
    check_consistency,
    check_inclusion,
    consistency_proof,
    fetch_from_tiles,
    inclusion_proof,
    leaf_hash,
    load_frontier,
    tree_root,
)
from nakadachi.ledger.verify import Keys, LoggedContent, verify_log
from nakadachi.ledger.walk import walk_log
from nakadachi.refusal import Refusal
from tools import sample_telegrams as sample

ORIGIN = sample.LOG.name
VERIFIERS = (sample.LOG.verifier, sample.WITNESS.verifier)
ENTRIES = [b"before", b"a permit", b"after"]


def _head() -> bytes:
    return sample.the_permit()[2]


@target(
    "note",
    covers=["crypto.notes:open_note", "crypto.notes:note_text", "ledger.checkpoint:open_checkpoint"],
    seeds=lambda: {"cosigned": _head(), "document": land.signed(b'{"format":1}')},
    form=Form.TEXT,
    weight=2,
)
def note(data: bytes) -> str:
    """A signed note from anywhere; what a stranger adds below it changes nothing."""
    text = note_text(data)
    with suppress(Refusal):
        land.trust().open(data)
    opened = open_note(data, VERIFIERS, {ORIGIN})
    more = add_signature(data, sample.DOCUMENTS[0])
    if data.count(b"\n\xe2\x80\x94 ") < 60:
        same(open_note(more, VERIFIERS, {ORIGIN}), opened, "a signature of a stranger changes a note")
    same(opened.text, text, "a note has two texts")
    return type(open_checkpoint(data, VERIFIERS, ORIGIN)).__name__


@target(
    "head",
    covers=["ledger.heads:Heads.see", "ledger.checkpoint:Checkpoint.parse"],
    seeds=lambda: {
        "now": int(land.NOW.timestamp()).to_bytes(8, "big") + note_text(_head()).encode(),
        "never": bytes(8) + f"{ORIGIN}\n0\n{base64.b64encode(bytes(32)).decode()}\n".encode(),
    },
    form=Form.TEXT,
)
def head(data: bytes) -> str:
    """A head with true signatures: time and text of it are hostile."""
    at, text = int.from_bytes(data[:8], "big") % 2**63, data[8:].decode(errors="replace")
    try:
        signed = add_signature(sign_note(text, sample.LOG), sample.WITNESS, at=at)
    except ValueError:
        return "nothing a signer signs"
    heads = Heads(timedelta(minutes=5), WhenStale.REFUSE)
    heads.see(signed, ORIGIN, land.directory(), land.NOW)
    with suppress(Refusal):
        heads.require_recent(ORIGIN, land.NOW)
    checkpoint = Checkpoint.parse(text)
    same(checkpoint.text(), text, "a checkpoint has two spellings")
    return "seen"


@target(
    "vkey",
    covers=["crypto.notes:NoteVerifier.from_vkey"],
    seeds=lambda: {"log": sample.LOG.verifier.vkey.encode(), "witness": sample.WITNESS.verifier.vkey.encode()},
    form=Form.TEXT,
    errors=(Refusal, UnicodeDecodeError),
    largest=1024,
)
def vkey(data: bytes) -> str:
    """A published key: it has one spelling."""
    text = data.decode()
    verifier = NoteVerifier.from_vkey(text)
    same(verifier.vkey, text, "a published key has two spellings")
    return verifier.kind.name


def _witness_request() -> dict[str, bytes]:
    grown = append(Frontier(), [leaf_hash(entry) for entry in ENTRIES])
    nodes = {(0, place): leaf_hash(entry) for place, entry in enumerate(ENTRIES)}
    proof = consistency_proof(2, 3, lambda level, index: nodes.get((level, index), bytes(32)))
    signed = sign_checkpoint(Checkpoint(ORIGIN, 3, grown.root), sample.LOG)
    lines = [b"old 2", *(base64.b64encode(one) for one in proof)]
    return {"grown": b"\n".join(lines) + b"\n\n" + signed, "first": b"old 0\n\n" + signed}


@target(
    "witness-request",
    covers=["commission.oversight:read_request", "ledger.tree:check_consistency"],
    seeds=_witness_request,
    form=Form.TEXT,
)
def witness_request(data: bytes) -> str:
    """A core's wish for a cosignature: it has one spelling."""
    old, proof, signed = read_request(data)
    lines = [b"old %d" % old, *(base64.b64encode(one) for one in proof)]
    same(b"\n".join(lines) + b"\n\n" + signed, data, "a witness request has two spellings")
    new = open_checkpoint(signed, VERIFIERS, ORIGIN).checkpoint
    check_consistency(old, bytes(32), new.size, new.root, proof)
    return "consistent"


@target(
    "consistency-proofs",
    covers=["ledger.proofs:read_proofs"],
    seeds=lambda: {"one": b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "none": b"\n"},
    form=Form.TEXT,
)
def consistency_proofs(data: bytes) -> str:
    """What a core answers to the question for proofs: hashes of the right length, as many lines as were asked for."""
    found = read_proofs(data, 1)
    require(all(len(one) == 32 for path in found for one in path), "a hash of another length")
    return f"{len(found)} proofs"


@target(
    "proofs",
    covers=["ledger.tree:check_inclusion", "ledger.tree:check_consistency"],
    seeds=lambda: {"three": bytes((1, 0, 0, 0, 0, 0, 0, 0, 3)) + bytes(32) * 4, "small": bytes(9)},
)
def proofs(data: bytes) -> str:
    """Paths of any numbers and hashes; a proof for this tree is made and must hold."""
    index, size = int.from_bytes(data[:1], "big"), int.from_bytes(data[1:9], "big")
    hashes = [data[at : at + 32] for at in range(9, len(data), 32)]
    root = hashes.pop() if hashes else b""
    with suppress(Refusal):
        check_inclusion(bytes(32), index, size, hashes, root)
    with suppress(Refusal):
        check_consistency(index, bytes(32), size, root, hashes)
    whole = [leaf_hash(bytes((place,))) for place in range(size % 50)]
    if not whole:
        return "empty"
    grown = append(Frontier(), whole)
    place = index % len(whole)
    check_inclusion(whole[place], place, len(whole), grown.paths[place], grown.root)
    return "proved"


@target(
    "tiles",
    covers=["ledger.tree:fetch_from_tiles", "ledger.tree:load_frontier", "ledger.tree:tree_root"],
    seeds=lambda: {"full": bytes((1, 44)) + bytes(32) * 256, "part": bytes((0, 3)) + bytes(32) * 3},
)
def tiles(data: bytes) -> str:
    """Tiles of any length where a tree of up to 65,535 leaves is to be read."""
    size, tile = int.from_bytes(data[:2], "big"), data[2:]
    fetch = fetch_from_tiles(lambda _level, _index: tile)
    root = tree_root(size, fetch)
    same(load_frontier(size, fetch).root, root, "a tree has two roots")
    if size:
        inclusion_proof(size // 2, size, fetch)
        consistency_proof(size // 2, size, fetch)
    return "read"


def _logged() -> dict[str, bytes]:
    grown = append(Frontier(), [leaf_hash(entry) for entry in ENTRIES])
    signed = sign_checkpoint(Checkpoint(ORIGIN, 3, grown.root), sample.LOG)
    return {"log": signed, "cosigned": add_signature(signed, sample.WITNESS, at=int(land.NOW.timestamp()))}


@target(
    "log",
    covers=["ledger.verify:verify_log", "ledger.verify:read_checkpoint"],
    seeds=_logged,
    form=Form.TEXT,
    errors=(),
)
def log(data: bytes) -> str:
    """An outsider's check of a log: whatever is handed in, a verdict comes back."""
    text = data.decode(errors="surrogateescape")
    witnesses = (sample.WITNESS.verifier.vkey,)
    path = tuple(data[at : at + 32] for at in range(0, min(len(data), 2048), 32))
    contents = [LoggedContent(data[:40], len(data) - 100, path, text)]
    for keys in (
        Keys((sample.LOG.verifier.vkey,)),
        Keys((sample.LOG.verifier.vkey,), witnesses),
        Keys((text,), (text,)),
    ):
        verdict = verify_log(ENTRIES, text, keys, contents)
    return "ok" if verdict.ok else str(verdict.problems[0])


def _files() -> dict[str, bytes]:
    """What a log hands out for a bundle or a tile, and how their paths are written."""
    bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in ENTRIES)
    return {"bundle": bundle, "tile": b"".join(map(leaf_hash, ENTRIES)), "path": b"2/x001/x234/067.p/255"}


@target("walk", covers=["ledger.walk:walk_log", "ledger.tiles:read_tile_path"], seeds=_files, errors=())
def walk(data: bytes) -> str:
    """A walk through a log that hands out whatever it likes: a verdict comes back, and its paths have one spelling."""
    signed = _logged()["log"]

    async def fetch(path: str) -> bytes | None:
        if path == "checkpoint":
            return signed
        require(read_tile_path(path.removeprefix("tile/")) is not None, "a path that names nothing")
        return data if data[:1] != b"0" else None

    named = read_tile_path(data.decode(errors="replace"))
    remembered = data.decode(errors="replace")
    walked = [
        asyncio.run(walk_log(fetch, Keys((sample.LOG.verifier.vkey,)), remembered=old)) for old in ("", remembered)
    ]
    if named is not None:
        return "named"
    return "ok" if walked[0].ok else walked[0].problems[0].partition(":")[0]
