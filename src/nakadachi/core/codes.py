"""ID codes and link codes: how the core turns a person into a code per organisation. Pure; never knows who it is.

The ID code has no type outside the core (design section 3). Keys are given by a function; where they lie is not known
here.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import LinkCode, OrganisationCode

if TYPE_CHECKING:
    from nakadachi.kit.database import Connection

ID_BYTES = 10
KEY_BYTES = 32
BLOCK_BYTES = 16
LAST_KEY_INDEX = 0xFFFF
LAST_GENERATION = 0xFF
REVERSIBLE, TABLE = 2, 3
"""The first byte of a link code: which of the sources' ways (案2, 案3) made it."""
_PAD = bytes(5)
_NOT_READ = Refusal(Reason.CODE_NOT_ISSUED)
_RESIDENT_RECORD_CODE = re.compile(r"[0-9]{11}")


class Scheme(StrEnum):
    """符号方式: which way a network makes its link codes, as its core's configuration names it (C5)."""

    REVERSIBLE = "reversible"
    TABLE = "table"


LinkKeys = Callable[[OrganisationCode, int], bytes]
"""(organisation, key index) -> 32 bytes. Raises LookupError for a key that does not exist."""


class IdCode(bytes):
    """IDコード: 80 bits that name a person inside the core and nowhere else. Raises ValueError for another length."""

    __slots__ = ()

    def __new__(cls, value: bytes) -> Self:
        """Of exactly ten bytes."""
        if len(value) != ID_BYTES:
            msg = f"an ID code has {ID_BYTES} bytes, not {len(value)}"
            raise ValueError(msg)
        return super().__new__(cls, value)

    def __repr__(self) -> str:
        return "IdCode()"

    __str__ = __repr__

    @property
    def value(self) -> bytes:
        """The bytes alone."""
        return bytes(self)


def id_code_of(key: bytes, resident_record_code: str) -> IdCode:
    """The ID code of a resident record code: the first 80 bits of HMAC-SHA-256 under the core's ID key (32 bytes).

    Raises ValueError where the code is not 11 digits or the key of another length; neither is shown.
    """
    _need_key(key)
    return id_code_by(partial(hmac.digest, key, digest="sha256"), resident_record_code)


def id_code_by(mac: Callable[[bytes], bytes], resident_record_code: str) -> IdCode:
    """The same by whatever has the ID key, which may lie where nobody reads it; `mac` is HMAC-SHA-256 under it.

    Raises ValueError where the code is not 11 digits; it is not shown.
    """
    if not _RESIDENT_RECORD_CODE.fullmatch(resident_record_code):
        msg = "a resident record code is 11 digits"
        raise ValueError(msg)
    return IdCode(mac(resident_record_code.encode())[:ID_BYTES])


def id_codes_by(mac: Callable[[bytes], bytes], resident_record_codes: Sequence[str]) -> list[IdCode]:
    """The ID codes of many. Raises what `id_code_by` raises."""
    return [id_code_by(mac, one) for one in resident_record_codes]


def link_key(master: bytes, organisation: OrganisationCode, key_index: int) -> bytes:
    """The 32-byte key of one organisation and key index: HKDF-SHA256 of the core's link master key (32 bytes).

    Raises ValueError for another length, or a key index outside 0 to 65,535.
    """
    _need_key(master)
    info = b"nakadachi/link/v1\0" + organisation.value.encode() + _index_bytes(key_index)
    return HKDF(hashes.SHA256(), KEY_BYTES, None, info).derive(master)


class Meaning(NamedTuple):
    """符号の意味: what a link code stands for: a person at an organisation, the key index (0 to 65,535) and the
    generation (0 to 255) of the link.
    """

    organisation: OrganisationCode
    id_code: IdCode
    key_index: int
    generation: int


class LinkCodeScheme(Protocol):
    """符号方式: how link codes are made and read (C5, design section 3). One object belongs to one thread.

    Both questions are about a whole batch, of any organisations, so that a scheme that looks codes up asks its database
    once. The answers stand in the order of what was asked; the same may be asked several times.
    """

    async def issue(self, connection: Connection, wanted: Sequence[Meaning]) -> list[LinkCode]:
        """The link code that stands for each of these, the same one whenever it is asked for.

        `connection`: inside the transaction that keeps the link. Raises ValueError where a number is out of range,
        LookupError for a key that does not exist.
        """

    async def read(
        self, connection: Connection, shown: Sequence[tuple[OrganisationCode, LinkCode]]
    ) -> list[Meaning | Refusal]:
        """What each link code that an organisation shows stands for; Refusal(CODE_NOT_ISSUED) for one that is forged,
        another organisation's or mistyped. Never says which code.
        """


