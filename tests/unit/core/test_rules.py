"""What the core allows: what the law lists that day in Japan, between published files, for somebody linked twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from nakadachi.core.rules import Link, decide_law, decide_person, ending_never_heard_of, require_operating
from nakadachi.law.assessments import Assessment, AssessmentKind, Assessments
from nakadachi.law.lawbook import Lawbook
from nakadachi.law.masters import (
    Affair,
    Information,
    Item,
    Masters,
    Organisation,
    OrganisationKind,
    Procedure,
    ValueKind,
)
from nakadachi.law.reading import Edition
from nakadachi.law.rows import Basis, LegalRow, Parties
from nakadachi.law.whitelist import Whitelist
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.inquiry import Ending
from nakadachi.terms import (
    JAPAN,
    AffairCode,
    InfoNameCode,
    ItemCode,
    NodeName,
    OrganisationCode,
    Prefix,
    ProcedureCode,
    Role,
    Serial,
)

A, B, C = (OrganisationCode(f"{number:016}") for number in (1, 2, 3))
AFFAIR, OTHER_AFFAIR = AffairCode("JM00000000000001"), AffairCode("JM00000000000002")
CLAIM, REPORT = ProcedureCode("JT00000000000001"), ProcedureCode("JT00000000000002")
TAX, RECORD = InfoNameCode("TM00000000000001"), InfoNameCode("TM00000000000002")
INCOME, YEAR, CHECKUP, UNLISTED = (ItemCode(f"{TAX}-000{number}") for number in (1, 2, 3, 4))
RELATION = ItemCode(f"{RECORD}-0001")
FIRST, LAST = date(2026, 4, 1), date(2027, 3, 31)
NAMES = {"name_ja": "見本", "name_en": "sample"}
PREFIX = Prefix(A, AFFAIR, CLAIM, B, TAX, (INCOME,))
NOON = datetime(2026, 7, 1, 3, tzinfo=UTC)


def edition():
    return Edition(version="test-1", effective=FIRST)


def masters():
    items = [
        Item(code=one, value=ValueKind.TEXT, consent_required=one == CHECKUP, **NAMES)
        for one in (INCOME, YEAR, CHECKUP, UNLISTED)
    ]
    return Masters(
        edition(),
        tuple(Organisation(code=one, kind=OrganisationKind.MUNICIPALITY, **NAMES) for one in (A, B, C)),
        (
            Affair(code=AFFAIR, procedures=tuple(Procedure(code=one, **NAMES) for one in (CLAIM, REPORT)), **NAMES),
            Affair(
                code=OTHER_AFFAIR, procedures=(Procedure(code=ProcedureCode("JT00000000000003"), **NAMES),), **NAMES
            ),
        ),
        (
            Information(code=TAX, items=tuple(items), **NAMES),
            Information(code=RECORD, items=(Item(code=RELATION, value=ValueKind.TEXT, **NAMES),), **NAMES),
        ),
    )


def assessment(number, organisation, first=FIRST, last=None, **files):
    titles = {"title_ja": "見本", "title_en": "sample"}
    return Assessment(
        number=number,
        organisation=organisation,
        kind=AssessmentKind.BASIC,
        published_on=first,
        withdrawn_on=last,
        **titles,
        **files,
    )


ASKS, GIVES = assessment("A-1", A, affairs=(AFFAIR,)), assessment("B-1", B, informations=(TAX,))


def lawbook(*, items=(YEAR, INCOME), basis="law", assessments=(ASKS, GIVES)):
    """One row: A and C may ask A and B for income and year, for the claim alone."""
    texts = {f"{name}_{tongue}": "見本" for name in ("text", "citation") for tongue in ("ja", "en")}
    row = LegalRow(
        number="001",
        part=1,
        modelled_on="見本",
        inquirers=Parties(codes=(A, C)),
        affair=AFFAIR,
        providers=Parties(codes=(A, B)),
        information=TAX,
        items=items,
        first_day=FIRST,
        last_day=LAST,
        procedures=(CLAIM,),
        basis=Basis(basis),
        **texts,
    )
    return Lawbook(1, FIRST, masters(), Whitelist(edition(), (row,), masters()), Assessments(edition(), assessments))


def law(prefix=PREFIX, now=NOON, caller=A, **book):
    return decide_law(prefix, caller=caller, lawbook=lawbook(**book), now=now)


def reason_of(act, *arguments, **named):
    with pytest.raises(Refusal) as refused:
        act(*arguments, **named)
    return refused.value.reason


def test_what_the_law_lists_is_allowed_with_its_row_and_assessments():
    allowed = law()
    assert (allowed.prefix, allowed.row, allowed.basis, allowed.assessments) == (PREFIX, "001.1", "law", ("A-1", "B-1"))
    assert law(basis="ordinance").basis == "ordinance"


@pytest.mark.parametrize(
    ("asked", "named"), [((), (YEAR, INCOME)), ((INCOME, YEAR), (YEAR, INCOME)), ((INCOME,), (INCOME,))]
)
def test_a_permit_always_names_its_items_in_the_rows_order(asked, named):
    assert law(replace(PREFIX, items=asked)).prefix == replace(PREFIX, items=named)


@pytest.mark.parametrize(
    "change",
    [
        {"provider": C},
        {"provider": A},
        {"affair": OTHER_AFFAIR},
        {"procedure": REPORT},
        {"information": RECORD, "items": ()},
        {"items": (UNLISTED,)},
        {"items": (INCOME, UNLISTED)},
        {"items": (RELATION,)},
    ],
    ids=str,
)
def test_one_word_beside_the_row_is_not_allowed(change):
    assert reason_of(law, replace(PREFIX, **change)) is Reason.NOT_IN_TABLE


@pytest.mark.parametrize(("inquirer", "caller"), [(A, B), (C, A), (A, C)])
def test_nobody_asks_in_anothers_name(inquirer, caller):
    assert reason_of(law, replace(PREFIX, inquirer=inquirer), caller=caller) is Reason.NOT_IN_TABLE


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (datetime(2026, 3, 31, 14, 59, 59, 999999, tzinfo=UTC), False),
        (datetime(2026, 3, 31, 15, tzinfo=UTC), True),
        (datetime(2026, 4, 1, tzinfo=JAPAN), True),
        (datetime(2027, 3, 31, 14, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2027, 3, 31, 15, tzinfo=UTC), False),
    ],
)
def test_a_row_counts_from_midnight_to_midnight_in_japan(moment, allowed):
    assert law(now=moment).row == "001.1" if allowed else reason_of(law, now=moment) is Reason.NOT_IN_TABLE


@pytest.mark.parametrize(
    "registry",
    [
        (GIVES,),
        (ASKS,),
        (),
        (assessment("A-1", A, informations=(TAX,)), GIVES),
        (ASKS, assessment("B-1", B, affairs=(AFFAIR,))),
        (ASKS, assessment("B-1", C, informations=(TAX,))),
        (ASKS, assessment("B-1", B, informations=(RECORD,))),
    ],
)
def test_a_file_without_its_published_assessment_is_neither_asked_nor_given(registry):
    assert reason_of(law, assessments=registry) is Reason.NO_ASSESSMENT


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (datetime(2026, 6, 30, 14, 59, tzinfo=UTC), False),
        (datetime(2026, 6, 30, 15, 0, tzinfo=UTC), True),
        (datetime(2026, 9, 30, 14, 59, tzinfo=UTC), True),
        (datetime(2026, 9, 30, 15, 0, tzinfo=UTC), False),
    ],
)
@pytest.mark.parametrize("side", ["inquirer", "provider"])
def test_an_assessment_counts_from_its_day_in_japan_until_it_is_withdrawn(moment, allowed, side):
    days = {"first": date(2026, 7, 1), "last": date(2026, 10, 1)}
    asks = assessment("A-1", A, affairs=(AFFAIR,), **days) if side == "inquirer" else ASKS
    gives = assessment("B-1", B, informations=(TAX,), **days) if side == "provider" else GIVES
    book = {"assessments": (asks, gives)}
    if allowed:
        assert law(now=moment, **book).assessments == ("A-1", "B-1")
    else:
        assert reason_of(law, now=moment, **book) is Reason.NO_ASSESSMENT


def test_an_item_that_needs_consent_is_not_given_without_it():
    book = {"items": (INCOME, CHECKUP)}
    assert law(**book).prefix.items == (INCOME,)
    assert reason_of(law, replace(PREFIX, items=(CHECKUP,)), **book) is Reason.CONSENT_LACKING
    assert reason_of(law, replace(PREFIX, items=(INCOME, CHECKUP)), **book) is Reason.CONSENT_LACKING
    # Asking for everything asks for it too.
    assert reason_of(law, replace(PREFIX, items=()), **book) is Reason.CONSENT_LACKING


SERIAL = Serial(f"{A}-{'0' * 26}")
LINKED = Link(key_index=1, generation=2, unlinked=False, suspended=False)
AT_B = replace(LINKED, generation=7)


def person(links=None, serial=SERIAL, issued=(1, 2)):
    return decide_person(
        serial, caller=A, provider=B, issued=issued, links={A: LINKED, B: AT_B} if links is None else links
    )


def test_a_person_linked_on_both_sides_may_be_asked_about():
    assert person() == AT_B


@pytest.mark.parametrize(
    ("reason", "given"),
    [
        (Reason.OUT_OF_TURN, {"serial": Serial(f"{B}-{'0' * 26}")}),
        (Reason.CODE_NOT_ISSUED, {"links": {}}),
        (Reason.CODE_NOT_ISSUED, {"links": {B: AT_B}}),
        (Reason.CODE_NOT_ISSUED, {"issued": (1, 1)}),
        (Reason.CODE_NOT_ISSUED, {"issued": (1, 3)}),
        (Reason.CODE_NOT_ISSUED, {"issued": (2, 2)}),
        (Reason.CODE_NOT_ISSUED, {"links": {A: replace(LINKED, unlinked=True), B: AT_B}}),
        (Reason.SUSPENDED, {"links": {A: replace(LINKED, suspended=True), B: AT_B}}),
        (Reason.NOT_LINKED_AT_PROVIDER, {"links": {A: LINKED}}),
        (Reason.NOT_LINKED_AT_PROVIDER, {"links": {A: LINKED, C: AT_B}}),
        (Reason.NOT_LINKED_AT_PROVIDER, {"links": {A: LINKED, B: replace(AT_B, unlinked=True)}}),
        (Reason.SUSPENDED, {"links": {A: LINKED, B: replace(AT_B, suspended=True)}}),
    ],
    ids=str,
)
def test_every_lack_has_its_reason(reason, given):
    assert reason_of(person, **given) is reason


@pytest.mark.parametrize("flags", [{"unlinked": True}, {"suspended": True}])
def test_what_is_wrong_at_a_third_organisation_does_not_matter(flags):
    assert person({A: LINKED, B: AT_B, C: replace(LINKED, **flags)}) == AT_B


def test_an_old_code_says_nothing_of_the_provider():
    # Who holds a code that is no longer issued must not learn whether the person is linked elsewhere.
    for links in ({A: LINKED}, {A: LINKED, B: AT_B}):
        assert reason_of(person, links=links, issued=(1, 1)) is Reason.CODE_NOT_ISSUED


@pytest.mark.parametrize("role", [Role.INTERFACE, Role.INTERMEDIATE])
def test_a_provider_that_said_it_stopped_is_not_asked_nor_is_one_below_the_minimum_version(role):
    one, nobody = frozenset({NodeName.of(role, B)}), frozenset()
    assert reason_of(require_operating, PREFIX, one) is Reason.PROVIDER_STOPPED
    assert reason_of(require_operating, PREFIX, nobody, one) is Reason.PROVIDER_STOPPED


@pytest.mark.parametrize(
    "stopped",
    [frozenset(), {NodeName.of(Role.INTERFACE, A)}, {NodeName.of(Role.INTERMEDIATE, C)}, {NodeName.of(Role.PORTAL, B)}],
)
def test_what_else_stopped_does_not_matter(stopped):
    require_operating(PREFIX, frozenset(stopped), frozenset(stopped))


def test_no_reason_tells_a_code_or_a_person():
    for given in ({"links": {}}, {"links": {A: LINKED}}, {"serial": Serial(f"{B}-{'0' * 26}")}):
        with pytest.raises(Refusal) as refused:
            person(**given)
        assert not any(character.isdigit() for character in refused.value.detail)


def test_the_day_is_judged_at_the_moment_given_and_at_no_other():
    assert law(now=NOON + timedelta(days=200)).row == law(now=NOON).row


@pytest.mark.parametrize("other", [Ending.REFUSED, Ending.CANCELLED, Ending.TIMED_OUT, Ending.UNKNOWN])
def test_for_an_end_that_never_heard_of_it_an_exchange_ended_as_for_the_other(other):
    assert ending_never_heard_of(other) is other


@pytest.mark.parametrize("other", [None, Ending.ANSWERED])
def test_nobody_was_answered_by_an_end_that_never_heard_of_the_exchange(other):
    assert ending_never_heard_of(other) is Ending.TIMED_OUT
