"""Writes the telegrams by which a link code lives on after its issuance, after those of `sample_telegrams`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nakadachi.core.codes import Meaning, ReversibleScheme, id_code_of, link_key
from nakadachi.kit.author import Enclosure
from nakadachi.telegrams import link
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane
from tools import sample_telegrams as sample
from tools.sample_telegrams import CORE, REGISTRY, Story

if TYPE_CHECKING:
    from nakadachi.telegrams.envelope import Verified
    from tools.sample_telegrams import Kept


def telegrams(kept: Kept) -> dict[str, Verified[Any]]:
    """Every telegram and answer by name, in the order of life."""
    story = Story(sample.telegrams(kept))
    lived_on(story)
    return story.told


def lived_on(story: Story) -> None:
    """What becomes of a link code after its issuance."""
    changes = (link.ResidentChange.ITEMS, link.ResidentChange.CODE)
    parts = (
        Enclosure("resident record codes", encode_json(["12345678903", "12345678911"]), personal=True),
        Enclosure("new resident record codes", encode_json(["", "12345678920"]), personal=True),
    )
    story.tell(REGISTRY, link.ReportResidentChanges, CORE, *parts, changes=changes)
    replaced(story)


def replaced(story: Story) -> None:
    """One person's code is replaced by that of the next key."""
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(sample.SECRET, organisation, key_index))
    person = id_code_of(sample.SECRET, "12345678903")
    former, fresh = ([scheme.issue_one(Meaning(sample.A, person, index, 0)).value] for index in (1, 2))
    parts = (
        Enclosure("former codes", encode_json(former), personal=True),
        Enclosure("link codes", encode_json(fresh), personal=True),
    )
    story.tell(CORE, link.ReplaceLinkCodes, sample.MS_A, *parts, count=1, lane=Lane.BULK)