class ReversibleScheme:
    """案2 (可逆変換): a link code is one AES-256 block of ID code || generation || 40 zero bits (design section 3).

    A permutation under the key of (organisation, key index): unique and reversible; a forged or foreign code passes the
    pad once in 2^40. Its bytes: scheme 2, key index (2, big-endian), block (16). Whether it was issued, the table says.
    """

    def __init__(self, keys: LinkKeys, *, cached: int = 8192) -> None:
        self._keys = keys
        self._cached = cached
        self._contexts: OrderedDict[tuple[str, int], tuple[CipherContext, CipherContext]] = OrderedDict()

    async def issue(self, connection: Connection, wanted: Sequence[Meaning]) -> list[LinkCode]:
        """See `LinkCodeScheme`. Nothing is looked up."""
        del connection
        return self.issue_all(wanted)

    async def read(
        self, connection: Connection, shown: Sequence[tuple[OrganisationCode, LinkCode]]
    ) -> list[Meaning | Refusal]:
        """See `LinkCodeScheme`. Nothing is looked up."""
        del connection
        return self.read_all(shown)

    def issue_one(self, one: Meaning) -> LinkCode:
        """The link code of one person at one organisation. Raises as `issue_all`."""
        return self.issue_all((one,))[0]

    def read_one(self, link_code: LinkCode, organisation: OrganisationCode) -> Meaning:
        """What a link code of an organisation stands for. Raises Refusal(CODE_NOT_ISSUED); never says which code."""
        (read,) = self.read_all([(organisation, link_code)])
        if isinstance(read, Refusal):
            raise read
        return read

    def issue_all(self, wanted: Sequence[Meaning]) -> list[LinkCode]:
        """The link codes that stand for these; those of one key are encrypted in one go.

        Raises ValueError for a generation outside 0 to 255 or a key index outside 0 to 65,535, LookupError for a key
        that does not exist.
        """
        places: dict[tuple[str, int], list[int]] = {}
        plain = []
        for place, (organisation, id_code, key_index, generation) in enumerate(wanted):
            need_generation(generation)
            plain.append(b"%b%c%b" % (id_code, generation, _PAD))
            places.setdefault((organisation.value, key_index), []).append(place)
        raw = [b""] * len(wanted)
        for (_, key_index), its in places.items():
            head = head_of(REVERSIBLE, key_index)
            encrypt, _ = self._context(wanted[its[0]].organisation, key_index)
            for place, block in zip(its, _blocks(encrypt, [plain[place] for place in its]), strict=True):
                raw[place] = head + block
        return LinkCode.of_all(raw)

    def read_all(self, shown: Sequence[tuple[OrganisationCode, LinkCode]]) -> list[Meaning | Refusal]:
        """What these link codes stand for; those of one key are decrypted in one go. See `LinkCodeScheme.read`."""
        read: list[Meaning | Refusal] = []
        of_key: dict[tuple[str, int], list[tuple[int, bytes]]] = {}
        for place, (organisation, link_code) in enumerate(shown):
            parts = parts_of(link_code, REVERSIBLE, organisation)
            if isinstance(parts, Refusal):
                read.append(parts)
                continue
            read.append(_NOT_READ)
            of_key.setdefault((organisation.value, parts[0]), []).append((place, parts[1]))
        for (_, key_index), its in of_key.items():
            organisation = shown[its[0][0]][0]
            try:
                _, decrypt = self._context(organisation, key_index)
            except LookupError:
                for place, _ in its:
                    read[place] = refused(organisation, "names no key of its own")
                continue
            for (place, _), plain in zip(its, _blocks(decrypt, [block for _, block in its]), strict=True):
                read[place] = _meaning(organisation, key_index, plain)
        return read

    def _context(self, organisation: OrganisationCode, key_index: int) -> tuple[CipherContext, CipherContext]:
        """The two directions of one key, made once: building them costs eighteen times the block itself."""
        name = (organisation.value, key_index)
        found = self._contexts.get(name)
        if found is None:
            key = self._keys(organisation, key_index)
            _need_key(key)
            # One block and no chaining: the block cipher itself, which the library calls ECB.
            cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305
            found = self._contexts[name] = (cipher.encryptor(), cipher.decryptor())
            if len(self._contexts) > self._cached:
                self._contexts.popitem(last=False)
        return found


def head_of(scheme: int, key_index: int) -> bytes:
    """The first 3 bytes of a link code. Raises ValueError for a key index outside 0 to 65,535."""
    return bytes((scheme,)) + _index_bytes(key_index)


def parts_of(link_code: LinkCode, scheme: int, organisation: OrganisationCode) -> tuple[int, bytes] | Refusal:
    """Key index and block (16 bytes) of a link code; Refusal(CODE_NOT_ISSUED) for one of another scheme."""
    try:
        raw = link_code.to_bytes()
    except ValueError:
        return refused(organisation, "is too large to be one")
    if raw[0] != scheme:
        return refused(organisation, "is of another scheme")
    return int.from_bytes(raw[1:3], "big"), raw[3:]


def need_generation(generation: int) -> None:
    """Raises ValueError for a generation outside 0 to 255."""
    if not 0 <= generation <= LAST_GENERATION:
        msg = f"no generation {generation}: 0 to {LAST_GENERATION}"
        raise ValueError(msg)


def refused(organisation: OrganisationCode, why: str = "is forged, foreign or mistyped") -> Refusal:
    """What is said of a code that stands for nobody."""
    return Refusal(Reason.CODE_NOT_ISSUED, f"a link code of {organisation} {why}")


def _meaning(organisation: OrganisationCode, key_index: int, plain: bytes) -> Meaning | Refusal:
    if plain[ID_BYTES + 1 :] != _PAD:
        return refused(organisation)
    return Meaning(organisation, IdCode(plain[:ID_BYTES]), key_index, plain[ID_BYTES])


def _blocks(cipher: CipherContext, blocks: Sequence[bytes]) -> list[bytes]:
    """Each block by itself through the cipher, all in one call."""
    through = cipher.update(b"".join(blocks))
    return [through[start : start + BLOCK_BYTES] for start in range(0, len(through), BLOCK_BYTES)]


def _need_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        msg = f"a key of the core has {KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(msg)


def _index_bytes(key_index: int) -> bytes:
    if not 0 <= key_index <= LAST_KEY_INDEX:
        msg = f"no key index {key_index}: 0 to {LAST_KEY_INDEX}"
        raise ValueError(msg)
    return key_index.to_bytes(2, "big")
