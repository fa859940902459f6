"""One exchange, hop by hop, as design section 2 tells it; what each hop must be is read from the catalogue."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

import pytest
import pytest_asyncio

from nakadachi.ledger.permits import entry_of
from nakadachi.ledger.tree import leaf_hash
from nakadachi.ledger.verify import Keys, LoggedContent, verify_log
from nakadachi.telegrams.catalogue import CATALOGUE, CORE, IF_A, IF_B, MS_A, MS_B, Hop
from nakadachi.telegrams.codec import decode_envelope, decode_json
from nakadachi.telegrams.envelope import Received, Verified
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.permit import (
    CheckPrefix,
    IssueSerial,
    Permit,
    PermitContent,
    PermitGranted,
    RequestPermit,
    SerialIssued,
)
from nakadachi.telegrams.provision import Provide
from nakadachi.terms import NodeName, Role, Serial
from tests.invented import AOBA, TSUBAKI
from tests.story.people import HANA, VALUES
from tests.tap import Flight
from tests.world import DEPARTMENT, OPERATOR, Land, Told

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOPS = [hop for hop in CATALOGUE if hop.number is not None]
Leg = tuple[Flight, Received, Received]


@dataclass(frozen=True, slots=True)
class Story:
    """One exchange that came to its end, and the country it took place in."""

    land: Land
    told: Told
    serial: Serial
    stops: dict[str, NodeName]

    def legs(self, hop: Hop) -> list[Leg]:
        """The legs of a hop's telegram of this exchange, with the final answers."""
        if hop.telegram is IssueSerial:
            return [leg for leg in self.land.tap.legs(IssueSerial) if self.serial in _issued(leg)]
        return self.land.tap.legs(hop.telegram, self.serial)

    def first(self, kind: type) -> Leg:
        """The first leg of a telegram of this exchange."""
        return self.land.tap.legs(kind, self.serial)[0]

    @property
    def permit(self) -> Permit:
        """The permit as the inquirer got it."""
        return decode_json(_verified(self.first(RequestPermit)[2]).part("permit"), Permit)

    async def records(self, stop: str) -> dict[str, dict[str, object]]:
        """The records of the exchange at a stop, by event."""
        rows = await self.land.rows(self.stops[stop], "SELECT * FROM record WHERE serial = $1", self.serial.value)
        return {row["event"]: row for row in rows}


def _issued(leg: Leg) -> tuple[Serial, ...]:
    header = leg[2].header
    assert isinstance(header, SerialIssued)
    return header.serials


def _verified(received: Received) -> Verified[object]:  # type: ignore[type-var]  # any header
    return Verified(received.header, received.envelope)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(land: Land) -> Story:
    """Tsubaki asks Aoba about Hana, and all that follows has come to rest."""
    told = await land.ask(HANA.at(TSUBAKI))
    await land.quiet(cosigned=True)
    assert told.serial is not None, told
    stops = {
        MS_A: land.name(Role.INTERMEDIATE, TSUBAKI),
        IF_A: land.name(Role.INTERFACE, TSUBAKI),
        CORE: land.name(Role.CORE),
        IF_B: land.name(Role.INTERFACE, AOBA),
        MS_B: land.name(Role.INTERMEDIATE, AOBA),
    }
    return Story(land, told, told.serial, stops)


async def test_the_values_arrive_exactly_as_they_were_loaded(story: Story) -> None:
    assert story.told.status == "answered"
    assert story.told.items == {item: {"value": value} for item, value in VALUES.items()}
    assert await story.land.read(story.serial) == story.told


@pytest.mark.parametrize("hop", HOPS, ids=lambda hop: f"{hop.number}-{hop.telegram.__name__}")
async def test_a_telegram_takes_the_path_of_its_line_in_the_catalogue(story: Story, hop: Hop) -> None:
    path = [story.stops[stop] for stop in hop.path]
    legs = story.legs(hop)
    assert [(flight.sender, flight.to) for flight, _, _ in legs] == list(pairwise(path))
    for _, asked, answer in legs:
        assert (asked.header.author, asked.header.to) == (path[0], path[-1])
        assert type(answer.header) is hop.answer


@pytest.mark.parametrize("hop", HOPS, ids=lambda hop: f"{hop.number}-{hop.telegram.__name__}")
async def test_relays_pass_the_authors_bytes_unchanged_in_both_directions(story: Story, hop: Hop) -> None:
    legs = story.legs(hop)
    assert len({asked.envelope for _, asked, _ in legs}) == 1
    assert len({answer.envelope for _, _, answer in legs}) == 1


@pytest.mark.parametrize("hop", HOPS, ids=lambda hop: f"{hop.number}-{hop.telegram.__name__}")
async def test_the_addressee_answers_and_for_an_inquiry_the_provider(story: Story, hop: Hop) -> None:
    answerer = MS_B if hop.telegram is Inquire else hop.path[-1]
    for _, asked, answer in story.legs(hop):
        assert answer.header.author == story.stops[answerer]
        assert answer.header.to == (story.stops[CORE] if hop.telegram is Inquire else asked.header.author)


async def test_the_hops_come_in_their_order(story: Story) -> None:
    flights = story.land.tap.flights
    first = [flights.index(story.legs(hop)[0][0]) for hop in HOPS]
    assert first[:6] == sorted(first[:6])
    assert min(first[6:]) > first[4]


async def test_the_check_of_the_prefix_and_the_request_for_the_permit_are_one_request_and_two_telegrams(
    story: Story,
) -> None:
    flight = story.first(CheckPrefix)[0]
    assert [type(one.header) for one in flight.telegrams] == [CheckPrefix, RequestPermit]


