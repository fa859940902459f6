"""A finding goes to the Commission: through the own interface system where a server found it, else straight."""

from types import SimpleNamespace

import pytest

from nakadachi.kit.author import Author
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.unit import Unit
from nakadachi.ledger.findings import report
from nakadachi.telegrams.oversight import Finding, FindingKind, ReportFinding
from nakadachi.terms import NodeName

COMMISSION, CORE = NodeName("commission:9912000000000001"), NodeName("core:9910000000000001")
MS_A, IF_A = NodeName("intermediate:9901000000000001"), NodeName("interface:9901000000000001")


@pytest.fixture
def found(network):
    def report_of(name, count):
        """The requests by which a node reports so many findings."""
        findings = [Finding(kind=FindingKind.PERMIT_INVALID, at=network.now)] * count
        unit = Unit(None, network.now)
        author = Author(name, network.key_of(name), FixedClock(network.now), SeededEntropy(1))
        report(SimpleNamespace(author=author, edition=network.edition()), unit, findings)
        return unit.outgoing

    return report_of


@pytest.mark.parametrize(("name", "through"), [(MS_A, IF_A), (IF_A, COMMISSION), (CORE, COMMISSION)])
def test_a_finding_takes_the_path_of_its_role(found, name, through):
    (entry,) = found(name, 1)
    (telegram,) = entry.telegrams
    assert entry.to == through
    assert isinstance(telegram.header, ReportFinding)
    assert (telegram.header.author, telegram.header.to) == (name, COMMISSION)


@pytest.mark.parametrize(("count", "telegrams"), [(0, []), (1000, [1000]), (1001, [1000, 1])])
def test_as_many_telegrams_go_as_are_needed(found, count, telegrams):
    assert [len(entry.telegrams[0].header.findings) for entry in found(CORE, count)] == telegrams
