"""The desk's commands about links and changes: what they ask, what they show, how they end."""

from __future__ import annotations

import json

import pytest
from starlette.responses import JSONResponse, Response

CHANGE = {
    "number": 7,
    "addressee": "000000000071234",
    "changed_at": "2026-04-01T09:00:00.000+09:00",
    "received_at": "2026-04-01T09:00:01.000+09:00",
}
LINE = ",".join(map(str, CHANGE.values()))
HEADER = "number,addressee_number,changed_at,received_at"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text("71234\r\n71235\r\n")
    return path


def outcomes(*told):
    return JSONResponse({"lines": [{"line": place, "outcome": one} for place, one in enumerate(told, 1)]})


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("change", ["unlink", "suspend", "resume"])
def test_a_change_names_the_people_and_the_day(change, door, file, nakadachi):
    door.say(outcomes("done", "done"))
    run = nakadachi("links", change, file, "--from", "2026-04-01")
    assert run.exit_code == 0
    assert door.asked == [("POST", "/existing/links/change", {"change": change, "on": "2026-04-01"})]
    assert door.body == file.read_bytes()
    assert "変更済み / done" in run.stdout


@pytest.mark.usefixtures("desk")
def test_one_person_needs_no_file_and_without_a_day_it_is_today(door, nakadachi):
    door.say(outcomes("CODE_NOT_ISSUED"))
    run = nakadachi("links", "suspend", "71234")
    assert run.exit_code == 1
    assert door.asked[0][2] == {"change": "suspend"}
    assert door.body == b"71234"
    assert "No link code has been issued for this person" in run.stdout


@pytest.mark.usefixtures("desk")
def test_what_is_neither_a_number_nor_a_file_is_told(door, nakadachi, tmp_path):
    run = nakadachi("links", "unlink", tmp_path / "nothing.csv")
    assert run.exit_code == 2
    assert "neither addressee number nor file" in run.stderr
    assert door.asked == []


@pytest.mark.usefixtures("desk")
def test_how_links_stand_is_a_table_and_nothing_special_is_said(door, nakadachi):
    stands = {"addressee": "000000000071234", "state": "suspended", "linked": "2026-01-05", "suspended": "2026-04-01"}
    door.say(JSONResponse([stands]))
    run = nakadachi("links", "show")
    assert run.exit_code == 0
    for said in ("000000000071234", "停止中 / suspended", "2026-01-05", "2026-04-01"):
        assert said in run.stdout
    door.say(JSONResponse([]))
    assert "No link is or will be suspended or over" in nakadachi("links", "show").stdout


@pytest.mark.usefixtures("desk")
def test_a_subscription_says_whose_changes_are_wanted(door, file, nakadachi):
    door.say(JSONResponse({"scope": "listed", "listed": 2, "outcome": "done"}))
    run = nakadachi("subscribe", "listed", file)
    assert run.exit_code == 0
    assert door.asked == [("POST", "/existing/changes/subscription", {"scope": "listed"})]
    assert "2 people have a code and are listed" in run.stdout
    for words in (("listed",), ("all", file)):
        refused = nakadachi("subscribe", *words)
        assert refused.exit_code == 2
        assert "name people with listed" in refused.stderr


@pytest.mark.usefixtures("desk")
def test_changes_are_read_from_the_number_that_was_kept_and_it_is_kept_again(door, nakadachi, tmp_path):
    position, out = tmp_path / "last", tmp_path / "changes.csv"
    position.write_text("6\n")
    answers = iter([[CHANGE], []])

    async def answer(_request):
        return JSONResponse({"changes": next(answers)})

    door.answer = answer
    run = nakadachi("changes", "--position", position, "--out", out)
    assert run.exit_code == 0
    assert [asked[2]["after"] for asked in door.asked] == ["6", "7"]
    assert out.read_bytes().decode() == f"{HEADER}\r\n{LINE}\r\n"
    assert position.read_text() == "7\n"
    position.write_text("no number")
    refused = nakadachi("changes", "--position", position)
    assert refused.exit_code == 2
    assert "holds no number" in refused.stderr


@pytest.mark.usefixtures("desk")
def test_lost_events_are_a_line_without_a_number_of_a_person(door, nakadachi):
    answers = iter([[{"number": 9, "addressee": None}], []])

    async def answer(_request):
        return JSONResponse({"changes": next(answers)})

    door.answer = answer
    assert nakadachi("changes", "--after", "3").stdout.splitlines() == [HEADER, "9,,,"]


@pytest.mark.usefixtures("desk")
def test_a_day_is_written_whole_or_not_at_all(door, nakadachi, tmp_path):
    out = tmp_path / "day.csv"
    door.say(Response(f"{HEADER}\r\n{LINE}\r\n", media_type="text/csv"))
    run = nakadachi("changes", "--day", "2026-04-01", "--out", out)
    assert run.exit_code == 0
    assert door.asked == [("GET", "/existing/changes", {"day": "2026-04-01"})]
    assert out.read_text().splitlines() == [HEADER, LINE]
    door.say(JSONResponse({"title": "no", "title_ja": "否"}, status_code=400))
    assert nakadachi("changes", "--day", "2026-04-02", "--out", tmp_path / "other.csv").exit_code == 2
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["day.csv"]
    assert "goes with no other choice" in nakadachi("changes", "--day", "2026-04-01", "--follow").stderr


@pytest.mark.usefixtures("desk")
def test_a_program_gets_json(door, nakadachi):
    door.say(outcomes("pending"))
    assert json.loads(nakadachi("links", "resume", "71234", "--json").stdout) == [
        {"line": 1, "outcome": "pending", "hit": ""}
    ]