async def test_the_core_encloses_the_inquirers_statement_as_the_inquirer_signed_it(story: Story) -> None:
    stated, enclosing = story.first(Inquire)[1], story.first(InquireAt)[1]
    assert decode_envelope(_verified(enclosing).part("statement")).envelope == stated.envelope
    assert story.first(Inquire)[2].envelope == story.first(InquireAt)[2].envelope


async def test_the_provision_never_passes_the_core(story: Story) -> None:
    body = _verified(story.first(Provide)[1]).part("body")
    core = story.stops[CORE]
    at_the_core = [flight for flight in story.land.tap.flights if core in (flight.sender, flight.to)]
    assert at_the_core
    for flight in at_the_core:
        assert body not in flight.request + (flight.answer or b"")
    kept = await story.land.state(core)
    assert not [table for table, rows in kept.items() if body.hex() in "".join(rows)]


async def test_the_permit_is_a_leaf_of_a_log_that_the_commission_cosigned(story: Story) -> None:
    core, permit = story.stops[CORE], story.permit
    entries = [row["entry"] for row in await story.land.rows(core, "SELECT entry FROM log_entry ORDER BY index")]
    (newest,) = await story.land.rows(core, "SELECT size, note FROM log_cosigned ORDER BY size DESC, at DESC LIMIT 1")
    directory = story.land.service(core).node.edition.directory
    origin = decode_json(permit.content, PermitContent).origin
    keys = Keys((directory.log_key(origin),), directory.witness_keys())
    logged = LoggedContent(permit.content, permit.index, permit.path, permit.checkpoint)
    verdict = verify_log(entries, newest["note"], keys, [logged])
    assert verdict.ok, verdict.problems
    assert newest["size"] > permit.index


async def test_the_permit_says_what_was_asked_and_on_what_ground(story: Story) -> None:
    content = decode_json(story.permit.content, PermitContent)
    assert content.serial == story.serial
    assert (content.prefix.inquirer, content.prefix.provider) == (TSUBAKI, AOBA)
    assert [item.value for item in content.prefix.items] == list(VALUES)
    assert content.legal_row == "094.1"
    assert len(content.assessments) == 2
    assert content.route.node == story.stops[IF_A]


async def test_core_inquirer_and_provider_keep_records_of_the_one_exchange(story: Story) -> None:
    events = {stop: set(await story.records(stop)) for stop in story.stops}
    assert events == {
        MS_A: {"requested", "received"},
        IF_A: {"requested", "received"},
        CORE: {"permitted", "provided", "received"},
        IF_B: {"requested", "provided"},
        MS_B: {"provided"},
    }
    leaf = leaf_hash(entry_of(story.permit.content))
    for stop in story.stops:
        for event, row in (await story.records(stop)).items():
            assert (row["inquirer"], row["provider"]) == (TSUBAKI.value, AOBA.value)
            assert row["reason"] is None
            assert row["leaf"] in (None, leaf), (stop, event)
    assert (await story.records(CORE))["permitted"]["leaf"] == leaf


async def test_the_inquirers_records_say_who_asked_from_where_and_what_for(story: Story) -> None:
    for row in (await story.records(MS_A)).values():
        assert (row["staff"], row["department"], row["terminal"]) == (OPERATOR, DEPARTMENT, "T-07")
        assert (row["purpose"], row["case_number"]) == ("benefit review", "CASE-2026-0815")
    assert (await story.records(MS_B))["provided"]["staff"] == "automatic"


async def test_the_core_knows_the_member_of_staff_by_a_pseudonym_only(story: Story) -> None:
    row = (await story.records(CORE))["permitted"]
    assert row["staff"]
    assert OPERATOR not in json.dumps(
        [row["staff"], row["department"], row["terminal"], row["purpose"], row["case_number"]]
    )


async def test_the_pair_of_serial_and_prefix_is_erased_at_both_interfaces(story: Story) -> None:
    for stop in (IF_A, IF_B):
        (row,) = await story.land.rows(
            story.stops[stop],
            "SELECT prefix, route_to, route_url, ended FROM exchange WHERE serial = $1",
            story.serial.value,
        )
        assert row == {"prefix": None, "route_to": None, "route_url": None, "ended": True}


async def test_the_one_time_body_key_is_erased(story: Story) -> None:
    (row,) = await story.land.rows(
        story.stops[MS_A], "SELECT state, seed FROM inquiry WHERE serial = $1", story.serial.value
    )
    assert row == {"state": "answered", "seed": None}


async def test_asking_anything_again_gets_the_former_answer_and_changes_nothing(story: Story) -> None:
    land = story.land
    before = await land.states()
    for flight in [one for one in land.tap.flights if not one.path]:
        status, again = await land.send(flight.sender, flight.to, flight.request)
        assert status == 200
        same = Flight(flight.sender, flight.to, flight.request, again)
        for (asked, former), (_, now) in zip(flight.pairs, same.pairs, strict=True):
            assert _meaning(now) == _meaning(former), type(asked.header).__name__
    await land.quiet()
    assert await land.states() == before
    assert (await land.status(story.stops[CORE]))["log_size"] == 1


def _meaning(answer: Received) -> object:
    """The bytes of an answer; of a permit what it is, for its proof is made anew in a tree that may have grown."""
    if not isinstance(answer.header, PermitGranted):
        return answer.envelope
    permit = decode_json(_verified(answer).part("permit"), Permit)
    return answer.header.outcomes, permit.content, permit.index, _verified(answer).part("opening")
