"""Plans the sample country of `examples/`: who is registered where and who asks what; it must never know a real person.

Every inquiry is judged by the sample law while it is planned, so that a change of the law data shows here first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import TypeVar

from nakadachi.intermediate.files.results import Status
from nakadachi.law import lawbook
from nakadachi.law.assessments import require_assessment
from nakadachi.law.masters import Item, ValueKind
from nakadachi.neighbours.residents import MUNICIPALITIES, Chance, Resident, residents
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import AffairCode, InfoNameCode, OrganisationCode, Prefix, ProcedureCode

ON = date(2026, 4, 1)
ANSWERED = 180
GROWN_UP = 18
WIDELY_KNOWN = 400
"""So many residents are registered wherever they belong; everybody after them at home only, which keeps files small."""
STRANGERS = 2
SPARE = 24
"""People drawn beyond the residents, so that strangers of the inquirer's town are among them."""
AOBA, MIDORI, TSUBAKI, AOI, HINATA, KOHARU = (f"99010000{number:08}" for number in range(1, 7))
PREFECTURE, PENSION, INSURER, UNION = (f"99{kind:02}000000000001" for kind in (2, 3, 4, 5))
TOWNS = (AOBA, MIDORI, TSUBAKI, AOI, HINATA, KOHARU)
INQUIRER, STOPPED = TSUBAKI, KOHARU
FORMER = tuple(place for place in TOWNS if place != INQUIRER)
TAX, RECORD, MEDICAL, PENSIONS, DISABILITY, CARE, ASSISTANCE, CHILDREN = (
    f"TM99{number:012}" for number in (2, 3, 4, 5, 6, 7, 8, 10)
)
BOOK = lawbook.sample()
HOME = MUNICIPALITIES[TOWNS.index(INQUIRER)]
# Every other household lives in the town that asks.
HOMES = [place for other in MUNICIPALITIES if other != HOME for place in (HOME, other)]

Case = tuple[str, str, str, str, str]  # addressee number, affair, procedure, provider, information
Outcome = Status | Reason  # a reason: refused for it
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Country:
    """Who is registered where under which number, and what each organisation holds of whom.

    `people`: the residents, and after them the strangers, whom the registry organisation does not know; people go by
    their place in it. `unnumbered`: whose Individual Number an organisation has not. `mixed`: whose kana a row shows.
    """

    people: list[Resident]
    strangers: range
    numbers: dict[str, dict[int, str]] = field(default_factory=dict)
    unnumbered: set[tuple[str, int]] = field(default_factory=set)
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    holds: set[tuple[str, int, str]] = field(default_factory=set)
    mixed: dict[tuple[str, int], int] = field(default_factory=dict)
    flags: dict[str, list[str]] = field(default_factory=dict)


def settle(seed: bytes, count: int) -> Country:
    """A country of `count` residents, and a few strangers of the inquirer's town; nobody is registered anywhere yet."""
    drawn = residents(seed, count + SPARE, municipalities=HOMES)
    strangers = [person for person in drawn[count:] if person.municipality == HOME][:STRANGERS]
    return Country([*drawn[:count], *strangers], range(count, count + len(strangers)))


def age(person: Resident) -> int:
    """Full years on the day of the examples."""
    return (ON - person.born).days * 4 // 1461


def registrations(country: Country, chance: Chance) -> None:
    """Everybody at home; of the inquirer's five households of six also where they lived before; the rest by age."""
    used: set[str] = set()
    for at, person in enumerate(country.people):
        for place in _places(at, person):
            while (number := str(10_000_000 + chance.below(89_999_999))) in used:
                continue
            used.add(number)
            country.numbers.setdefault(place, {})[at] = number
    for place, numbers in country.numbers.items():
        country.unnumbered.update(
            (place, at) for at in numbers if not moved_away(country, place, at) and chance.below(5) < 2
        )


