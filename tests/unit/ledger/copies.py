"""A log as static files, made by the letter of C2SP tlog-tiles and by nothing of ours but the signature."""

import hashlib

from nakadachi.crypto.notes import NoteKind, NoteSigner, add_signature, sign_note
from nakadachi.ledger.checkpoint import Checkpoint
from nakadachi.ledger.verify import Keys

ORIGIN = "core.example/1"
LOG = NoteSigner.from_seed(ORIGIN, bytes(32))
WITNESS = NoteSigner.from_seed("witness.example", bytes(31) + b"\x01", NoteKind.COSIGNATURE)
KEYS = Keys((LOG.verifier.vkey,), (WITNESS.verifier.vkey,))


def entries_of(count, begin=0):
    return [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(begin, begin + count)]


def leaf(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def root_over(hashes):
    """The root over hashes by its definition (RFC 6962 2.1)."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_over(hashes[:left]) + root_over(hashes[left:])).digest()


def name_of(index):
    text = f"{index:03}"
    text = "0" * (-len(text) % 3) + text
    groups = [text[at : at + 3] for at in range(0, len(text), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def note_of(entries, signer=LOG, origin=ORIGIN, cosigner=WITNESS):
    root = root_over([leaf(entry) for entry in entries])
    note = sign_note(Checkpoint(origin, len(entries), root).text(), signer)
    return add_signature(note, cosigner, at=7) if cosigner else note


def copy_of(entries):
    """All files of a log that has these entries, by path."""
    files = {"checkpoint": note_of(entries)}
    for kind, things, form in (
        ("entries", entries, lambda entry: len(entry).to_bytes(2, "big") + entry),
        *((str(level), hashes, bytes) for level, hashes in enumerate(levels_of(entries))),
    ):
        for index in range(-(-len(things) // 256)):
            part = things[index * 256 : index * 256 + 256]
            width = f".p/{len(part)}" if len(part) < 256 else ""
            files[f"tile/{kind}/{name_of(index)}{width}"] = b"".join(map(form, part))
    return files


def levels_of(entries):
    hashes = [leaf(entry) for entry in entries]
    while hashes:
        yield hashes
        hashes = [root_over(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]


def reader(files):
    async def read(path):
        return files.get(path)

    return read
