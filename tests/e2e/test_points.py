"""The matrix of kills has every leg of the catalogue; what is played every day leaves no leg and no moment out."""

from __future__ import annotations

from collections import Counter

import pytest

from nakadachi.telegrams.catalogue import CATALOGUE, CORE, IF_A, PORTAL, Hop, role_at
from nakadachi.telegrams.envelope import Lane, Refused, Telegram
from nakadachi.terms import Role
from tests.e2e.points import Moment, Point, Story, Victim, chosen, legs, matrix, rounds

LEGS = {
    (hop.telegram.__name__, *map(role_at, (hop.path[0], *hop.path[place : place + 2])))
    for hop in CATALOGUE
    if PORTAL not in hop.path
    for place in range(len(hop.path) - 1)
}
"""The catalogue's legs: telegram, author, sender, to. Without the sides, which it does not name for all, and the
portal, which no process plays yet."""


def leg(point: Point) -> tuple[str, Role, Role, Role]:
    author, sender, to = map(role_at, (point.leg.author, point.leg.sender, point.leg.to))
    return point.leg.telegram, author, sender, to


def test_every_leg_of_every_hop_has_each_moment_for_each_victim_in_each_lane_it_knows():
    found = {(leg(point), point.moment, point.victim, point.lane) for point in matrix()}
    numbered = {hop.telegram.__name__ for hop in CATALOGUE if hop.number is not None}
    wanted = {
        (one, moment, victim, lane)
        for one in LEGS
        for moment in Moment
        for victim in Victim
        for lane in (tuple(Lane) if one[0] in numbered | {"PrefixRefused"} else (None,))
    }
    assert found == wanted
    assert len(set(matrix())) == len(matrix())


def test_each_point_names_the_end_of_the_leg_that_dies():
    for point in matrix():
        assert {point.stop, point.peer} == {point.leg.sender, point.leg.to}
        assert (point.stop == point.leg.sender) == (point.moment in {Moment.BEFORE_SENDING, Moment.ANSWER_UNREAD})


def test_the_daily_part_kills_a_process_on_each_leg_and_postgresql_at_each_moment():
    few = chosen()
    assert set(few) <= set(matrix())
    assert {leg(point) for point in few if point.victim is Victim.PROCESS} == LEGS
    for victim in Victim:
        assert {point.moment for point in few if point.victim is victim} == set(Moment)
    assert {point.lane for point in few} == {*Lane, None}


def test_the_daily_part_is_the_same_for_everybody():
    assert rounds(chosen()) == rounds(chosen())


def test_the_rounds_play_each_point_once_and_nobody_dies_twice_in_one():
    few = chosen()
    played = rounds(few)
    assert Counter(point for together in played for point in together) == Counter(few)
    for together in played:
        assert len({point.stop for point in together}) == len(together)
        assert len({point.lane for point in together} - {None}) <= 1


def test_a_telegram_that_no_story_sends_is_found():
    class Unheard(Telegram, frozen=True, kw_only=True):
        """A new line of the catalogue."""

    with pytest.raises(KeyError):
        list(legs([Hop(None, Unheard, (IF_A, CORE), Refused)]))
    assert {one.story for one in legs()} == set(Story)
