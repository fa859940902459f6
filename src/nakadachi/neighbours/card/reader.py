"""カードリーダーの側: what software does with a card, in the commands that a real one takes; it keeps no secret.

`Channel` is where a real reader (PC/SC) stands in for the software card: two methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

from nakadachi.neighbours.card import counter_commands, layout, signing
from nakadachi.neighbours.card.apdu import SHORT, Command, Status
from nakadachi.neighbours.card.card import CHANGE, READ, SELECT, SIGN, VERIFY
from nakadachi.neighbours.card.entries import Entries, read_entries, read_number
from nakadachi.neighbours.card.layout import Application
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.texts import CardError, Trouble

T = TypeVar("T")

LARGEST_FILE = 32 * 1024
"""READ BINARY gives no offset beyond."""


class Channel(Protocol):
    """A way to a card. `transmit` carries one command there and its answer back; `reset` closes what was opened."""

    def transmit(self, raw: bytes) -> bytes:
        """The card's answer, ending in two bytes of status. Raises CardError where no card answers."""
        ...

    def reset(self) -> None:
        """As when the card is taken out and put in."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret, its key and its certificate lie."""

    application: Application
    pin: int
    key: int = 0
    certificate: int = 0
    authority: int = 0


PLACES = {
    Secret.AUTHENTICATION: Place(
        Application.JPKI,
        layout.AUTHENTICATION_PIN,
        layout.AUTHENTICATION_KEY,
        layout.AUTHENTICATION_CERTIFICATE,
        layout.AUTHENTICATION_AUTHORITY,
    ),
    Secret.SIGNATURE: Place(
        Application.JPKI,
        layout.SIGNATURE_PASSWORD,
        layout.SIGNATURE_KEY,
        layout.SIGNATURE_CERTIFICATE,
        layout.SIGNATURE_AUTHORITY,
    ),
    Secret.SUPPORT: Place(Application.SUPPORT, layout.SUPPORT_PIN),
}
_TROUBLES = {
    Status.BLOCKED: Trouble.LOCKED,
    Status.UNUSABLE: Trouble.NOT_SET,
    Status.NOT_FOUND: Trouble.NO_CERTIFICATE,
    Status.NOT_SUPPORTED: Trouble.OUT_OF_LIFE,
}


class Reader:
    """カードの読み書き: every method leaves the card closed, whatever came of it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def serial(self) -> str:
        """製造番号: which card it is; readable without a secret. Raises CardError."""
        return self._closed(lambda: self._file(Application.COMMON, layout.CARD_ID).decode("ascii", "replace"))

    def is_card(self) -> bool:
        """Whether a card answers, not a phone (トークン情報). Raises CardError."""
        return self._closed(lambda: self._file(Application.JPKI, layout.TOKEN_FILE)) == layout.TOKEN

    def tries(self, secret: Secret) -> int | None:
        """残り回数, without spending one; None where the secret was never set. Raises CardError."""
        return self._closed(lambda: self._tries(secret))

    def change(self, secret: Secret, old: str, new: str) -> None:
        """暗証番号の変更. Raises CardError; where the new one has no fitting shape, before a try is spent."""
        if not secret.rule.fits(new.encode()):
            raise CardError(Trouble.BAD_SHAPE)

        def work() -> None:
            self._show(secret, old)
            self._must(Command(0x00, CHANGE, 0x01, 0x80, new.encode()))

        self._closed(work)

    def authentication_certificate(self) -> tuple[bytes, bytes]:
        """利用者証明用電子証明書 and its authority's (DER), without a secret. Raises CardError."""
        place = PLACES[Secret.AUTHENTICATION]
        return self._closed(
            lambda: (
                self._file(Application.JPKI, place.certificate),
                self._file(Application.JPKI, place.authority),
            )
        )

    def signature_certificate(self, password: str) -> tuple[bytes, bytes]:
        """署名用電子証明書 (it holds the four items) and its authority's (DER). Raises CardError."""
        place = PLACES[Secret.SIGNATURE]

        def work() -> tuple[bytes, bytes]:
            self._show(Secret.SIGNATURE, password)
            return (
                self._file(Application.JPKI, place.certificate, chosen=True),
                self._file(Application.JPKI, place.authority, chosen=True),
            )

        return self._closed(work)

    def entries(self, text: str) -> tuple[Entries, str]:
        """券面事項: the four items and the Individual Number ("" for none), by the card entry PIN. Raises CardError."""

        def work() -> tuple[Entries, str]:
            self._show(Secret.SUPPORT, text)
            entries = read_entries(self._file(Application.SUPPORT, layout.ITEMS, chosen=True))
            try:
                number = read_number(self._file(Application.SUPPORT, layout.NUMBER, chosen=True))
            except CardError as none:
                if none.trouble is not Trouble.NO_CERTIFICATE:
                    raise
                number = ""
            return entries, number

        return self._closed(work)

    def sign(self, secret: Secret, text: str, digest: bytes, *, pss: bool = False) -> bytes:
        """署名: of a SHA-256 digest by the secret's key, RSASSA-PKCS1-v1_5, or PSS. Raises CardError."""

        def work() -> bytes:
            self._show(secret, text)
            self._choose(PLACES[secret].key)
            if pss:
                return self._must(Command(0x80, SIGN, signing.PSS_DIGEST, 0x80, digest, SHORT))
            return self._must(Command(0x80, SIGN, signing.DIGEST_INFO, 0x80, signing.digest_info(digest), SHORT))

        return self._closed(work)

    def at_counter(self, key: bytes) -> AtCounter:
        """Prove to be the counter; stays open until `reset`. Raises CardError."""
        self._channel.reset()
        self._application(Application.COUNTER)
        challenge = self._must(Command(0x00, counter_commands.GET_CHALLENGE, 0, 0, b"", SHORT))
        status, _ = self._ask(Command(0x00, counter_commands.PROVE, 0, 0, counter_commands.proof(key, challenge)))
        if status != Status.OK:
            raise CardError(Trouble.NOT_COUNTER)
        return AtCounter(self._must)

    def reset(self) -> None:
        """Close what was opened."""
        self._channel.reset()

    def _closed(self, work: Callable[[], T]) -> T:
        self._channel.reset()
        try:
            return work()
        finally:
            self._channel.reset()

    def _ask(self, command: Command) -> tuple[int, bytes]:
        raw = self._channel.transmit(command.encode())
        return int.from_bytes(raw[-2:], "big"), raw[:-2]

    def _must(self, command: Command) -> bytes:
        status, data = self._ask(command)
        if status != Status.OK:
            _refused(status)
        return data

    def _application(self, application: Application) -> None:
        status, _ = self._ask(Command(0x00, SELECT, 0x04, 0x0C, application.value))
        if status == Status.NOT_FOUND:
            raise CardError(Trouble.UNREADABLE, "it is no Individual Number Card")
        if status != Status.OK:
            _refused(status)

    def _choose(self, file: int) -> None:
        self._must(Command(0x00, SELECT, 0x02, 0x0C, file.to_bytes(2, "big")))

    def _file(self, application: Application, file: int, *, chosen: bool = False) -> bytes:
        if not chosen:
            self._application(application)
        self._choose(file)
        content = b""
        while len(content) < LARGEST_FILE:
            offset = len(content).to_bytes(2, "big")
            status, data = self._ask(Command(0x00, READ, offset[0], offset[1], b"", SHORT))
            if status == Status.OFFSET and content:
                break
            if status != Status.OK:
                _refused(status)
            content += data
            if len(data) < SHORT:
                break
        return content

    def _tries(self, secret: Secret) -> int | None:
        place = PLACES[secret]
        self._application(place.application)
        self._choose(place.pin)
        status, _ = self._ask(Command(0x00, VERIFY, 0x00, 0x80))
        if status == Status.UNUSABLE:
            return None
        if status & 0xFFF0 != Status.TRIES:
            _refused(status)
        return status & 0x0F

    def _show(self, secret: Secret, text: str) -> None:
        """VERIFY; what has no fitting shape is not sent, so that it spends no try."""
        if self._tries(secret) is None:
            raise CardError(Trouble.NOT_SET)
        if not secret.rule.fits(text.encode()):
            raise CardError(Trouble.BAD_SHAPE)
        self._must(Command(0x00, VERIFY, 0x00, 0x80, text.encode()))


