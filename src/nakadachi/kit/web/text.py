"""What people read, in both languages beside each other, so that neither is forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum

JAPAN = timezone(timedelta(hours=9), "JST")


class Language(StrEnum):
    """表示言語: a language of the pages; the first is the one that nobody has to choose."""

    JAPANESE = "ja"
    ENGLISH = "en"

    @property
    def other(self) -> Language:
        """The one that the switch leads to."""
        return Language.ENGLISH if self is Language.JAPANESE else Language.JAPANESE

    @property
    def name_of_it(self) -> str:
        """What it calls itself."""
        return "日本語" if self is Language.JAPANESE else "English"


@dataclass(frozen=True, slots=True)
class Text:
    """文言: the same sentence in Japanese and in English."""

    japanese: str
    english: str

    def of(self, language: Language) -> str:
        """The sentence in that language."""
        return self.japanese if language is Language.JAPANESE else self.english


def read_language(said: str | None) -> Language:
    """The language that a cookie names; Japanese for any other bytes."""
    return Language.ENGLISH if said == Language.ENGLISH.value else Language.JAPANESE


def japan_time(moment: datetime) -> str:
    """A moment as people in Japan write it, such as `2026-11-29 21:05:33`."""
    return moment.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M:%S")
