"""Writes the telegrams by which trails reach the Commission, after those of `sample_links`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from nakadachi.crypto.commitment import digest
from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.trails import hash_of, running
from nakadachi.ledger.tree import leaf_hash
from nakadachi.telegrams import trail
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.inquiry import Ending
from tools import sample_links
from tools.sample_telegrams import COMMISSION, MS_A, PREFIX, SERIAL, STAFF, START, Fields, Story, the_permit

if TYPE_CHECKING:
    from nakadachi.telegrams.envelope import Verified
    from tools.sample_telegrams import Kept


def telegrams(kept: Kept) -> dict[str, Verified[Any]]:
    """Every telegram and answer by name, in the order of life."""
    story = Story(sample_links.telegrams(kept))
    handed_over(story)
    return story.told


def handed_over(story: Story) -> None:
    """The inquirer's server hands over what it has of one exchange."""
    _, proof, _ = the_permit()
    ended = START + timedelta(seconds=31)
    who: Fields = {
        "serial": SERIAL, "prefix": PREFIX, "requested_at": START, "staff": STAFF, "department": "CARE-DESK",
        "terminal": "T-07", "purpose": "benefit review", "case": digest(b"a keyed digest in real life"),
    }  # fmt: skip
    leaf = leaf_hash(entry_of(proof.content))
    entries = (
        trail.TrailEntry(event=trail.Event.REQUESTED, at=START, **who),
        trail.TrailEntry(
            event=trail.Event.RECEIVED, at=ended, provided_at=ended, leaf=leaf, ending=Ending.ANSWERED, **who
        ),
    )
    after = running(trail.NOTHING_YET, map(hash_of, entries))
    before = trail.NOTHING_YET
    story.tell(
        MS_A, trail.HandOverTrail, COMMISSION, lane=Lane.BULK, first=1, entries=entries, before=before, after=after
    )
    story.answer(COMMISSION, trail.TrailKept, trail.HandOverTrail, following=3, digest=after)
    story.tell(COMMISSION, trail.AskTrail, MS_A, lane=Lane.BULK, first=1)
