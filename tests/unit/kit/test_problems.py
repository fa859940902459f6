"""What one is told who asks wrongly, without a door."""

import json
from types import SimpleNamespace

import pytest

from nakadachi.kit.web.door import (
    STATUS,
    problem,
    read_body,
)
from nakadachi.refusal import Reason, Refusal


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_problem_document(reason):
    answer = problem(Refusal(reason, "for our own log"))
    told = json.loads(answer.body)
    assert told == {
        "type": reason.value,
        "title": reason.english,
        "title_ja": reason.japanese,
        "status": STATUS.get(reason, 400),
    }
    assert answer.status_code == told["status"]


@pytest.mark.parametrize("said", ["²", "-1", "", "x", "1e9"])
async def test_a_length_that_is_none_does_not_count(said):
    async def stream():
        yield b"body"

    request = SimpleNamespace(headers={"content-length": said}, stream=stream)
    assert await read_body(request, 4) == b"body"
    with pytest.raises(Refusal) as refused:
        await read_body(request, 3)
    assert refused.value.reason is Reason.TOO_LARGE
