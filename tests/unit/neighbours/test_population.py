"""neighbours.population: invented people, plausible in the whole, each had without the others."""

import csv
import subprocess
import sys
from collections import Counter
from datetime import date

import pytest

from nakadachi.intermediate.files.people import KANA
from nakadachi.neighbours import individual_numbers, population
from nakadachi.neighbours.events import read_event
from nakadachi.neighbours.household import PYRAMID
from nakadachi.neighbours.lives import events
from nakadachi.neighbours.matching import items_of
from nakadachi.neighbours.numbers import LocalGovernmentCode, ResidentCodeFormula
from nakadachi.neighbours.population import BLOCK, MOST, Population, local_bodies
from nakadachi.neighbours.population_files import write_population
from nakadachi.neighbours.residents import TOWNS

COUNTRY = Population(b"seed")
PEOPLE = list(COUNTRY.people(0, 3_000))


def test_the_same_seed_gives_the_same_people_and_another_seed_others():
    assert list(Population(b"seed").people(0, 130)) == PEOPLE[:130]
    assert list(Population(b"other").people(0, 10)) != PEOPLE[:10]


@pytest.mark.parametrize("place", [0, 59, 60, 1234, 2999])
def test_a_person_is_had_without_those_before(place):
    assert Population(b"seed").person(place) == PEOPLE[place]
    assert list(COUNTRY.people(place, place + 1)) == [PEOPLE[place]]


def test_the_last_person_of_all_can_be_had_and_none_beyond():
    assert COUNTRY.person(MOST - 1)
    for place in (-1, MOST):
        with pytest.raises(ValueError, match="stand at"):
            COUNTRY.person(place)
    with pytest.raises(ValueError, match="stand at"):
        list(COUNTRY.people(5, 4))


def test_many_people_are_the_same_as_one_by_one(monkeypatch):
    for module in (individual_numbers, population):
        monkeypatch.setattr(module, "MANY", 100)
    assert list(Population(b"seed").people(0, 200)) == PEOPLE[:200]


def test_codes_and_numbers_fit_and_none_comes_twice():
    assert len({one.code.value for one in PEOPLE}) == len({one.number.value for one in PEOPLE}) == len(PEOPLE)
    assert all(ResidentCodeFormula().parse(one.code.value) for one in PEOPLE)


def test_the_official_list_is_whole_and_every_code_fits():
    bodies = local_bodies()
    wards = [one for one in bodies if one.name.endswith("区") and "市" in one.name]
    assert sum(not one.name for one in bodies) == 47
    assert sum(bool(one.name) for one in bodies) - len(wards) == 1741
    assert len({one.code.value for one in bodies}) == len(bodies)
    known = {one.code.value: one.prefecture + one.name for one in bodies}
    # The codes of facts 3, which come from elsewhere.
    for code, name in {
        "131016": "東京都千代田区", "131121": "東京都世田谷区", "011002": "北海道札幌市", "010006": "北海道",
        "271004": "大阪府大阪市", "142018": "神奈川県横須賀市", "142051": "神奈川県藤沢市",
    }.items():  # fmt: skip
        assert known[LocalGovernmentCode(code).value] == name


def test_everybody_lives_in_a_real_municipality_and_in_a_quarter_that_does_not_exist():
    names = {one.code.value: one.prefecture + one.name for one in local_bodies()}
    for one in PEOPLE:
        assert names[one.municipality.code.value] == one.municipality.name
        assert one.address.startswith(tuple(one.municipality.name + town for town in TOWNS))
    assert all("見本" in town for town in TOWNS)


