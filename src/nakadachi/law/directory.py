"""The directory: which systems there are, where, and by which public keys; it never holds a secret nor a person.

Requirements C16, L9, design 2.2, 2.3, 2.5 and 2.6. Keys stay texts here; what computes with them is `crypto`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from nakadachi.law.reading import LawError, problem, read_code, write_code
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import NodeName, Role

SEALERS = frozenset({Role.INTERMEDIATE, Role.PORTAL})
"""The only roles that may hold a seal key: nobody else can open a body (I16, M11)."""
ED25519_LOG, ED25519_WITNESS = 0x01, 0x04
"""Signature types of C2SP signed notes: of a log (signed-note) and of a witness (tlog-cosignature)."""
VKEY_BYTES = 33
FORMER_KEYS_LIMIT = 8
MEMBERS_SINCE = {"former_signing_keys": "0.2.0"}
"""Members of a node that versions before the one named do not read; the directory of 0.1.0 had all the others."""
P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""How the SPKI DER of every uncompressed P-256 key begins; 64 bytes follow (RFC 5480)."""

Url = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9+.-]*://[^\s\x00-\x1f\x7f]+\Z", max_length=2048)]
Hex = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9a-f][0-9a-f]*)$", max_length=40)]
Version = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){2}$")]
OriginName = Annotated[str, msgspec.Meta(pattern=r"^[^\s+\x00-\x1f\x7f]{1,200}\Z")]
"""As a checkpoint can name it."""
VersionNumber = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class Status(StrEnum):
    """登録の状態: in service, or withdrawn for good (a withdrawn node's name stays taken)."""

    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


class LogOrigin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """ログの起点: one log of the core and its Ed25519 verifier key, a C2SP vkey text."""

    origin: OriginName
    verifier_key: str


class SealKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """封緘鍵: the public key of each seal suite (design 2.6), base64; None where the node does not offer the suite."""

    default: str | None = None
    strict: str | None = None
    p256: str | None = None

    def by_suite(self) -> dict[str, str]:
        """The keys there are, by suite name."""
        given = {"default": self.default, "strict": self.strict, "p256": self.p256}
        return {suite: key for suite, key in given.items() if key is not None}


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """ノード: one system of one organisation.

    `signing_key` is a P-256 public key, base64 of SPKI DER, `former_signing_keys` those that may have signed what is
    still on its way; `seal_keys` are an intermediate's or a portal's, `logs` the core's, `witness_key` (C2SP vkey text)
    the Commission's.
    """

    name: NodeName
    url: Url
    signing_key: str
    seal_keys: SealKeys = SealKeys()
    logs: tuple[LogOrigin, ...] = ()
    witness_key: str | None = None
    status: Status = Status.ACTIVE
    former_signing_keys: Annotated[tuple[str, ...], msgspec.Meta(max_length=FORMER_KEYS_LIMIT)] = ()

    def seal_key(self, suite: str) -> str:
        """Its key of a seal suite. Raises Refusal(NOT_ADDRESSED_HERE) where it has none."""
        key = self.seal_keys.by_suite().get(suite)
        if key is None:
            raise Refusal(Reason.NOT_ADDRESSED_HERE, f"{self.name} has no seal key of the suite {suite[:20]!r}")
        return key


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal[1]
    version: VersionNumber
    effective: date
    minimum_peer_version: Version
    nodes: tuple[Node, ...]
    revoked_certificates: tuple[Hex, ...]


_encoder = msgspec.json.Encoder(enc_hook=write_code, order="sorted")
_decoder = msgspec.json.Decoder(_Document, dec_hook=read_code)


