"""What a card holds, as one value; and its form in the file. It knows no command and no disk."""

from __future__ import annotations

import msgspec

from nakadachi.neighbours.card.pin import Kept, Secret
from nakadachi.neighbours.card.texts import CardError, Trouble


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """鍵と電子証明書: a private key (PKCS#8 DER), its certificate and the issuer's (X.509 DER); empty where absent."""

    key: bytes = b""
    certificate: bytes = b""
    authority: bytes = b""
    next_key: bytes = b""
    """A key made on the card whose certificate has not come yet."""

    def __repr__(self) -> str:
        """Nothing of it."""
        return f"Pair({'with' if self.certificate else 'without'} a certificate)"


class CardState(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """個人番号カードの中身. `serial` is the card's own (製造番号); `own_key` keys its MACs."""

    serial: str
    own_key: bytes
    counter_key: bytes
    authentication: Pair = Pair()
    signature: Pair = Pair()
    number: str = ""
    items: bytes = b""
    """基本4情報, as the entry-support application gives them."""
    secrets: dict[str, Kept] = {}
    returned: bool = False

    def __repr__(self) -> str:
        """Which card it is, and nothing it holds."""
        return f"CardState({self.serial!r})"

    def kept(self, secret: Secret) -> Kept:
        """What it keeps of a secret."""
        return self.secrets.get(secret.value) or Kept()

    def with_secret(self, secret: Secret, kept: Kept) -> CardState:
        """The same card with this in the place of what it kept."""
        return msgspec.structs.replace(self, secrets={**self.secrets, secret.value: kept})


_DECODER = msgspec.msgpack.Decoder(CardState)


def encode_state(state: CardState) -> bytes:
    """As it stands, encrypted, in the file."""
    return msgspec.msgpack.encode(state)


def decode_state(raw: bytes) -> CardState:
    """A card's content again. Raises CardError."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: a text that is not UTF-8
        raise CardError(Trouble.UNREADABLE, "its content is of another form") from None
