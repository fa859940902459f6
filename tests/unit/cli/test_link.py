"""The commands `link` and `recheck`: an order followed to its end, its rejects and findings in a file."""

import json
import re

import pytest
from starlette.responses import JSONResponse

from nakadachi.cli import link as commands

ORDER = {
    "name": "o", "checking": False, "people": 3, "rejected": 1, "done": 2, "refused": 1, "unanswered": 0, "ended": True,
}  # fmt: skip
UNLINKED = [
    {"line": 2, "column": 6, "reason_ja": "日付ではない", "reason_en": "no day", "mend": "直す / mend"},
    {"line": 4, "column": 0, "reason_ja": "該当者なし", "reason_en": "no resident fits", "mend": "直す / mend"},
]
FOUND = [
    {
        "serial": "", "kind": "NOBODY_FOUND", "at": "2026-04-01T01:30:00+00:00", "addressee": "000000000000017",
        "reason_ja": "該当者なし", "reason_en": "no resident fits our row", "mend": "直す / mend",
    }
]  # fmt: skip


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("sample")
    return path


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(commands, "LOOK_SECONDS", 0.0)


def answering(door, *, order, unlinked=(), found=()):
    """The door as a server that is asked for an order: not ended at first, then as `order` says."""
    looks = iter([order | {"ended": False, "done": 0, "refused": 0}])

    async def answer(request):
        door.body = await request.body() or door.body
        path = request.url.path
        if path.endswith("/unlinked"):
            after = int(request.query_params["after"])
            return JSONResponse([one for one in unlinked if one["line"] > after])
        if path.endswith("/findings"):
            return JSONResponse(list(found))
        return JSONResponse(next(looks, order))

    door.answer = answer


@pytest.mark.usefixtures("desk")
def test_a_file_is_followed_to_its_end_and_what_led_to_no_code_is_written_down(door, file, nakadachi, tmp_path):
    answering(door, order=ORDER, unlinked=UNLINKED)
    rejects = tmp_path / "rejects.csv"
    run = nakadachi("link", file, "--rejects", rejects)
    assert run.exit_code == 1, run.output
    assert door.body == b"sample"
    assert re.search(r"2 +付番済み / linked", run.stdout)
    assert re.search(r"1 +差戻し / lines rejected", run.stdout)
    text = rejects.read_text(encoding="utf-8-sig").splitlines()
    assert text[1:] == ["2,6,日付ではない,no day,直す / mend", "4,,該当者なし,no resident fits,直す / mend"]
    assert rejects.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("desk")
def test_the_same_file_is_the_same_order_and_another_file_another(door, file, nakadachi, tmp_path):
    answering(door, order=ORDER | {"refused": 0, "rejected": 0, "people": 2})
    other = tmp_path / "other.csv"
    other.write_text("other")
    for one in (file, file, other):
        assert nakadachi("link", one).exit_code == 0
    names = [path for method, path, _ in door.asked if method == "POST"]
    assert names[0] == names[1] != names[2]


@pytest.mark.usefixtures("desk")
def test_a_program_gets_the_totals_as_json(door, file, nakadachi):
    answering(door, order=ORDER)
    run = nakadachi("link", file, "--order", "mine", "--json")
    assert json.loads(run.stdout) == ORDER | {"waits": ""}
    assert door.asked[0][1] == "/existing/orders/mine"


@pytest.mark.usefixtures("desk")
def test_a_recheck_shows_what_it_found_and_what_to_do(door, nakadachi):
    answering(door, order=ORDER | {"checking": True, "rejected": 0}, found=FOUND)
    run = nakadachi("recheck", "--order", "2026-10")
    assert run.exit_code == 1
    for words in ("000000000000017", "該当者なし", "mend", "as it should be"):
        assert words in run.stdout
    assert door.asked[0] == ("POST", "/existing/rechecks/2026-10", {})


@pytest.mark.usefixtures("desk")
def test_a_recheck_writes_its_findings_as_csv(door, nakadachi, tmp_path):
    answering(door, order=ORDER | {"checking": True, "rejected": 0}, found=FOUND)
    out = tmp_path / "findings.csv"
    assert nakadachi("recheck", "--order", "2026-10", "--out", out).exit_code == 1
    assert "000000000000017,NOBODY_FOUND,該当者なし" in out.read_text(encoding="utf-8-sig")


@pytest.mark.usefixtures("desk")
def test_a_recheck_without_findings_ends_well(door, nakadachi):
    answering(door, order=ORDER | {"checking": True, "rejected": 0, "done": 3, "refused": 0})
    run = nakadachi("recheck", "--order", "2026-10")
    assert run.exit_code == 0


@pytest.mark.usefixtures("desk")
def test_who_follows_an_order_is_told_for_whom_it_waits_and_when_it_goes_on(door, file, nakadachi):
    waiting = ORDER | {"ended": False, "done": 1}
    looks = iter([waiting, *[waiting | {"waits": "registry"}] * 3, waiting, waiting | {"waits": "interface"}])

    async def answer(request):
        await request.body()
        return JSONResponse(next(looks, ORDER | {"done": 3, "refused": 0, "rejected": 0}))

    door.answer = answer
    run = nakadachi("link", file)
    assert run.exit_code == 0, run.output
    said = " ".join(run.stderr.split())
    assert said.count("the registry organisation does not answer") == 1
    assert said.count("機構(住民基本台帳)が応答しません") == 1
    assert said.count("it can be reached again") == 1
    assert said.index("registry organisation") < said.index("reached again") < said.index("own interface system")
    assert "goes on by itself" in said
