"""ID codes and link codes: how the core turns a person into a code per organisation. Pure; never knows who it is.

The ID code has no type outside the core (design section 3). Keys are given by a function; where they lie is not known
here.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import LinkCode, OrganisationCode

ID_BYTES = 10
KEY_BYTES = 32
LAST_KEY_INDEX = 0xFFFF
LAST_GENERATION = 0xFF
REVERSIBLE = 2
_PAD = bytes(5)
_RESIDENT_RECORD_CODE = re.compile(r"[0-9]{11}")

LinkKeys = Callable[[OrganisationCode, int], bytes]
"""(organisation, key index) -> 32 bytes. Raises LookupError for a key that does not exist."""


@dataclass(frozen=True, slots=True)
class IdCode:
    """IDコード: 80 bits that name a person inside the core and nowhere else. Raises ValueError for another length."""

    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.value) != ID_BYTES:
            msg = f"an ID code has {ID_BYTES} bytes, not {len(self.value)}"
            raise ValueError(msg)


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


def link_key(master: bytes, organisation: OrganisationCode, key_index: int) -> bytes:
    """The 32-byte key of one organisation and key index: HKDF-SHA256 of the core's link master key (32 bytes).

    Raises ValueError for another length, or a key index outside 0 to 65,535.
    """
    _need_key(master)
    info = b"nakadachi/link/v1\0" + organisation.value.encode() + _index_bytes(key_index)
    return HKDF(hashes.SHA256(), KEY_BYTES, None, info).derive(master)


class ReadCode(NamedTuple):
    """復元結果: what a link code stands for: the person, the key index and the generation (0 to 255) of the link."""

    id_code: IdCode
    key_index: int
    generation: int


class LinkCodeScheme(Protocol):
    """符号方式: how link codes are made and read (design section 3). One object belongs to one thread.

    A scheme that looks codes up is built over the rows that the store has already fetched for a batch.
    """

    def issue(self, id_code: IdCode, organisation: OrganisationCode, key_index: int, generation: int) -> LinkCode:
        """The link code of a person for an organisation. Raises ValueError where the numbers are out of range."""

    def read(self, link_code: LinkCode, organisation: OrganisationCode) -> ReadCode:
        """What a link code stands for. Raises Refusal(CODE_NOT_ISSUED) for a forged, foreign or mistyped one."""


class ReversibleScheme:
    """案2 (可逆変換): a link code is one AES-256 block of ID code || generation || 40 zero bits (design section 3).

    A permutation under the key of (organisation, key index): unique and reversible; a forged or foreign code passes the
    pad once in 2^40. Its bytes: scheme 2, key index (2, big-endian), block (16). Whether it was issued, the table says.
    """

    def __init__(self, keys: LinkKeys, *, cached: int = 8192) -> None:
        self._keys = keys
        self._cached = cached
        self._contexts: OrderedDict[tuple[OrganisationCode, int], tuple[CipherContext, CipherContext]] = OrderedDict()

    def issue(self, id_code: IdCode, organisation: OrganisationCode, key_index: int, generation: int) -> LinkCode:
        """The link code of a person for an organisation.

        Raises ValueError for a generation outside 0 to 255 or a key index outside 0 to 65,535, LookupError for a key
        that does not exist.
        """
        if not 0 <= generation <= LAST_GENERATION:
            msg = f"no generation {generation}: 0 to {LAST_GENERATION}"
            raise ValueError(msg)
        head = bytes((REVERSIBLE,)) + _index_bytes(key_index)
        encrypt, _ = self._context(organisation, key_index)
        return LinkCode.of_bytes(head + encrypt.update(id_code.value + bytes((generation,)) + _PAD))

    def read(self, link_code: LinkCode, organisation: OrganisationCode) -> ReadCode:
        """What a link code of an organisation stands for. Raises Refusal(CODE_NOT_ISSUED); never says which code."""
        try:
            raw = link_code.to_bytes()
        except ValueError:
            raise Refusal(Reason.CODE_NOT_ISSUED, f"a link code of {organisation} is too large to be one") from None
        if raw[0] != REVERSIBLE:
            raise Refusal(Reason.CODE_NOT_ISSUED, f"a link code of {organisation} is of another scheme")
        key_index = int.from_bytes(raw[1:3], "big")
        try:
            _, decrypt = self._context(organisation, key_index)
        except LookupError:
            raise Refusal(Reason.CODE_NOT_ISSUED, f"a link code of {organisation} names no key of its own") from None
        block = decrypt.update(raw[3:])
        if block[ID_BYTES + 1 :] != _PAD:
            raise Refusal(Reason.CODE_NOT_ISSUED, f"a link code of {organisation} is forged, foreign or mistyped")
        return ReadCode(IdCode(block[:ID_BYTES]), key_index, block[ID_BYTES])

    def _context(self, organisation: OrganisationCode, key_index: int) -> tuple[CipherContext, CipherContext]:
        """The two directions of one key, made once: building them costs eighteen times the block itself."""
        name = (organisation, key_index)
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


def _need_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        msg = f"a key of the core has {KEY_BYTES} bytes, not {len(key)}"
        raise ValueError(msg)


def _index_bytes(key_index: int) -> bytes:
    if not 0 <= key_index <= LAST_KEY_INDEX:
        msg = f"no key index {key_index}: 0 to {LAST_KEY_INDEX}"
        raise ValueError(msg)
    return key_index.to_bytes(2, "big")
