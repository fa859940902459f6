"""The catalogue's own derivations: who authors, who answers, who receives."""

import pytest

from nakadachi.telegrams.catalogue import CATALOGUE, CORE, HOPS, IF_A, MS_B, received_by, role_at
from nakadachi.telegrams.inquiry import Inquire, InquireAt
from nakadachi.telegrams.oversight import DistributeEdition, ReportFinding, ReportHeads, ReportOperation
from nakadachi.telegrams.permit import IssueSerial, PrefixRefused
from nakadachi.telegrams.provision import Provide
from nakadachi.telegrams.trail import HandOverTrail
from nakadachi.terms import Role


@pytest.mark.parametrize(
    ("stop", "role"),
    [(IF_A, Role.INTERFACE), (MS_B, Role.INTERMEDIATE), (CORE, Role.CORE), ("registry", Role.REGISTRY)],
)
def test_a_stop_is_of_the_role_it_names(stop, role):
    assert role_at(stop) is role


def test_the_author_stands_at_the_beginning_and_the_addressee_at_the_end():
    (provide,) = HOPS[Provide]
    assert (provide.author, provide.addressee) == (Role.INTERMEDIATE, Role.INTERMEDIATE)
    (inquire_at,) = HOPS[InquireAt]
    assert (inquire_at.author, inquire_at.addressee) == (Role.CORE, Role.INTERMEDIATE)


def test_a_telegram_may_have_several_paths():
    assert [hop.addressee for hop in HOPS[PrefixRefused]] == [Role.CORE, Role.COMMISSION]
    assert [hop.author for hop in HOPS[ReportOperation]] == [
        *(Role.INTERMEDIATE, Role.INTERFACE, Role.INTERFACE),
        *(Role.COMMISSION, Role.REGISTRY),
    ]


def test_a_system_receives_what_ends_at_it_and_what_it_relays():
    assert received_by(Role.COMMISSION) == {
        *(PrefixRefused, ReportFinding, ReportHeads, DistributeEdition, HandOverTrail),
    }
    assert {IssueSerial, Inquire, InquireAt, Provide} <= received_by(Role.INTERFACE)
    assert Provide not in received_by(Role.CORE)


def test_the_hops_of_an_inquiry_stand_in_the_order_of_life():
    numbers = [hop.number for hop in CATALOGUE if hop.number is not None]
    assert numbers == list(range(1, 9))
