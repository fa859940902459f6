"""One exchange of a bulk telegram was closed on the way: the others go on, each by itself (design 2.9)."""

from __future__ import annotations

from typing import Any

import pytest

from nakadachi.kit.author import Enclosure
from nakadachi.refusal import Reason
from nakadachi.telegrams.closing import Close
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.inquiry import Completion, Ending
from nakadachi.telegrams.permit import CheckPrefix, PermitGranted, PrefixAccepted, RequestPermit
from nakadachi.terms import Serial
from tests.invented import TSUBAKI
from tests.story.people import HANA
from tests.story.play import ASKED, Play, reason_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def close(play: Play, serial: Serial) -> None:
    now = play.land.clock.now()
    ending = Completion(serial=serial, ending=Ending.CANCELLED, ended_at=now, reason=Reason.CANCELLED)
    await play.land.hand(
        play.server, play.interface, play.write(play.server, Close, play.core, closings=(ending,)).envelope
    )


async def test_a_closed_exchange_does_not_stop_the_others_of_its_telegram(play: Play) -> None:
    going, closed = await play.serial(), await play.serial()
    await close(play, closed)
    group: dict[str, Any] = {"prefix": ASKED, "serials": (going, closed), "staff": "s", "lane": Lane.BULK}
    check = play.write(play.server, CheckPrefix, play.interface, **group)
    (accepted,) = await play.land.hand(play.server, play.interface, check.envelope)
    assert isinstance(accepted.header, PrefixAccepted)
    assert [one.refused for one in accepted.header.outcomes] == [None, Reason.CANCELLED]
    code = encode_json(await play.code(TSUBAKI, HANA))
    parts = [Enclosure("link code", code, item=item, personal=True) for item in range(2)]
    request = play.write(play.server, RequestPermit, play.core, parts=parts, **group)
    (granted,) = await play.land.hand(play.server, play.interface, request.envelope)
    assert isinstance(granted.header, PermitGranted), reason_of(granted)
    assert [one.refused for one in granted.header.outcomes] == [None, None]  # the core was told of no such exchange


async def test_a_telegram_whose_every_exchange_was_closed_is_refused_with_the_reason(play: Play) -> None:
    closed = await play.serial()
    await play.check_prefix(closed)
    await close(play, closed)
    request = play.request_permit(closed, await play.code(TSUBAKI, HANA))
    (answer,) = await play.land.hand(play.server, play.interface, request.envelope)
    assert reason_of(answer) is Reason.CANCELLED


async def test_a_permit_is_asked_for_once_under_a_serial(play: Play) -> None:
    one = await play.permitted()
    again = play.request_permit(one.serial, await play.code(TSUBAKI, HANA))
    (answer,) = await play.land.hand(play.interface, play.core, again.envelope)
    assert reason_of(answer) is Reason.OUT_OF_TURN
