"""The registry of published protection assessments: no relay for a file that has none; it knows files, no person.

Source: Act art. 21(2) and 28(6), requirement L2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from nakadachi.law.masters import Masters
from nakadachi.law.reading import Edition, Entry, LawError, Words, problem, read_entries, read_entry, read_toml
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, InfoNameCode, OrganisationCode, Prefix

FILE = "assessments.toml"


class AssessmentKind(StrEnum):
    """評価書の種別: basic items (基礎項目), focused items (重点項目), all items (全項目)."""

    BASIC = "basic"
    FOCUSED = "focused"
    FULL = "full"


class Assessment(Entry, frozen=True, kw_only=True):
    """特定個人情報保護評価書: one published assessment, with the files it covers.

    The file of an affair counts where the organisation inquires, the file of an information name where it provides.
    `published_on` is the first day it counts; `withdrawn_on` the first day it no longer does.
    """

    number: Words
    organisation: OrganisationCode
    title_ja: Words
    title_en: Words
    kind: AssessmentKind
    published_on: date
    withdrawn_on: date | None = None
    affairs: tuple[AffairCode, ...] = ()
    informations: tuple[InfoNameCode, ...] = ()

    def counts(self, on: date) -> bool:
        """Whether it is published on a day."""
        return self.published_on <= on and (self.withdrawn_on is None or on < self.withdrawn_on)


@dataclass(frozen=True, slots=True)
class Assessments:
    """評価書の登録簿: every assessment of one edition. Raises LawError where a number is given twice."""

    edition: Edition
    entries: tuple[Assessment, ...]
    _files: dict[tuple[str, str], tuple[Assessment, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        problems = [
            problem(FILE, number, f"the number is given {times} times", "give each assessment its own")
            for number, times in Counter(each.number for each in self.entries).items()
            if times > 1
        ]
        if problems:
            raise LawError(problems)
        files: dict[tuple[str, str], tuple[Assessment, ...]] = {}
        for each in self.entries:
            for code in (*each.affairs, *each.informations):
                key = (each.organisation.value, code.value)
                files[key] = (*files.get(key, ()), each)
        object.__setattr__(self, "_files", files)

    def published(self, organisation: OrganisationCode, file: AffairCode | InfoNameCode, on: date) -> Assessment | None:
        """The latest published assessment that covers an organisation's file on a day; None where none does."""
        counting = [each for each in self._files.get((organisation.value, file.value), ()) if each.counts(on)]
        return max(counting, key=lambda each: each.published_on, default=None)

    def problems_with(self, masters: Masters) -> Iterator[str]:
        """Every organisation, affair and information name in the registry that the masters do not have."""
        organisations = {each.code for each in masters.organisations}
        files = {each.code for each in masters.affairs} | {each.code for each in masters.informations}
        for each in self.entries:
            if each.organisation not in organisations:
                wrong = f"{each.organisation} is no organisation"
                yield problem(FILE, each.number, wrong, "correct it or add it to masters/organisations.toml")
            for code in (*each.affairs, *each.informations):
                if code not in files:
                    wrong = f"{code} is no affair or information name"
                    yield problem(FILE, each.number, wrong, "correct it or add it to the masters")


def require_assessment(registry: Assessments, prefix: Prefix, on: date) -> tuple[Assessment, Assessment]:
    """評価の公表の確認: the assessments of the inquirer's affair file and of the provider's information file.

    Raises Refusal(NO_ASSESSMENT) where either has none published on that day (Act art. 28(6), L2).
    """
    inquirer = registry.published(prefix.inquirer, prefix.affair, on)
    if inquirer is None:
        detail = f"inquirer {prefix.inquirer} has none published on {on} for the affair {prefix.affair}"
        raise Refusal(Reason.NO_ASSESSMENT, detail)
    provider = registry.published(prefix.provider, prefix.information, on)
    if provider is None:
        detail = f"provider {prefix.provider} has none published on {on} for {prefix.information}"
        raise Refusal(Reason.NO_ASSESSMENT, detail)
    return inquirer, provider


def load_assessments(text: str | None) -> Assessments:
    """The registry from the text of `assessments.toml`: `[edition]` and `[[assessment]]` entries. Raises LawError."""
    problems: list[str] = []
    content = read_toml(FILE, text, problems)
    raw = content.pop("edition", None)
    edition = read_entry(Edition, raw, (FILE, "edition"), problems) if content else None
    entries = read_entries(FILE, content, ("assessment", Assessment), problems) if content else ()
    if problems or edition is None:
        raise LawError(problems)
    return Assessments(edition, entries)
