"""What goes wrong with a card, told to a person: cause, number to quote, next step, in both languages (facts 6.2).

A closed list; no text ever holds a secret or a personal item.
"""

from __future__ import annotations

from enum import Enum


class Trouble(Enum):
    """Why something was not done with a card: its reference, then (Japanese, English) cause and next step."""

    ABSENT = (
        "C01",
        "カードが挿入されていません",
        "No card is in the reader",
        "カードを入れて、もう一度最初から行ってください",
        "Put the card in and begin again",
    )
    UNREADABLE = (
        "C02",
        "カードを読み取れません",
        "The card cannot be read",
        "ファイルと解錠用の鍵を確かめ、破損していれば窓口で再交付を受けてください",
        "Check the file and the key that unlocks it; if it is damaged, ask at the counter for a new card",
    )
    WRONG_SECRET = (
        "C03",
        "暗証番号またはパスワードが違います",
        "The PIN or password is wrong",
        "残りの回数を確かめてから、もう一度入力してください",
        "Look at the tries left, then enter it again",
    )
    LOCKED = (
        "C04",
        "続けて間違えたため、ロックされています",
        "It is locked, because it was wrong too often in a row",
        "市区町村の窓口で初期化（再設定）を受けてください",
        "Have it set anew at the municipal counter",
    )
    NOT_SET = (
        "C05",
        "暗証番号またはパスワードがまだ設定されていません",
        "The PIN or password has not been set yet",
        "市区町村の窓口で設定してください",
        "Set it at the municipal counter",
    )
    BAD_SHAPE = (
        "C06",
        "入力の形式が違います（回数は減っていません）",
        "The form is not right (no try was spent)",
        "暗証番号は数字4桁、署名用パスワードは英大文字と数字の両方を含む6〜16文字です",
        "A PIN is 4 digits; the signature password is 6 to 16 upper-case letters and digits, at least one of each",
    )
    NO_CERTIFICATE = (
        "C07",
        "この電子証明書はカードに入っていません",
        "The card does not carry this certificate",
        "窓口で電子証明書の発行を受けてください",
        "Have the certificate issued at the counter",
    )
    NOT_COUNTER = (
        "C08",
        "この操作は市区町村の窓口でのみ行えます",
        "Only the municipal counter may do this",
        "窓口の鍵を確かめてください",
        "Check the counter's key",
    )
    OUT_OF_LIFE = (
        "C09",
        "カードの状態では、この操作を行えません",
        "The state of the card does not allow this",
        "カードの状態を確かめてください（nakadachi card status）",
        "Look at the state of the card (nakadachi card status)",
    )
    NOT_VALID = (
        "C10",
        "カードまたは電子証明書を有効と確かめられません",
        "The card or its certificate was not found valid",
        "示された項目を確かめてください",
        "Look at the points that are shown",
    )
    REFUSED = (
        "C11",
        "カードが操作を拒否しました",
        "The card refused the command",
        "カードを入れ直して、もう一度行ってください",
        "Take the card out, put it in and try again",
    )

    BAD_FILE = (
        "C12",
        "指定されたファイルを使えません",
        "A file that was named cannot be used",
        "示された箇所を直してください",
        "Mend what is shown",
    )

    @property
    def reference(self) -> str:
        """The number to quote to a helpdesk."""
        return self.value[0]

    @property
    def japanese(self) -> str:
        """What happened."""
        return self.value[1]

    @property
    def english(self) -> str:
        """What happened."""
        return self.value[2]

    @property
    def next_japanese(self) -> str:
        """What to do."""
        return self.value[3]

    @property
    def next_english(self) -> str:
        """What to do."""
        return self.value[4]


class CardError(Exception):
    """Something was not done with a card. `left` are the tries that are left, where tries are what it is about."""

    def __init__(self, trouble: Trouble, detail: str = "", *, left: int | None = None) -> None:
        self.trouble, self.detail, self.left = trouble, detail, left
        more = f" ({detail})" if detail else ""
        super().__init__(
            f"{trouble.japanese}{tries_japanese(left)}。{trouble.next_japanese}。[{trouble.reference}]\n"
            f"{trouble.english}{tries_english(left)}{more}. {trouble.next_english}. [{trouble.reference}]"
        )


def tries_japanese(left: int | None) -> str:
    """（残りn回）, or nothing."""
    return "" if left is None else f"（残り{left}回）"


def tries_english(left: int | None) -> str:
    """The tries left in brackets, or nothing."""
    return "" if left is None else f" ({left} {'try' if left == 1 else 'tries'} left)"
