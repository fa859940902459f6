"""neighbours.residents: invented people, the same from the same seed."""

from __future__ import annotations

from collections import Counter
from datetime import date

from nakadachi.intermediate.files.people import KANA
from nakadachi.neighbours.numbers import ResidentCodeFormula
from nakadachi.neighbours.residents import MUNICIPALITIES, Chance, Resident, _unused, municipality, residents

PEOPLE = residents(b"seed", 1000)


def test_the_same_seed_gives_the_same_people_and_another_seed_others():
    assert residents(b"seed", 1000) == PEOPLE
    assert residents(b"other", 10) != PEOPLE[:10]


def test_the_first_people_do_not_depend_on_how_many_are_wanted():
    assert residents(b"seed", 137) == PEOPLE[:137]
    assert residents(b"seed", 0) == []


def test_no_two_people_share_a_code_or_a_number():
    assert (
        len({person.code.value for person in PEOPLE})
        == len({person.number.value for person in PEOPLE})
        == len(PEOPLE)
        == 1000
    )


def test_a_number_once_given_is_given_to_nobody_else():
    used: set[str] = set()
    chance = Chance(b"few")
    assert sorted(_unused(chance, 1, used) for _ in range(10)) == list("0123456789")


def test_every_code_fits_the_formula_it_was_made_with():
    formula = ResidentCodeFormula(weights=(2, 3, 4, 5, 6, 7, 2, 3, 4, 5))
    assert all(formula.parse(person.code.value) for person in residents(b"seed", 50, formula=formula))
    assert all(ResidentCodeFormula().parse(person.code.value) for person in PEOPLE)


def test_a_family_shares_surname_and_address():
    for household in {person.household for person in PEOPLE}:
        family = [person for person in PEOPLE if person.household == household]
        assert len({(person.name.split(" ")[0], person.address) for person in family}) == 1
        assert len({person.name for person in family}) == len(family)


def test_there_are_families_twins_and_people_of_the_same_name():
    sizes = Counter(Counter(person.household for person in PEOPLE).values())
    assert sizes[1]
    assert max(sizes) >= 4
    born = Counter((person.household, person.born) for person in PEOPLE)
    assert sum(count > 1 for count in born.values()) >= 3
    homes: dict[str, set[int]] = {}
    for person in PEOPLE:
        homes.setdefault(person.name, set()).add(person.household)
    assert sum(len(households) > 1 for households in homes.values()) >= 10


def test_names_have_kana_and_everybody_is_born_by_the_day():
    for person in PEOPLE:
        assert KANA.fullmatch(person.kana)
        assert date(1900, 1, 1) < person.born <= date(2026, 4, 1)
        assert person.sex in (1, 2)
        assert person.address.startswith(person.municipality.name)


def test_people_live_in_the_municipalities_that_are_given():
    place = municipality("99901", "見本県丘町")
    assert {person.municipality for person in residents(b"seed", 20, municipalities=[place])} == {place}
    assert {person.municipality for person in PEOPLE} == set(MUNICIPALITIES)


def test_nothing_of_a_person_shows_in_a_repr():
    person: Resident = PEOPLE[0]
    shown = repr(person)
    assert not any(
        value in shown
        for value in (person.name, person.kana, person.address, person.code.value, person.number.value, "born")
    )
