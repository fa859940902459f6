"""Which of two words of a system on its operation is the newer one (I9, C18)."""

from __future__ import annotations


def is_newer(table: str) -> str:
    """The SQL condition under which the word `excluded` takes the place of the one that `table` has of the same system.

    A system's words are put in order by its own clock, whatever that clock is worth: they may overtake one another. A
    kept word from the future is of a clock that was ahead; a word that would then be more than a minute late is of one
    that was set right, and counts.
    """
    return (
        f"{table}.at <= excluded.at OR ({table}.at > {table}.received_at AND ({table}.at - {table}.received_at)"
        " - (excluded.at - excluded.received_at) > interval '1 minute')"
    )
