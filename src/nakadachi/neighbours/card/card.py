"""個人番号カード: a state machine that takes a command and gives an answer, as the real card does (facts 5.3).

What was opened by a secret is closed by a reset, by another application, by a wrong try, by removal. A wrong try is on
disk before its answer. No command, secret or item is ever logged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nakadachi.kit.entropy import Entropy
from nakadachi.neighbours.card import counter_commands, pin, signing
from nakadachi.neighbours.card.apdu import Command, Halt, Status, answer, parse
from nakadachi.neighbours.card.layout import FILES, Application, File
from nakadachi.neighbours.card.medium import Medium, Turn
from nakadachi.neighbours.card.pin import Secret
from nakadachi.neighbours.card.texts import CardError

SELECT, VERIFY, CHANGE, READ, SIGN = 0xA4, 0x20, 0x24, 0xB0, 0x2A
CHALLENGE_BYTES = 16


@dataclass(slots=True)
class Opened:
    """セキュリティ状態: what this insertion of the card has chosen and opened; gone at reset."""

    application: Application | None = None
    file: int | None = None
    verified: dict[Secret, bytes] = field(default_factory=dict, repr=False)
    """The MAC of each secret as it was when it was shown: one that was set anew since opens nothing."""
    challenge: bytes = field(default=b"", repr=False)
    counter: bool = False


class Card:
    """カード: one card in one reader."""

    def __init__(self, medium: Medium, entropy: Entropy) -> None:
        self.medium = medium
        self._entropy = entropy
        self._opened = Opened()

    def reset(self) -> None:
        """リセット: as when the card is taken out and put in."""
        self._opened = Opened()

    def transmit(self, raw: bytes) -> bytes:
        """Carry out a command; the answer ends in two bytes of status. Raises CardError where no card answers."""
        try:
            command = parse(raw)
            with self.medium.turn() as turn:
                return answer(Status.OK, self._do(command, turn))
        except Halt as halt:
            return answer(halt.status)
        except CardError:
            self.reset()
            raise

    def _do(self, command: Command, turn: Turn) -> bytes:
        if command.cla not in {0x00, 0x80}:
            raise Halt(Status.CLASS)
        if turn.state.returned and not self._asks_who(command):
            raise Halt(Status.NOT_SUPPORTED)
        handler = _COMMANDS.get((command.cla, command.ins))
        if handler is not None:
            return handler(self, command, turn)
        if self._opened.application is Application.COUNTER and command.cla == 0x00:
            return self._at_counter(command, turn)
        raise Halt(Status.INSTRUCTION)

    def _asks_who(self, command: Command) -> bool:
        """Whether it only asks which card this is: all that a returned one still tells."""
        if command.ins == SELECT and command.p1 == 0x04:
            return command.data == Application.COMMON.value
        return self._opened.application is Application.COMMON and command.ins in {SELECT, READ}

    def _select(self, command: Command, turn: Turn) -> bytes:
        """SELECT: an application by its AID (P1 04), a file by its two bytes (P1 02); P2 0C: without an answer."""
        del turn
        if command.p2 not in {0x00, 0x0C} or command.p1 not in {0x02, 0x04}:
            raise Halt(Status.PLACE)
        if command.p1 == 0x04:
            found = next((one for one in Application if one.value == command.data), None)
            if found is None:
                raise Halt(Status.NOT_FOUND)
            self._opened = Opened(found)
            return b""
        if len(command.data) != 2:
            raise Halt(Status.WRONG_DATA)
        name = int.from_bytes(command.data, "big")
        if self._opened.application is None or name not in FILES[self._opened.application]:
            raise Halt(Status.NOT_FOUND)
        self._opened.file = name
        return b""

    def _file(self) -> File:
        if self._opened.application is None or self._opened.file is None:
            raise Halt(Status.NO_FILE_CHOSEN)
        return FILES[self._opened.application][self._opened.file]

    def _require(self, secret: Secret | None, turn: Turn) -> None:
        if secret is None:
            return
        kept = turn.state.kept(secret)
        if not kept.left or self._opened.verified.get(secret, b"") != kept.mac or not kept.mac:
            raise Halt(Status.SECURITY)

    def _read(self, command: Command, turn: Turn) -> bytes:
        """READ BINARY: from the offset in P1 and P2, as many as were asked for, or what is left."""
        if command.p1 & 0x80:
            raise Halt(Status.PLACE)
        file = self._file()
        if file.content is None:
            raise Halt(Status.NO_FILE_CHOSEN)
        if not command.expected or command.data:
            raise Halt(Status.LENGTH)
        self._require(file.needs, turn)
        content, begin = file.content(turn.state), command.p1 << 8 | command.p2
        if not content:
            raise Halt(Status.NOT_FOUND)
        if begin >= len(content):
            raise Halt(Status.OFFSET)
        return content[begin : begin + command.expected]

    def _secret(self, command: Command, p1: int) -> Secret:
        if (command.p1, command.p2) != (p1, 0x80):
            raise Halt(Status.PLACE)
        secret = self._file().secret
        if secret is None:
            raise Halt(Status.NO_FILE_CHOSEN)
        return secret

    def _verify(self, command: Command, turn: Turn) -> bytes:
        """VERIFY: without data the tries left (63Cx), with data a try; the try is spent before it is judged."""
        secret = self._secret(command, 0x00)
        kept = turn.state.kept(secret)
        if not kept.is_set:
            raise Halt(Status.UNUSABLE)
        if not command.data:
            raise Halt(Status.TRIES | kept.left)
        if not kept.left:
            raise Halt(Status.BLOCKED)
        if not secret.rule.fits(command.data):
            raise Halt(Status.WRONG_DATA)
        self._opened.verified.pop(secret, None)
        spent = pin.spend(kept)
        turn.keep(turn.state.with_secret(secret, spent))
        if not pin.is_right(spent, secret, command.data, turn.state.own_key):
            raise Halt(Status.TRIES | spent.left)
        turn.keep(turn.state.with_secret(secret, pin.restored(spent, secret)))
        self._opened.verified[secret] = kept.mac
        return b""

    def _change(self, command: Command, turn: Turn) -> bytes:
        """CHANGE REFERENCE DATA: a new secret in the place of the one that was just shown."""
        secret = self._secret(command, 0x01)
        self._require(secret, turn)
        if not secret.rule.fits(command.data):
            raise Halt(Status.WRONG_DATA)
        kept = pin.new(secret, command.data, turn.state.own_key)
        turn.keep(turn.state.with_secret(secret, kept))
        self._opened.verified[secret] = kept.mac
        return b""

    def _sign(self, command: Command, turn: Turn) -> bytes:
        """COMPUTE DIGITAL SIGNATURE with the key of the chosen file."""
        file = self._file()
        if command.p2 != 0x80:
            raise Halt(Status.PLACE)
        if file.key is None:
            raise Halt(Status.NO_FILE_CHOSEN)
        self._require(file.needs, turn)
        key = file.key(turn.state)
        if not key:
            raise Halt(Status.NOT_FOUND)
        return signing.sign(key, command.p1, command.data)

    def _at_counter(self, command: Command, turn: Turn) -> bytes:
        """窓口: prove to be the counter, then do what only it may."""
        if command.ins == counter_commands.GET_CHALLENGE:
            self._opened.challenge = self._entropy.bytes(CHALLENGE_BYTES)
            return self._opened.challenge
        if command.ins == counter_commands.PROVE:
            challenge, self._opened.challenge = self._opened.challenge, b""
            self._opened.counter = counter_commands.is_counter(turn.state.counter_key, challenge, command.data)
            if not self._opened.counter:
                raise Halt(Status.SECURITY)
            return b""
        handler = counter_commands.COMMANDS.get(command.ins)
        if handler is None:
            raise Halt(Status.INSTRUCTION)
        if not self._opened.counter:
            raise Halt(Status.SECURITY)
        return handler(command, turn)


_COMMANDS: Mapping[tuple[int, int], Callable[[Card, Command, Turn], bytes]] = {
    (0x00, SELECT): Card._select,  # noqa: SLF001  the card's own
    (0x00, READ): Card._read,  # noqa: SLF001
    (0x00, VERIFY): Card._verify,  # noqa: SLF001
    (0x00, CHANGE): Card._change,  # noqa: SLF001
    (0x80, SIGN): Card._sign,  # noqa: SLF001
}