@dataclass(frozen=True, slots=True)
class Directory:
    """ディレクトリ: one version of the list of nodes; a later version has a greater number.

    `revoked_certificates` are serial numbers in lower-case hex without leading zeros, `minimum_peer_version` is
    `major.minor.patch`. Raises LawError where the entries do not fit.
    """

    version: int
    effective: date
    minimum_peer_version: str
    nodes: tuple[Node, ...]
    revoked_certificates: tuple[str, ...] = ()
    _nodes: dict[str, Node] = field(init=False, repr=False, compare=False)
    _logs: dict[str, str] = field(init=False, repr=False, compare=False)
    _revoked: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            _decoder.decode(self.to_bytes())
        except msgspec.ValidationError as wrong:
            raise LawError([problem("directory", "whole", str(wrong), "correct that value")]) from None
        problems = [wrong for node in self.nodes for wrong in _node_problems(node)]
        origins = [log.origin for node in self.nodes for log in node.logs]
        for what, given in (("node", [each.name.value for each in self.nodes]), ("origin", origins)):
            for name, times in Counter(given).items():
                if times > 1:
                    problems.append(problem("directory", name, f"the {what} is there {times} times", "keep one"))
        if problems:
            raise LawError(problems)
        object.__setattr__(self, "_nodes", {each.name.value: each for each in self.nodes})
        active = [log for node in self.nodes if node.status is Status.ACTIVE for log in node.logs]
        object.__setattr__(self, "_logs", {each.origin: each.verifier_key for each in active})
        object.__setattr__(self, "_revoked", frozenset(self.revoked_certificates))

    def find(self, name: NodeName) -> Node | None:
        """The node of a name if it is in service."""
        node = self._nodes.get(name.value)
        return node if node is not None and node.status is Status.ACTIVE else None

    def node(self, name: NodeName) -> Node:
        """The node of a name. Raises Refusal(NOT_ADDRESSED_HERE) where it is unknown or withdrawn."""
        node = self.find(name)
        if node is None:
            state = "withdrawn from" if name.value in self._nodes else "not in"
            raise Refusal(Reason.NOT_ADDRESSED_HERE, f"{name} is {state} directory version {self.version}")
        return node

    def of_role(self, role: Role) -> tuple[Node, ...]:
        """Every node in service in a role, in the directory's order."""
        return tuple(each for each in self.nodes if each.name.role is role and each.status is Status.ACTIVE)

    def log_key(self, origin: str) -> str:
        """The vkey text of a core's log in service. Raises Refusal(PERMIT_INVALID) where no such log is listed."""
        key = self._logs.get(origin)
        if key is None:
            raise Refusal(Reason.PERMIT_INVALID, f"no log of that origin in directory version {self.version}")
        return key

    def witness_keys(self) -> tuple[str, ...]:
        """The vkey texts of the Commission's witnesses in service."""
        return tuple(each.witness_key for each in self.of_role(Role.COMMISSION) if each.witness_key is not None)

    def is_revoked(self, certificate_serial: int) -> bool:
        """Whether a certificate, by its serial number, was revoked: looked up on every request (design 2.2)."""
        return f"{certificate_serial:x}" in self._revoked

    def require_version(self, version: str) -> None:
        """最低版の確認: raises Refusal(VERSION_TOO_OLD) below the minimum, BAD_FORMAT where it is no version (L9)."""
        if not _is_version(version):
            raise Refusal(Reason.BAD_FORMAT, "a version is major.minor.patch")
        if self.is_too_old(version):
            raise Refusal(Reason.VERSION_TOO_OLD, f"{version} is older than {self.minimum_peer_version}")

    def is_too_old(self, version: str) -> bool:
        """Whether a node of this version is no peer any more (L9)."""
        return is_older(version, self.minimum_peer_version)

    def require_readable(self) -> None:
        """Every node of the minimum version can read this directory: what only later ones know is not used in it.

        Raises Refusal(BAD_FORMAT) (decision 0021).
        """
        for member, since in MEMBERS_SINCE.items():
            used = any(getattr(node, member) for node in self.nodes)
            if used and is_older(self.minimum_peer_version, since):
                detail = f"{member}: nodes before {since} refuse a directory that has it; raise the minimum first"
                raise Refusal(Reason.BAD_FORMAT, detail)

    def to_bytes(self) -> bytes:
        """The canonical JSON: keys sorted, no spaces, UTF-8; one directory has one text, so that it can be signed."""
        document = _Document(
            format=1,
            version=self.version,
            effective=self.effective,
            minimum_peer_version=self.minimum_peer_version,
            nodes=self.nodes,
            revoked_certificates=self.revoked_certificates,
        )
        return _encoder.encode(document)


def parse(raw: bytes) -> Directory:
    """Any bytes become a Directory or Refusal(BAD_FORMAT); a text that is not the canonical one is refused too."""
    try:
        read = _decoder.decode(raw)
        directory = Directory(
            read.version, read.effective, read.minimum_peer_version, read.nodes, read.revoked_certificates
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as wrong:
        raise Refusal(Reason.BAD_FORMAT, f"directory: {str(wrong)[:500]}") from None
    if directory.to_bytes() != raw:
        raise Refusal(Reason.BAD_FORMAT, "directory: not the canonical text of what it says")
    return directory


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another; one that is no version comes before all."""
    return not _is_version(version) or _parts(version) < _parts(than)


def _is_version(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}){2}", text, re.ASCII) is not None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))


def _node_problems(node: Node) -> Iterator[str]:
    at = ("directory", node.name.value)
    if not all(_is_p256(key) for key in (node.signing_key, *node.former_signing_keys)):
        yield problem(*at, "a signing_key is no P-256 public key", "write base64 of its SPKI DER, 91 bytes")
    for suite, key in node.seal_keys.by_suite().items():
        if not _decoded(key):
            yield problem(*at, f"the seal key `{suite}` is not base64", "write the public key in base64")
    if node.seal_keys.by_suite() and node.name.role not in SEALERS:
        yield problem(*at, "its role may not open a body", "list seal keys of intermediates and portals only")
    if node.logs and node.name.role is not Role.CORE:
        yield problem(*at, "its role keeps no log of permits", "list logs of a core only")
    if node.witness_key is not None and node.name.role is not Role.COMMISSION:
        yield problem(*at, "its role is no witness", "list a witness key of the Commission only")
    keys = [(log.verifier_key, ED25519_LOG, "a log's verifier_key") for log in node.logs]
    if node.witness_key is not None:
        keys.append((node.witness_key, ED25519_WITNESS, "witness_key"))
    for text, kind, what in keys:
        if not _is_vkey(text, kind):
            mend = f"write name+hash+base64 as in C2SP signed-note, type {kind:02x}"
            yield problem(*at, f"{what} is no Ed25519 vkey text", mend)


def _decoded(text: str) -> bytes:
    """Standard base64 as written in full; empty where it is not."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""


def _is_p256(text: str) -> bool:
    raw = _decoded(text)
    return raw.startswith(P256_SPKI) and len(raw) == len(P256_SPKI) + 64


def _is_vkey(text: str, kind: int) -> bool:
    """Whether a text is `name+hash+base64(type ‖ 32 bytes)` with the hash C2SP signed-note prescribes."""
    name, _, rest = text.partition("+")
    claimed, _, key = rest.partition("+")
    raw = _decoded(key)
    if not name or len(raw) != VKEY_BYTES or raw[0] != kind:
        return False
    return hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == claimed
