"""An outsider's check of a log. Shares no code with the writer but the hash function: one fault cannot hide in both.

Takes what anybody can fetch: the entries in order, a checkpoint's note, the published keys, and permits or records
with their paths. Roots are computed by the recursive definition of RFC 6962; notes are read anew here (C2SP
signed-note, tlog-checkpoint, tlog-cosignature v1). Never knows what an entry stands for.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

_SIGNATURE = 0x01
_COSIGNATURE = 0x04
_CACHED_LEAVES = 1024


@dataclass(frozen=True, slots=True)
class LoggedContent:
    """検証対象: something said to be in the log: its content as logged, index, inclusion path, and a checkpoint's note.

    The log's entry is the SHA-256 of the content.
    """

    content: bytes = field(repr=False)
    index: int
    path: tuple[bytes, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """検証結果: what was found; `problems` is empty where all is well, `size` and `root` are those computed."""

    size: int
    root: bytes
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Keys:
    """公開鍵: the published keys as vkeys: the log's own (one, or several over a rotation) and the witnesses'.

    Each witness named here must have cosigned.
    """

    log: tuple[str, ...]
    witnesses: tuple[str, ...] = ()


class Wrong(Exception):  # noqa: N818  never leaves the outsider's checks
    """One finding, in a sentence."""


def verify_log(
    entries: Iterable[bytes], checkpoint: str, keys: Keys, contents: Iterable[LoggedContent] = ()
) -> Verdict:
    """Check a log against its checkpoint, and contents against the log. Total: what is wrong stands in the verdict.

    `entries` are all entries in order; `checkpoint` is the note; `contents` may carry older checkpoints of the same
    log: they must be signed by the log and be roots of the same entries (witnesses need not have seen them).
    """
    tree = _Tree([hashlib.sha256(b"\x00" + entry).digest() for entry in entries])
    count = len(tree.leaves)
    problems: list[str] = []
    origin = None
    try:
        origin, size, root = read_checkpoint(checkpoint, keys, keys.witnesses)
        if size != count:
            problems.append(f"the checkpoint says {size} entries, there are {count}")
        elif tree.root(size) != root:
            problems.append(
                f"the root over {size} entries is not the checkpoint's: entries were changed, dropped or added"
            )
    except Wrong as wrong:
        problems.append(f"checkpoint: {wrong}")
    for place, content in enumerate(contents):
        try:
            _check_content(content, tree, keys, origin)
        except Wrong as wrong:
            problems.append(f"content {place} (index {content.index}): {wrong}")
    return Verdict(count, tree.root(count), tuple(problems))


class _Tree:
    """The leaf hashes and, once computed, the roots of larger whole subtrees."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves."""
        return self._root(0, size) if size else hashlib.sha256(b"").digest()

    def _root(self, begin: int, size: int) -> bytes:
        if size == 1:
            return self.leaves[begin]
        known = self._known.get((begin, size))
        if known is None:
            left = split_at(size)
            known = inner(self._root(begin, left), self._root(begin + left, size - left))
            if size >= _CACHED_LEAVES:
                self._known[begin, size] = known
        return known


def _check_content(content: LoggedContent, tree: _Tree, keys: Keys, origin: str | None) -> None:
    named, size, root = read_checkpoint(content.checkpoint, keys, ())
    if origin is not None and named != origin:
        raise Wrong("its checkpoint is of another log")
    if not 0 <= content.index < size:
        raise Wrong(f"its checkpoint has {size} entries only")
    leaf = hashlib.sha256(b"\x00" + hashlib.sha256(content.content).digest()).digest()
    if _climb(leaf, content.index, size, content.path) != root:
        raise Wrong("its path does not lead to its checkpoint's root")
    if size > len(tree.leaves):
        raise Wrong(f"its checkpoint has {size} entries, the log {len(tree.leaves)}: the log was cut")
    if tree.root(size) != root:
        raise Wrong("its checkpoint is signed but not of these entries: the log shows two faces")


def _climb(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to, from its definition: the last hash is the other half of the whole tree."""
    if size == 1:
        if path:
            raise Wrong("its path is too long")
        return leaf
    if not path:
        raise Wrong("its path is too short")
    left = split_at(size)
    if index < left:
        return inner(_climb(leaf, index, left, path[:-1]), path[-1])
    return inner(path[-1], _climb(leaf, index - left, size - left, path[:-1]))


def split_at(size: int) -> int:
    """The largest power of two less than `size`."""
    left = 1
    while left * 2 < size:
        left *= 2
    return left


def inner(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def read_checkpoint(note: str, keys: Keys, witnesses: tuple[str, ...]) -> tuple[str, int, bytes]:
    """Origin, size and root of a note, its signatures checked."""
    text, mark, below = note.rpartition("\n\n")
    lines = text.split("\n")
    if not mark or len(lines) != 3:
        raise Wrong("the note is not three lines, a blank one, and signatures")
    signatures = _read_signatures(below)
    body = f"{text}\n".encode(errors="surrogatepass")
    if not any(_signed(body, signatures, vkey, _SIGNATURE, lines[0]) for vkey in keys.log):
        raise Wrong("the log itself has not signed it")
    for vkey in witnesses:
        if not _signed(body, signatures, vkey, _COSIGNATURE, None):
            raise Wrong(f"the witness {vkey.partition('+')[0]} has not cosigned it")
    if not (lines[1].isascii() and lines[1].isdigit()) or str(size := int(lines[1][:20])) != lines[1]:
        raise Wrong("its size is not a decimal number")
    return lines[0], size, _unbase64(lines[2], 32)


def _read_signatures(below: str) -> list[tuple[str, bytes]]:
    signatures = []
    for line in below.rstrip("\n").split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if dash != "—" or not name:
            raise Wrong("a signature line is not `— name base64`")
        signatures.append((name, _unbase64(encoded)))
    return signatures


def _signed(body: bytes, signatures: list[tuple[str, bytes]], vkey: str, kind: int, named: str | None) -> bool:
    """Whether the key of a vkey has signed; a signature that claims to be its and does not verify is a finding."""
    name, _, rest = vkey.partition("+")
    raw = _unbase64(rest.partition("+")[2], 33)
    if raw[0] != kind:
        raise Wrong(f"the key of {name} is not of type {kind}")
    key_id = hashlib.sha256(name.encode(errors="surrogatepass") + b"\n" + raw).digest()[:4]
    found = False
    for signer, signature in signatures:
        if signer == name and signature[:4] == key_id and named in (None, name):
            _check_signature(body, signature[4:], raw[1:], kind, name)
            found = True
    return found


def _check_signature(body: bytes, signature: bytes, public: bytes, kind: int, name: str) -> None:
    if kind == _COSIGNATURE:
        at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        body = f"cosignature/v1\ntime {at}\n".encode() + body
    try:
        VerifyKey(public).verify(body, signature)
    except (CryptoError, ValueError):
        raise Wrong(f"the signature of {name} does not verify") from None


def _unbase64(text: str, length: int | None = None) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("it holds what is not base64") from None
    if length not in (None, len(raw)):
        raise Wrong(f"it holds {len(raw)} bytes where {length} belong")
    return raw
