from __future__ import annotations

import json

import pytest
from starlette.responses import JSONResponse, Response

from nakadachi.kit.web.door import problem
from nakadachi.refusal import Reason, Refusal

SERIAL = "9901000000000003-01KAB3C5D7E9F0G1H2J3K4M5N6"
REJECT = {
    "line": 3,
    "column": 6,
    "reason_ja": "生年月日が日付ではありません",
    "reason_en": "born is not a day",
    "mend": "日付で書いてください / Write a day",
}
HELD = {
    "serial": SERIAL,
    "inquirer": "9901000000000001",
    "inquirer_name": "青葉市（見本）",
    "affair": "児童手当 [見本]",
    "information": "地方税関係情報",
    "asked_at": "2026-04-01T01:30:00+00:00",
    "answer_by": "2026-04-10T15:30:00+00:00",
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "lines.csv"
    path.write_text("sample")
    return path


def loaded(count, *, rejects=(), rejected=None):
    more = len(rejects) if rejected is None else rejected
    return JSONResponse({"loaded": count, "rejected": more, "rejects": list(rejects)}, 200 if count else 422)


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("kind", ["people", "provisions", "protections"])
def test_a_load_sends_the_file_and_says_how_many_lines_were_loaded(kind, door, file, nakadachi):
    door.say(loaded(12))
    run = nakadachi(kind, "load", file)
    assert run.exit_code == 0
    assert "12件を登録しました / 12 lines were loaded" in run.stdout
    assert door.asked == [("POST", f"/existing/{kind}", {})]
    assert door.body == b"sample"


@pytest.mark.usefixtures("desk")
def test_a_load_with_a_wrong_line_loads_nothing_and_says_where_and_what_to_do(door, file, nakadachi):
    door.say(loaded(0, rejects=[REJECT], rejected=1200))
    run = nakadachi("people", "load", file)
    assert run.exit_code == 1
    for said in ("3", "6", *REJECT["mend"].split(" / "), REJECT["reason_ja"], REJECT["reason_en"], "only the first 1 "):
        assert said in run.stdout
    assert "nothing was loaded, since 1200 lines are wrong" in run.stdout


@pytest.mark.usefixtures("desk")
def test_good_lines_are_loaded_only_when_asked_for(door, file, nakadachi):
    door.say(loaded(11, rejects=[REJECT]))
    run = nakadachi("people", "load", file, "--accept-good-lines")
    assert run.exit_code == 0
    assert "11 lines were loaded, 1 were not" in run.stdout
    assert door.asked[0][2] == {"accept_good_lines": "1"}


@pytest.mark.usefixtures("desk")
def test_a_program_gets_the_rejects_as_json(door, file, nakadachi):
    door.say(loaded(0, rejects=[REJECT]))
    run = nakadachi("people", "load", file, "--json")
    assert run.exit_code == 1
    assert json.loads(run.stdout) == {"loaded": 0, "rejected": 1, "rejects": [REJECT]}


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(("name", "more"), [("a.xml", []), ("a.XML", []), ("a.dat", ["--xml"])])
def test_xml_is_known_by_its_ending_or_said(name, more, door, tmp_path, nakadachi):
    (tmp_path / name).write_text("<sample/>")
    door.say(loaded(1))
    assert nakadachi("provisions", "load", tmp_path / name, *more).exit_code == 0
    assert door.asked[0][2] == {"form": "xml"}


@pytest.mark.usefixtures("desk")
def test_what_is_held_is_listed_in_japans_time_as_it_is_written(door, nakadachi):
    door.say(JSONResponse([HELD]))
    run = nakadachi("pending")
    assert run.exit_code == 0
    for said in (
        SERIAL,
        "青葉市（見本）",
        "児童手当 [見本]",
        "2026-04-01 10:30",
        "2026-04-11 00:30",
        "回答期限 / Answer by",
    ):
        assert said in run.stdout
    program = json.loads(nakadachi("pending", "--json").stdout)
    assert program[0]["answer_by"].startswith("2026-04-10T15:30:00")


@pytest.mark.usefixtures("desk")
def test_nothing_held_and_nothing_found_are_said(door, nakadachi):
    door.say(JSONResponse([]))
    assert "Nothing waits" in nakadachi("pending").stdout
    assert "nothing to look at" in nakadachi("findings").stdout


@pytest.mark.usefixtures("desk")
def test_findings_are_listed(door, nakadachi):
    door.say(JSONResponse([{"serial": SERIAL, "kind": "SUBJECT_MISMATCH", "at": "2026-04-01T01:30:00+00:00"}]))
    run = nakadachi("findings")
    assert "対象者の不一致 / subject mismatch" in run.stdout
    assert json.loads(nakadachi("findings", "--json").stdout)[0]["kind"] == "SUBJECT_MISMATCH"


@pytest.mark.usefixtures("desk")
def test_a_decision_names_who_made_it(door, nakadachi):
    door.say(JSONResponse({}))
    assert nakadachi("answer", SERIAL, "--staff", "1042", "--department", "税務課").exit_code == 0
    refused = nakadachi("refuse", SERIAL, "--staff", "1042", "--reason", "NOT_REGISTERED")
    assert "該当する情報が登録されていません" in refused.stdout
    assert nakadachi("refuse", SERIAL, "--staff", "1042").exit_code == 0
    path = f"/existing/held/{SERIAL}"
    assert door.asked == [
        ("POST", f"{path}/answer", {"staff": "1042", "department": "税務課"}),
        ("POST", f"{path}/refuse", {"staff": "1042", "department": "", "reason": "NOT_REGISTERED"}),
        ("POST", f"{path}/refuse", {"staff": "1042", "department": "", "reason": "WITHHELD"}),
    ]


@pytest.mark.usefixtures("desk")
def test_a_cancellation_names_who_made_it_and_says_that_it_is_done(door, nakadachi):
    door.say(JSONResponse({}))
    run = nakadachi("cancel", SERIAL, "--staff", "1042")
    assert run.exit_code == 0
    assert "取り消しました / cancelled" in run.stdout
    path = f"/existing/inquiries/{SERIAL}/cancel"
    assert door.asked == [("POST", path, {"staff": "1042", "department": ""})]


@pytest.mark.usefixtures("desk")
def test_what_was_answered_cannot_be_cancelled(door, nakadachi):
    door.say(problem(Refusal(Reason.OUT_OF_TURN)))
    run = nakadachi("cancel", SERIAL, "--staff", "1042")
    assert run.exit_code == 2
    assert Reason.OUT_OF_TURN.english in run.stderr


@pytest.mark.usefixtures("desk")
def test_a_decision_without_a_name_or_about_no_serial_asks_nothing(door, nakadachi):
    unnamed = nakadachi("answer", SERIAL)
    assert unnamed.exit_code == 2
    assert "--staff" in unnamed.stderr
    mistyped = nakadachi("answer", SERIAL[:-1], "--staff", "1042")
    assert mistyped.exit_code == 2
    assert "copy it from a result" in mistyped.stderr
    assert door.asked == []


@pytest.mark.usefixtures("desk")
def test_a_decision_that_is_too_late_is_refused_in_both_languages(door, nakadachi):
    door.say(problem(Refusal(Reason.OUT_OF_TURN)))
    run = nakadachi("answer", SERIAL, "--staff", "1042")
    assert run.exit_code == 2
    assert f"{Reason.OUT_OF_TURN.japanese} / {Reason.OUT_OF_TURN.english}" in run.stderr


@pytest.mark.usefixtures("desk")
def test_one_result_is_shown_with_its_items(door, nakadachi):
    items = {"TM99000000000005-0001": {"value": "12345"}, "TM99000000000005-0002": {"reason_of_null": "未申告"}}
    words = {"line": 1, "status": "answered", "reason": "", "reason_ja": "", "reason_en": "", "serial": SERIAL}
    door.say(Response(json.dumps(words | {"items": items}) + "\n"))
    run = nakadachi("result", SERIAL)
    assert run.exit_code == 0
    for said in (SERIAL, "回答あり / answered", "12345", "（未申告）"):
        assert said in run.stdout
    assert json.loads(nakadachi("result", SERIAL, "--json").stdout)["items"] == items
    refused = {"status": "refused", "reason": "WITHHELD", "reason_ja": "不開示", "reason_en": "Withheld", "items": {}}
    door.say(Response(json.dumps(words | refused) + "\n"))
    assert "不開示 / Withheld" in nakadachi("result", SERIAL).stdout
