"""What becomes of links and people, decided without a database."""

import pytest

from nakadachi.core.codes import IdCode
from nakadachi.core.life_rules import decide_alias
from nakadachi.refusal import Reason, Refusal

FIRST, SECOND, THIRD, OTHER = (IdCode(bytes([number] * 10)) for number in (1, 2, 3, 4))


def test_a_changed_record_code_leads_to_the_id_code_that_stands():
    assert decide_alias(FIRST, SECOND, aliases={}, known={FIRST}) == FIRST


def test_a_code_changed_twice_leads_there_in_one_step():
    assert decide_alias(SECOND, THIRD, aliases={SECOND: FIRST}, known={FIRST}) == FIRST


def test_a_change_told_again_makes_nothing_new():
    assert decide_alias(FIRST, SECOND, aliases={SECOND: FIRST}, known={FIRST}) is None


def test_a_code_changed_back_makes_nothing_new():
    assert decide_alias(SECOND, FIRST, aliases={SECOND: FIRST}, known={FIRST}) is None


@pytest.mark.parametrize(("aliases", "known"), [({}, {SECOND}), ({SECOND: OTHER}, {FIRST, OTHER})])
def test_a_code_that_is_another_persons_is_refused(aliases, known):
    with pytest.raises(Refusal) as refused:
        decide_alias(FIRST, SECOND, aliases=aliases, known=known)
    assert refused.value.reason is Reason.ALREADY_USED