def test_the_ages_are_those_of_the_country_within_a_quarter():
    people = list(COUNTRY.people(0, 24_000))
    bands = Counter(min((date(2026, 4, 1) - one.born).days * 4 // 1461 // 10, 9) for one in people)
    wanted = [sum(PYRAMID[2 * band : 2 * band + 2]) for band in range(9)] + [sum(PYRAMID[18:])]
    for band, share in enumerate(wanted):
        assert bands[band] / len(people) == pytest.approx(share / sum(PYRAMID), rel=0.25), band


def test_names_have_kana_and_households_share_surname_and_address():
    for one in PEOPLE:
        assert KANA.fullmatch(one.kana)
        assert one.sex in {1, 2}
        assert one.born <= COUNTRY.on
    for household in {one.household for one in PEOPLE}:
        family = [one for one in PEOPLE if one.household == household]
        assert len({(one.name.rsplit(" ", 1)[0], one.address) for one in family}) == 1
        assert len({one.name for one in family}) == len(family)


def test_there_are_twins_and_people_of_one_name_and_names_in_old_forms():
    people = list(COUNTRY.people(0, 12_000))
    assert sum(count > 1 for count in Counter((one.household, one.born) for one in people).values()) >= 5
    assert sum(count > 1 for count in Counter(one.name for one in people).values()) >= 100
    assert any("髙" in one.name for one in people)


def test_a_year_has_births_deaths_and_moves_as_the_country_has():
    count, kinds = 24_000, Counter()
    for block in range(count // BLOCK):
        kinds.update(line["kind"] for _, line in events(COUNTRY, block, count, 1))
    of_the_country = {kind: number / count * 124.33e6 for kind, number in kinds.items()}
    assert of_the_country["birth"] == pytest.approx(688e3, rel=0.3)
    assert of_the_country["death"] == pytest.approx(1.6e6, rel=0.2)
    assert of_the_country["move"] == pytest.approx(4.8e6, rel=0.2)


def test_every_line_of_a_life_can_be_read_and_nobody_does_anything_after_death():
    dead: set[str] = set()
    numbers: set[str] = set()
    for block in range(60):
        for _, line in events(COUNTRY, block, 60 * BLOCK, 4):
            event = read_event(line, ResidentCodeFormula())
            assert event.code not in dead or event.kind == "death-undone"
            assert event.event not in numbers
            numbers.add(event.event)
            if event.kind == "death":
                dead.add(event.code)
    assert dead


def test_more_years_than_there_are_codes_for_are_refused():
    with pytest.raises(ValueError, match="1 to 4 years"):
        list(events(COUNTRY, 0, BLOCK, 5))


def test_files_hold_everybody_once_and_stand_complete_or_not_at_all(tmp_path):
    places = ["9901000000000001", "9901000000000002"]
    written = write_population(COUNTRY, 150, tmp_path, organisations=places, years=1)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(written.files)
    with (tmp_path / "residents.csv").open(encoding="utf-8", newline="") as file:
        assert [row["code"] for row in csv.DictReader(file)] == [one.code.value for one in PEOPLE[:150]]
    known = [
        row["宛名番号"]
        for place in places
        for row in csv.DictReader((tmp_path / f"people-{place}.csv").read_text("utf-8-sig").splitlines())
    ]
    assert len(set(known)) == len(known) == 150
    before = (tmp_path / "residents.csv").read_bytes()
    with pytest.raises(ValueError, match="years"):
        write_population(COUNTRY, 200, tmp_path, years=5)
    assert (tmp_path / "residents.csv").read_bytes() == before
    assert not list(tmp_path.glob("*.new"))


PEAK = """
import resource
from nakadachi.neighbours.population import Population
sum(1 for _ in Population(b"seed").people({start}, {stop}))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_ten_times_as_many_people_need_no_more_memory():
    few, many = (
        int(
            subprocess.run(
                [sys.executable, "-c", PEAK.format(start=0, stop=stop)], check=True, capture_output=True
            ).stdout
        )
        for stop in (15_000, 150_000)
    )
    assert many - few < 8 * 1024  # KiB


@pytest.mark.slow
def test_of_many_people_none_is_taken_for_another_but_who_shares_all_four_items():
    seen: dict[int, str] = {}
    merged = alike = 0
    for one in Population(b"seed").people(0, 150_000):
        items = (one.name, one.address, one.sex, one.born)
        key = hash(items_of(one.name, one.address, str(one.sex), one.born.isoformat()))
        if key in seen:
            alike += seen[key] == repr(items)
            merged += seen[key] != repr(items)
        seen[key] = repr(items)
    assert (merged, alike) == (0, 0)