class AtCounter:
    """窓口で開いたカード: what the counter does with a card that has taken its proof."""

    def __init__(self, must: Callable[[Command], bytes]) -> None:
        self._must = must

    def set_secret(self, secret: Secret, text: str) -> None:
        """暗証番号の設定 (first, or anew when it is locked or forgotten). Raises CardError."""
        if not secret.rule.fits(text.encode()):
            raise CardError(Trouble.BAD_SHAPE)
        name = next(one for one, each in counter_commands.SECRETS.items() if each is secret)
        self._must(Command(0x00, counter_commands.SET_SECRET, 0x02, name, text.encode()))

    def make_key(self, secret: Secret) -> bytes:
        """鍵ペアの生成 on the card: a request for its certificate (PKCS #10, DER). Raises CardError."""
        return self._must(Command(0x00, counter_commands.MAKE_KEY, 0x00, _pair(secret), b"", 65536))

    def put_certificate(self, secret: Secret, certificate: bytes, authority: bytes) -> None:
        """電子証明書の格納, of a key on this card; from here on the new key is the one in use. Raises CardError."""
        self._must(Command(0x00, counter_commands.PUT, counter_commands.PUT_CERTIFICATE, _pair(secret), certificate))
        self._must(Command(0x00, counter_commands.PUT, counter_commands.PUT_AUTHORITY, _pair(secret), authority))

    def remove_certificate(self, secret: Secret) -> None:
        """電子証明書の消去, with its key. Raises CardError."""
        self._must(Command(0x00, counter_commands.PUT, counter_commands.PUT_CERTIFICATE, _pair(secret)))

    def put_entries(self, entries: bytes, number: str) -> None:
        """券面事項の記録: the four items (BER-TLV) and the Individual Number ("" for none). Raises CardError."""
        self._must(Command(0x00, counter_commands.PUT, counter_commands.PUT_ENTRIES, 0x00, entries))
        self._must(Command(0x00, counter_commands.PUT, counter_commands.PUT_NUMBER, 0x00, number.encode()))

    def end(self) -> None:
        """廃止: the card forgets everything. Raises CardError."""
        self._must(Command(0x00, counter_commands.END, 0x00, 0x00))


def _pair(secret: Secret) -> int:
    return next(number for number, name in counter_commands.PAIRS.items() if name == secret.value)


def _refused(status: int) -> NoReturn:
    if status & 0xFFF0 == Status.TRIES:
        left = status & 0x0F
        raise CardError(Trouble.WRONG_SECRET if left else Trouble.LOCKED, left=left)
    known = {one.value: trouble for one, trouble in _TROUBLES.items()}
    raise CardError(known.get(status, Trouble.REFUSED), f"{status:04X}")