def _places(at: int, person: Resident) -> list[str]:
    home = TOWNS[MUNICIPALITIES.index(person.municipality)]
    if at >= WIDELY_KNOWN:
        return [home]
    before = [FORMER[person.household // 2 % 6 - 1]] if home == INQUIRER and person.household // 2 % 6 else []
    conditions = ((PREFECTURE, at % 6 == 0), (PENSION, age(person) >= 20), (INSURER, person.household % 4 < 2))
    members = [place for place, member in (*conditions, (UNION, age(person) >= 75)) if member]
    return [home, *before, *members]


def moved_away(country: Country, place: str, at: int) -> bool:
    """Whether a place is where somebody lived before, so that it has an address which is theirs no more."""
    return place in FORMER and at in country.numbers[INQUIRER]


def informations(country: Country, place: str, at: int) -> list[str]:
    """What an organisation holds of a person."""
    person = country.people[at]
    years = age(person)
    if place in TOWNS:
        if not moved_away(country, place, at):
            return [TAX, RECORD] if at % 10 == 0 else []
        by_age = ((TAX, years >= 18), (RECORD, True), (CARE, years >= 65), (CHILDREN, 25 <= years < 50))
        return [name for name, held in (*by_age, (ASSISTANCE, at % 12 == 0)) if held]
    return {PREFECTURE: [DISABILITY], PENSION: [PENSIONS], INSURER: [MEDICAL], UNION: [MEDICAL]}[place]


def value_of(item: Item, chance: Chance) -> str:
    """A plausible value of an item's kind."""
    number = chance.below(5_000)
    match item.value:
        case ValueKind.AMOUNT:
            return str(number % 6 if "人数" in item.name_ja else number * 1_000)
        case ValueKind.DATE:
            return (ON - timedelta(days=number)).strftime("%Y%m%d")
        case ValueKind.FLAG:
            return str(number % 2)
        case ValueKind.CODE:
            return str(1 + number % 5)
    return "令和7年度" if "年度" in item.name_ja else "見本"


def replicas(country: Country, missing: set[tuple[str, int, str]], chance: Chance) -> None:
    """Replica rows of everybody, less those that are to be missing; one value of twenty is a reason of null."""
    for place, numbers in country.numbers.items():
        for at, number in numbers.items():
            for name in informations(country, place, at):
                if (place, at, name) in missing:
                    continue
                country.holds.add((place, at, name))
                for item in BOOK.masters.information(InfoNameCode(name)).items:
                    value = value_of(item, chance) if chance.below(20) else ""
                    row = {
                        "record_id": f"R{len(country.rows.setdefault(place, [])) + 1:06}",
                        "addressee_number": number,
                        "information": name,
                        "item": item.code.value,
                        "version": "1",
                        "publish_from": "20250615",
                        "publish_until": "",
                        "value": value,
                        "reason_of_null": "" if value else "NotAcceptable",
                        "delete": "0",
                        "updated_at": "20250615090000",
                    }
                    country.rows[place].append(row)


def judged(case: Case, inquirer: str = INQUIRER) -> Outcome:
    """What the sample law says of a case: answered, or the reason it is refused for."""
    _, affair, procedure, provider, information = case
    codes = OrganisationCode(inquirer), AffairCode(affair), ProcedureCode(procedure), OrganisationCode(provider)
    prefix = Prefix(*codes, InfoNameCode(information))
    try:
        BOOK.allows(prefix, ON)
        require_assessment(BOOK.assessments, prefix, ON)
    except Refusal as refused:
        return refused.reason
    return Status.ANSWERED


@cache
def uses(information: str, provider: str) -> tuple[tuple[str, str], ...]:
    """The affairs and procedures for which the inquirer may ask a provider for an information name."""
    pairs = [(affair.code.value, each.code.value) for affair in BOOK.masters.affairs for each in affair.procedures]
    consent = [item.code for item in BOOK.masters.information(InfoNameCode(information)).items if item.consent_required]
    rows = {row.affair.value for row in BOOK.whitelist.rows if set(consent) & set(row.items)}
    allowed = [pair for pair in pairs if judged(("", *pair, provider, information)) is Status.ANSWERED]
    return tuple(pair for pair in allowed if pair[0] not in rows)


@dataclass(frozen=True, slots=True)
class Plan:
    """The inquiries planned so far, each with what is to come of it."""

    country: Country
    chance: Chance
    found: list[tuple[Case, Outcome]] = field(default_factory=list)

    def add(self, at: int, provider: str, information: str, expected: Outcome) -> None:
        """Ask a provider about a person of the inquirer's, for one of the affairs that may."""
        self.ask(self.country.numbers[INQUIRER][at], provider, information, expected)

    def ask(self, number: str, provider: str, information: str, expected: Outcome) -> None:
        """The same by addressee number, known or not."""
        pair = self.chance.pick(uses(information, provider))
        self.found.append(((number, *pair, provider, information), expected))

    def moved(self, place: str, least: int) -> list[int]:
        """The grown-up people of the inquirer who are registered at another place too. Raises ValueError."""
        own, people = self.country.numbers[INQUIRER], self.country.people
        found = [at for at in self.country.numbers.get(place, ()) if at in own and age(people[at]) >= GROWN_UP]
        return enough(found, least, f"grown-up people who moved from {place} to {INQUIRER}")

    def protect(self, place: str, at: int, flag: str) -> None:
        """Mark a person at a place: information, own view allowed, withheld, until."""
        self.country.flags.setdefault(place, []).append(f"{self.country.numbers[place][at]},{flag}")


def enough(found: list[T], least: int, what: str) -> list[T]:
    """The same, where there are enough. Raises ValueError."""
    if len(found) < least:
        raise ValueError(
            f"a sample country needs {least} {what}, this one has {len(found)}: let it have more residents"
        )
    return found


def cases(country: Country, chance: Chance) -> list[tuple[Case, Outcome]]:
    """Inquiries and what is to come of each.

    Raises ValueError where there are too few people for them, or where the law data no longer fits them.
    """
    plan = Plan(country, chance)
    missing = troubles(plan)
    replicas(country, missing, chance)
    outside_the_law(plan)
    for number in ("99999101", "99999102", "99999103"):
        plan.ask(number, MIDORI, RECORD, Reason.UNKNOWN_ADDRESSEE)
    for at in country.strangers:
        plan.add(at, MIDORI, RECORD, Reason.CODE_NOT_ISSUED)
    own = country.numbers[INQUIRER]
    kept = {(case[0], case[3]) for case, _ in plan.found}
    ready = [
        (at, place, name)
        for place, at, name in sorted(country.holds)
        if at in own and place not in {INQUIRER, STOPPED} and (own[at], place) not in kept and uses(name, place)
    ]
    enough(ready, ANSWERED, "holdings that may be asked for")
    for _ in range(ANSWERED):
        plan.add(*ready.pop(chance.below(len(ready))), Status.ANSWERED)
    return plan.found


def troubles(plan: Plan) -> set[tuple[str, int, str]]:
    """Plan mixed-up rows, protected people, people not linked, and rows that are to be missing (returned)."""
    people, own = plan.country.people, plan.country.numbers[INQUIRER]
    known = [at for at in own if at not in plan.country.strangers]
    only_here = [at for at in known if not any(at in plan.country.numbers.get(place, ()) for place in FORMER)]
    missing: set[tuple[str, int, str]] = set()
    for alone, place in zip(enough(only_here, 3, "people only here"), (AOBA, MIDORI, AOI), strict=False):
        mixed, absent, once_guarded, *rest = plan.moved(place, 6)
        family = [at for at in own if people[at].household == people[mixed].household]
        others = [at for at in (*family, *rest) if people[at].kana != people[mixed].kana]
        plan.country.mixed[place, mixed] = enough(others, 1, "people of another name")[0]
        missing.add((place, absent, TAX))
        plan.protect(place, once_guarded, "*,1,1,20250331")
        plan.add(mixed, place, RECORD, Reason.SUBJECT_MISMATCH)
        plan.add(absent, place, TAX, Reason.NOT_REGISTERED)
        plan.add(once_guarded, place, RECORD, Status.ANSWERED)
        plan.add(alone, place, RECORD, Reason.NOT_LINKED_AT_PROVIDER)
    marks = ((RECORD, "*", "20991231"), (TAX, TAX, ""), (TAX, "*", ""), (RECORD, RECORD, "20991231"))
    guarded = plan.moved(HINATA, len(marks))
    for at, (asked, marked, until) in zip(guarded, marks, strict=False):
        plan.protect(HINATA, at, f"{marked},0,1,{until}")
        plan.add(at, HINATA, asked, Status.PENDING)
    plan.protect(INQUIRER, guarded[0], "*,0,0,20991231")
    for at in plan.moved(STOPPED, 5)[:5]:
        plan.add(at, STOPPED, RECORD, Reason.PROVIDER_STOPPED)
    return missing


def outside_the_law(plan: Plan) -> None:
    """Plan what the table does not list, or what has no assessment.

    Raises ValueError where the law data says otherwise, or where there are too few people.
    """
    wanted = (
        ("JM99000000740000", "JT99000000740003", TAX, Reason.NOT_IN_TABLE),  # ended in 2024
        ("JM99000000420000", "JT99000000420001", ASSISTANCE, Reason.NOT_IN_TABLE),
        ("JM99000001160000", "JT99000001160001", "TM99000000000009", Reason.NOT_IN_TABLE),  # from 2030
        ("JM99000009010000", "JT99000009010001", TAX, Reason.NOT_IN_TABLE),  # another town's ordinance
        ("JM99000000660000", "JT99000000660001", RECORD, Reason.NOT_IN_TABLE),  # not for a municipality
        ("JM99000000310000", "JT99000000310001", TAX, Reason.NO_ASSESSMENT),
        ("JM99000000310000", "JT99000000310002", TAX, Reason.NO_ASSESSMENT),
        ("JM99000000310000", "JT99000000310001", RECORD, Reason.NO_ASSESSMENT),
    )
    persons = plan.moved(HINATA, 5 + len(wanted))[5:]
    for at, (affair, procedure, information, reason) in zip(persons, wanted, strict=False):
        case = (plan.country.numbers[INQUIRER][at], affair, procedure, HINATA, information)
        if judged(case) is not reason:
            raise ValueError(f"the law data no longer refuses {case[1:]} for {reason}: it says {judged(case)}")
        plan.found.append((case, reason))
