"""Why a certificate is not accepted, and why the counter does not act: two closed lists, each in two languages.

They are the neighbour's own words; on the wire of the network stand the reasons of `refusal`.
"""

from __future__ import annotations

from enum import StrEnum


class _Told(StrEnum):
    """A reason that is told to a person in both languages."""

    @property
    def japanese(self) -> str:
        """What a person is told, in Japanese."""
        return _TEXTS[self][0]

    @property
    def english(self) -> str:
        """What a person is told, in English."""
        return _TEXTS[self][1]


class Fault(_Told):
    """検証の失敗: why a verifier does not accept a certificate or a signature."""

    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    NOT_OF_THE_PROFILE = "NOT_OF_THE_PROFILE"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    HELD = "HELD"
    NOT_ISSUED = "NOT_ISSUED"
    STATUS_STALE = "STATUS_STALE"
    STATUS_WRONG = "STATUS_WRONG"
    STATUS_AWAY = "STATUS_AWAY"


class Objection(_Told):
    """受付不可: why the counter does not do what it was asked."""

    UNDER_AGE = "UNDER_AGE"
    ADULT_WARD = "ADULT_WARD"
    HAS_ONE = "HAS_ONE"
    NONE_TO_RENEW = "NONE_TO_RENEW"
    TOO_EARLY = "TOO_EARLY"
    WRONG_KEY = "WRONG_KEY"
    USED_KEY = "USED_KEY"
    NOT_FOUND = "NOT_FOUND"
    NOT_HELD = "NOT_HELD"
    GONE = "GONE"
    OTHER_REQUEST = "OTHER_REQUEST"
    ITEMS_LACKING = "ITEMS_LACKING"
    PERSON_DEAD = "PERSON_DEAD"


_TEXTS: dict[_Told, tuple[str, str]] = {
    Fault.UNKNOWN_ISSUER: ("認証局が確認できません", "No known authority has the key that it names"),
    Fault.BAD_SIGNATURE: ("署名を確認できません", "The signature does not verify"),
    Fault.NOT_OF_THE_PROFILE: ("証明書の種別又は用途が異なります", "Not a certificate of this kind and use"),
    Fault.NOT_YET_VALID: ("有効期間が始まっていません", "Not valid yet"),
    Fault.EXPIRED: ("有効期間が満了しています", "Expired; its holder renews it at the municipal counter"),
    Fault.REVOKED: ("失効しています", "Revoked; its holder gets a new one at the municipal counter"),
    Fault.HELD: ("一時停止中です", "Suspended; its holder has it resumed at the municipal counter"),
    Fault.NOT_ISSUED: ("認証局が発行した証明書ではありません", "The authority does not know this serial number"),
    Fault.STATUS_STALE: ("失効情報の有効期限が切れています", "What is known of its state is too old; ask again"),
    Fault.STATUS_WRONG: ("失効情報を確認できません", "What was told of its state does not verify"),
    Fault.STATUS_AWAY: ("失効情報を取得できません", "Its state cannot be asked for now; try again later"),
    Objection.UNDER_AGE: (
        "15歳未満の方には署名用電子証明書を発行できません",
        "Nobody under 15 gets a signature certificate",
    ),
    Objection.ADULT_WARD: (
        "成年被後見人の方には署名用電子証明書を発行できません",
        "Adult wards get no signature certificate",
    ),
    Objection.HAS_ONE: (
        "有効な電子証明書があります。更新するか、失効させてください",
        "There is one already: renew it, or revoke it first",
    ),
    Objection.NONE_TO_RENEW: (
        "更新できる電子証明書がありません。新規発行してください",
        "There is none to renew: issue a new one",
    ),
    Objection.TOO_EARLY: (
        "更新は有効期間満了日の3か月前から受け付けます",
        "It can be renewed from three months before its end",
    ),
    Objection.WRONG_KEY: ("鍵の種類が異なります", "The key is not of the kind that certificates hold here"),
    Objection.USED_KEY: ("この鍵には既に証明書があります", "This key has a certificate already: make a new one"),
    Objection.NOT_FOUND: ("該当する電子証明書がありません", "There is no such certificate"),
    Objection.NOT_HELD: ("一時停止中ではありません", "It is not suspended"),
    Objection.GONE: ("既に失効又は満了しています", "It is revoked or has expired already"),
    Objection.OTHER_REQUEST: (
        "同じ受付番号で別の内容が受け付けられています",
        "This request number was used for something else: take a new one",
    ),
    Objection.ITEMS_LACKING: ("署名用には基本4情報が必要です", "A signature certificate needs the four items"),
    Objection.PERSON_DEAD: ("死亡の届出がある方です", "The register says that this person has died"),
}


class NotAccepted(Exception):  # noqa: N818  an outcome
    """検証の失敗: with the fault; `detail` is for our own side and holds nothing of the holder."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault
        self.detail = detail


class NotDone(Exception):  # noqa: N818  an outcome
    """受付不可: the counter's request was not carried out, and nothing was changed."""

    def __init__(self, objection: Objection) -> None:
        super().__init__(objection.value)
        self.objection = objection
