"""A refused telegram makes a finding for each of its exchanges, or one where the finding is about none."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.telegrams.suspicion import KINDS, PLACELESS, Suspicion, findings_of, kind_of, suspecting
from nakadachi.terms import NodeName, Serial

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
CORE = NodeName("core:9910000000000001")
ONE, TWO = (Serial(f"9901000000000001-{number:026}") for number in (1, 2))


def found(refusal, *serials):
    """Kind and exchange of each finding."""
    findings = findings_of(SimpleNamespace(exchanges=serials), refusal, about=CORE, at=NOW)
    assert {(one.about, one.at, one.reason) for one in findings} <= {(CORE, NOW, refusal.reason)}
    return [(one.kind, one.serial) for one in findings]


def test_each_exchange_of_a_refused_telegram_has_its_finding():
    kind = FindingKind.PERMIT_INVALID
    assert found(Refusal(Reason.PERMIT_INVALID), ONE, TWO) == [(kind, ONE), (kind, TWO)]
    assert found(Refusal(Reason.PERMIT_INVALID)) == [(kind, None)]


@pytest.mark.parametrize("kind", sorted(PLACELESS))
def test_what_is_about_no_exchange_is_one_finding(kind):
    assert found(Suspicion(kind, Reason.NO_WITNESS), ONE, TWO) == [(kind, None)]


@pytest.mark.parametrize("reason", sorted(set(Reason) - set(KINDS)))
def test_a_refusal_that_honest_nodes_get_too_makes_none(reason):
    assert found(Refusal(reason), ONE) == []


def test_a_refusal_within_a_suspicion_keeps_its_reason_and_gets_the_kind():
    with pytest.raises(Suspicion) as wrong, suspecting(FindingKind.STATEMENT_FORGED):
        raise Refusal(Reason.BAD_SIGNATURE, "why")
    assert (kind_of(wrong.value), wrong.value.reason, wrong.value.detail) == (
        FindingKind.STATEMENT_FORGED,
        Reason.BAD_SIGNATURE,
        "why",
    )


def test_what_is_fine_passes_a_suspicion():
    with suspecting(FindingKind.STATEMENT_FORGED):
        pass
