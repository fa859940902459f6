"""What an inquirer takes for its permit."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from nakadachi.intermediate.inquiry import _granted
from nakadachi.refusal import Reason, Refusal
from nakadachi.telegrams.envelope import Outcome
from nakadachi.telegrams.permit import PermitGranted
from nakadachi.terms import NodeName, Serial, TelegramId

CORE, SERVER = NodeName("core:9910000000000001"), NodeName("intermediate:9901000000000001")
OURS, OTHER = (Serial(f"9901000000000001-{number:026}") for number in (1, 2))


@pytest.mark.parametrize("serials", [(), (OTHER,)])
def test_permits_of_other_exchanges_alone_are_no_permit(serials):
    number = TelegramId("0" * 26)
    header = PermitGranted(
        id=number,
        author=CORE,
        to=SERVER,
        made_at=cast("Any", None),
        answers=number,
        outcomes=tuple(Outcome(serial=serial) for serial in serials),
    )
    heard = cast("Any", SimpleNamespace(answers=(SimpleNamespace(header=header),), sent=()))
    with pytest.raises(Refusal) as wrong:
        _granted(cast("Any", None), heard, OURS)
    assert wrong.value.reason is Reason.OUT_OF_TURN
