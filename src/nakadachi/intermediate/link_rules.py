"""What a link is worth: how a code that came back is held against the row it is for (L5). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from nakadachi.telegrams.code import Hit


class LinkFinding(StrEnum):
    """紐付けの確認事項: what staff should look at about one person's link. Closed; each has a text and what to do."""

    TWO_ADDRESSEES = "TWO_ADDRESSEES"
    CODE_CHANGED = "CODE_CHANGED"
    CODE_NOT_STANDING = "CODE_NOT_STANDING"
    OWN_ROW_DIFFERS = "OWN_ROW_DIFFERS"
    NOBODY_FOUND = "NOBODY_FOUND"
    SEVERAL_FOUND = "SEVERAL_FOUND"
    NUMBER_DIFFERS = "NUMBER_DIFFERS"

    @property
    def japanese(self) -> str:
        """What staff are told, in Japanese."""
        return _TEXTS[self][0]

    @property
    def english(self) -> str:
        """What staff are told, in English."""
        return _TEXTS[self][1]

    @property
    def mend(self) -> str:
        """What to do: "日本語 / English"."""
        return _TEXTS[self][2]


_SAME_PERSON = (
    "同じ人かどうか資料で確認し、重複した宛名を統合してください / Check whether both are one person and merge them"
)
_CORRECT = (
    "住所などの異動を確認し、行を直して登録し直してください /"
    " Look for a move or a mistake, correct the row, load it again"
)
_TEXTS = {
    LinkFinding.TWO_ADDRESSEES: (
        "同じ人の符号が別の宛名番号に付いています",
        "another addressee number has this person's code",
        _SAME_PERSON,
    ),
    LinkFinding.CODE_CHANGED: (
        "保有する符号と異なる符号が通知されました",
        "the code told is another one than we hold",
        "紐付けをやり直すまで照会を止めてください / Do not use this link until it was made anew",
    ),
    LinkFinding.CODE_NOT_STANDING: (
        "保有する符号が有効ではありません",
        "the code we hold does not stand any more",
        "付番をやり直してください / Have the person linked again",
    ),
    LinkFinding.OWN_ROW_DIFFERS: (
        "付番後に変更された行が別の人を表しています",
        "our row was changed since and describes another person than its code",
        "行の変更が正しいか資料で確認してください / Check whether the row was changed rightly",
    ),
    LinkFinding.NOBODY_FOUND: ("該当者なし", "no resident fits our row", _CORRECT),
    LinkFinding.SEVERAL_FOUND: (
        "複数人に該当",
        "several residents fit our row",
        "個人番号を確認し、付けて登録し直してください / Add the Individual Number and load the row again",
    ),
    LinkFinding.NUMBER_DIFFERS: (
        "個人番号と4情報が同じ人のものではありません",
        "number and four items are not of one person",
        "本人確認書類で個人番号を確認してください / Check the Individual Number against a document",
    ),
}
_OF_HITS = {
    Hit.NONE: LinkFinding.NOBODY_FOUND,
    Hit.SEVERAL: LinkFinding.SEVERAL_FOUND,
    Hit.DIFFERENT: LinkFinding.NUMBER_DIFFERS,
}


@dataclass(frozen=True, slots=True)
class OwnRow:
    """Our row of a person when a code comes: the code it holds (empty: none), whether the row was changed since, and
    the codes that a new key replaced a while ago.
    """

    code: str = field(repr=False)
    changed_since: bool = False
    former: frozenset[str] = field(default=frozenset(), repr=False)


def finding_of_hit(hit: Hit | None) -> LinkFinding:
    """What it means that our row does not lead to exactly one resident; a former registry does not say which."""
    return _OF_HITS.get(hit, LinkFinding.NOBODY_FOUND) if hit else LinkFinding.NOBODY_FOUND


def finding_of_code(own: OwnRow, told: str, *, elsewhere: bool) -> LinkFinding | None:
    """A code that came, at linking or by a re-check, against our row; None where it is as it should be.

    `told` is empty where the core has none for the person that our row describes; `elsewhere`: another addressee number
    of ours holds it.
    """
    if elsewhere:
        return LinkFinding.TWO_ADDRESSEES
    if told == own.code or (told and not own.code):
        return None
    if told in own.former:
        return None  # our word that we hold the new key's code is on its way to the core
    if own.changed_since:
        return LinkFinding.OWN_ROW_DIFFERS
    return LinkFinding.CODE_CHANGED if told else LinkFinding.CODE_NOT_STANDING
