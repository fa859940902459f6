"""窓口の操作: what a card does for the municipal counter alone: set a secret, make a key, take entries, end (R4)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from nakadachi.neighbours.card import pin, signing
from nakadachi.neighbours.card.apdu import Command, Halt, Status
from nakadachi.neighbours.card.medium import Turn
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.state import CardState, Pair

GET_CHALLENGE, PROVE, SET_SECRET, MAKE_KEY, PUT, END = 0x84, 0x82, 0x2C, 0x46, 0xDA, 0xE6
SECRETS: Mapping[int, Secret] = {0x01: Secret.AUTHENTICATION, 0x02: Secret.SIGNATURE, 0x03: Secret.SUPPORT}
PAIRS: Mapping[int, str] = {0x01: "authentication", 0x02: "signature"}
PUT_CERTIFICATE, PUT_AUTHORITY, PUT_ENTRIES, PUT_NUMBER = 0x10, 0x20, 0x30, 0x31
_LABEL = b"nakadachi card counter 1\0"


def counter_key(master: bytes, serial: str) -> bytes:
    """窓口の鍵 for one card, from the municipality's: so that no card holds what opens another."""
    return hmac.digest(master, _LABEL + b"card\0" + serial.encode(), "sha256")


def proof(key: bytes, challenge: bytes) -> bytes:
    """The counter's answer to the card's challenge."""
    return hmac.digest(key, _LABEL + b"proof\0" + challenge, "sha256")


def is_counter(key: bytes, challenge: bytes, shown: bytes) -> bool:
    """Whether the proof is the counter's; a challenge serves once, and without one there is none."""
    return bool(challenge) and hmac.compare_digest(proof(key, challenge), shown)


def _set_secret(command: Command, turn: Turn) -> bytes:
    """RESET RETRY COUNTER (P1 02): a new secret with all its tries; P2 says which."""
    secret = SECRETS.get(command.p2)
    if secret is None or command.p1 != 0x02:
        raise Halt(Status.PLACE)
    if not secret.rule.fits(command.data):
        raise Halt(Status.WRONG_DATA)
    turn.keep(turn.state.with_secret(secret, pin.new(secret, command.data, turn.state.own_key)))
    return b""


def _make_key(command: Command, turn: Turn) -> bytes:
    """GENERATE ASYMMETRIC KEY PAIR: a request for its certificate (PKCS #10), signed by the new key.

    The former key works until the new certificate is there; asked again before, the card tells of the same new key.
    """
    name = _pair(command.p2)
    pair: Pair = getattr(turn.state, name)
    if not pair.next_key:
        pair = msgspec.structs.replace(pair, next_key=signing.new_key())
        turn.keep(_with(turn.state, name, pair))
    return signing.request_of(pair.next_key)


def _put(command: Command, turn: Turn) -> bytes:
    """PUT DATA: P1 says what (10 certificate, 20 its authority's, 30 entries, 31 number), P2 of which pair."""
    state, data = turn.state, command.data
    if command.p1 == PUT_ENTRIES:
        turn.keep(msgspec.structs.replace(state, items=data))
    elif command.p1 == PUT_NUMBER:
        if data and not (len(data) == 12 and data.isdigit()):
            raise Halt(Status.WRONG_DATA)
        turn.keep(msgspec.structs.replace(state, number=data.decode()))
    elif command.p1 == PUT_AUTHORITY:
        name = _pair(command.p2)
        turn.keep(_with(state, name, msgspec.structs.replace(getattr(state, name), authority=data)))
    elif command.p1 == PUT_CERTIFICATE:
        name = _pair(command.p2)
        turn.keep(_with(state, name, _certified(getattr(state, name), data)))
    else:
        raise Halt(Status.PLACE)
    return b""


def _certified(pair: Pair, certificate: bytes) -> Pair:
    """The pair with its certificate, which must be of a key on this card; empty: key and certificate go."""
    if not certificate:
        return Pair()
    try:
        public = x509.load_der_x509_certificate(certificate).public_key()
        wanted = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except ValueError:
        raise Halt(Status.WRONG_DATA) from None
    for key in (pair.next_key, pair.key):
        if key and signing.public_of(key) == wanted:
            return Pair(key, certificate, pair.authority)
    raise Halt(Status.WRONG_DATA)


def _end(command: Command, turn: Turn) -> bytes:
    """TERMINATE: keys, certificates, entries and secrets are gone; the card answers nothing any more."""
    if (command.p1, command.p2) != (0, 0):
        raise Halt(Status.PLACE)
    turn.keep(CardState(turn.state.serial, b"", b"", returned=True))
    return b""


def _pair(p2: int) -> str:
    name = PAIRS.get(p2)
    if name is None:
        raise Halt(Status.PLACE)
    return name


def _with(state: CardState, name: str, pair: Pair) -> CardState:
    if name == "authentication":
        return msgspec.structs.replace(state, authentication=pair)
    return msgspec.structs.replace(state, signature=pair)


COMMANDS: Mapping[int, Callable[[Command, Turn], bytes]] = {
    SET_SECRET: _set_secret,
    MAKE_KEY: _make_key,
    PUT: _put,
    END: _end,
}
