"""Refusals: a closed list of reasons, each with the Japanese and English text the other side is told.

`detail` is for the operator's log of the side that refuses; it never holds a code, a number, a name or a body.
Source: design "Fixed values", L11 (the clerk is told why there is no answer).
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """理由: why a telegram or an inquiry was refused. Closed: a new one needs a decision record."""

    BAD_FORMAT = "BAD_FORMAT"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    TOO_LARGE = "TOO_LARGE"
    NOT_ADDRESSED_HERE = "NOT_ADDRESSED_HERE"
    ROLE_NOT_ALLOWED = "ROLE_NOT_ALLOWED"
    OUT_OF_TURN = "OUT_OF_TURN"
    ALREADY_USED = "ALREADY_USED"
    VERSION_TOO_OLD = "VERSION_TOO_OLD"
    NOT_IN_TABLE = "NOT_IN_TABLE"
    NO_ASSESSMENT = "NO_ASSESSMENT"
    CONSENT_LACKING = "CONSENT_LACKING"
    UNKNOWN_ADDRESSEE = "UNKNOWN_ADDRESSEE"
    CODE_NOT_ISSUED = "CODE_NOT_ISSUED"
    NOT_LINKED_AT_PROVIDER = "NOT_LINKED_AT_PROVIDER"
    SUSPENDED = "SUSPENDED"
    PERMIT_INVALID = "PERMIT_INVALID"
    PERMIT_EXPIRED = "PERMIT_EXPIRED"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    NOT_REGISTERED = "NOT_REGISTERED"
    WITHHELD = "WITHHELD"
    PROVIDER_STOPPED = "PROVIDER_STOPPED"
    OUT_OF_HOURS = "OUT_OF_HOURS"
    TIMED_OUT = "TIMED_OUT"
    NO_WITNESS = "NO_WITNESS"
    CANCELLED = "CANCELLED"
    INTERNAL = "INTERNAL"

    @property
    def japanese(self) -> str:
        """What the other side is told, in Japanese."""
        return _TEXTS[self][0]

    @property
    def english(self) -> str:
        """What the other side is told, in English."""
        return _TEXTS[self][1]


_TEXTS = {
    Reason.BAD_FORMAT: ("書式が正しくありません", "The format is not right"),
    Reason.BAD_SIGNATURE: ("署名を確認できません", "The signature does not verify"),
    Reason.TOO_LARGE: ("大きさの上限を超えています", "Larger than the limit"),
    Reason.NOT_ADDRESSED_HERE: ("宛先が当システムではありません", "Not addressed to this system"),
    Reason.ROLE_NOT_ALLOWED: ("この電文を送ることが認められていません", "The sender may not send this telegram"),
    Reason.OUT_OF_TURN: ("一連の処理と整合しない電文です", "The telegram does not fit the state of its exchange"),
    Reason.ALREADY_USED: ("既に使用されています", "Already used"),
    Reason.VERSION_TOO_OLD: ("版が古すぎます", "The version is too old"),
    Reason.NOT_IN_TABLE: ("法令で認められた組み合わせではありません", "The law lists no such combination"),
    Reason.NO_ASSESSMENT: ("特定個人情報保護評価が公表されていません", "No published protection assessment"),
    Reason.CONSENT_LACKING: ("本人の同意が確認できません", "The person's consent is lacking"),
    Reason.UNKNOWN_ADDRESSEE: ("宛名番号が登録されていません", "The addressee number is not registered here"),
    Reason.CODE_NOT_ISSUED: ("符号が付番されていません", "No link code has been issued for this person"),
    Reason.NOT_LINKED_AT_PROVIDER: ("提供者側に符号の紐付けがありません", "The person is not linked at the provider"),
    Reason.SUSPENDED: ("符号の利用が停止されています", "The link code is suspended"),
    Reason.PERMIT_INVALID: ("情報提供許可証が有効ではありません", "The permit is not valid"),
    Reason.PERMIT_EXPIRED: ("情報提供許可証の期限が切れています", "The permit has expired"),
    Reason.SUBJECT_MISMATCH: ("対象者が一致しません", "The subject is not the same person on both sides"),
    Reason.NOT_REGISTERED: ("該当する情報が登録されていません", "The provider holds no such information"),
    Reason.WITHHELD: ("不開示又は保護の対象です", "Withheld: non-disclosure or protection"),
    Reason.PROVIDER_STOPPED: ("提供者のシステムが停止しています", "The provider's system is stopped"),
    Reason.OUT_OF_HOURS: ("稼働時間外です", "Outside service hours"),
    Reason.TIMED_OUT: ("期限内に応答がありませんでした", "No answer within the time limit"),
    Reason.NO_WITNESS: ("委員会の連署が確認できません", "No recent cosignature of the Commission"),
    Reason.CANCELLED: ("取り消されました", "Cancelled"),
    Reason.INTERNAL: ("内部エラーが発生しました", "An internal error occurred"),
}


class Refusal(Exception):  # noqa: N818  the field's word; it is an outcome, not a fault
    """拒否: an outcome with a reason from the closed list, and a detail for our own side only."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail
