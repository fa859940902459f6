"""A sample country's plan: every system once, on a port and with a tenant of its own."""

import pytest

from nakadachi.country.plan import plan
from nakadachi.law import lawbook
from nakadachi.terms import NodeName, OrganisationCode, Role

A, B = OrganisationCode("9901000000000001"), OrganisationCode("9901000000000002")


@pytest.fixture
def country():
    return plan(lawbook.sample(), (A, B), port=7400)


def test_core_commission_and_registry_come_first_and_two_systems_for_each_organisation(country):
    assert [(place.name.role, place.port) for place in country.places] == [
        (Role.CORE, 7400),
        (Role.COMMISSION, 7401),
        (Role.REGISTRY, 7402),
        (Role.INTERFACE, 7403),
        (Role.INTERMEDIATE, 7404),
        (Role.INTERFACE, 7405),
        (Role.INTERMEDIATE, 7406),
    ]
    assert [place.name.organisation for place in country.places[3:]] == [A, A, B, B]
    assert country.organisations == (A, B)


def test_the_commissions_pages_have_a_port_after_all_others_on_this_machine_alone(country):
    assert country.pages == "http://localhost:7407"
    twins = plan(lawbook.sample(), (A, B), port=7400, twins=True)
    ports = [one.port for place in twins.places for one in (place, *place.instances)]
    assert twins.pages_port == max(ports) + 1


def test_no_two_systems_share_a_name_a_port_a_tenant_or_a_folder(country):
    for what in ("name", "url", "tenant", "folder"):
        assert len({getattr(place, what) for place in country.places}) == len(country.places)


def test_a_place_says_where_it_is(country):
    place = country.of(Role.INTERFACE, B)
    assert (place.name, place.url) == (NodeName.of(Role.INTERFACE, B), "https://127.0.0.1:7405")
    assert (place.tenant, place.folder) == (f"interface_{B}", f"interface-{B}")
    assert country.place(place.name) == place
    assert country.of(Role.CORE) == country.places[0]
    assert country.of(Role.INTERFACE).name.organisation == A


def test_what_is_not_planned_is_not_found(country):
    with pytest.raises(KeyError, match="portal"):
        country.of(Role.PORTAL)
    with pytest.raises(KeyError, match="interface"):
        country.of(Role.INTERFACE, OrganisationCode("9901000000000009"))
    with pytest.raises(KeyError, match="core:9901000000000001"):
        country.place(NodeName.of(Role.CORE, A))


def test_a_country_without_organisations_has_its_three_systems():
    assert len(plan(lawbook.sample(), (), port=1).places) == 3
