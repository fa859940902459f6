from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import signal
import stat
import subprocess
import sys
import time

import pytest
from starlette.responses import Response, StreamingResponse

from nakadachi.kit.web.door import problem
from nakadachi.refusal import Reason, Refusal

SERIAL = "9901000000000003-01KAB3C5D7E9F0G1H2J3K4M5N6"
LARGE = "あ" * 100_000


def words(line, status="answered", reason="", **more):
    """One line of results as the server says it."""
    heads = {"line": line, "status": status, "reason": reason, "reason_ja": "", "reason_en": "", "serial": SERIAL}
    items = {"TM99000000000005-0001": {"value": f"value {line}"}} if status == "answered" else {}
    return json.dumps(heads | {"items": items} | more, ensure_ascii=False).encode() + b"\n"


@pytest.fixture
def file(tmp_path):
    """An inquiry file of three lines, a blank one among them."""
    path = tmp_path / "inquiries.csv"
    path.write_text("01,1,1\r\n\r\n01,2,2\r\n01,3,3\r\n")
    return path


@pytest.fixture
def stream(door):
    """Have the door read the file, then stream these pieces; an exception among them breaks the connection."""

    def pieces(*given):
        async def streamed():
            for one in given:
                if isinstance(one, Exception):
                    raise one
                yield one

        async def answer(request):
            door.body = await request.body()
            return StreamingResponse(streamed(), media_type="application/x-ndjson")

        door.answer = answer

    return pieces


@pytest.mark.usefixtures("desk")
def test_every_line_gets_its_result_in_order_and_the_summary_counts_them(door, stream, file, tmp_path, nakadachi):
    out = tmp_path / "results.csv"
    first = words(1)
    stream(first[:10], first[10:] + words(3, "refused", "WITHHELD")[:5], words(3, "refused", "WITHHELD")[5:], words(4))
    run = nakadachi("inquire", file, "--out", out)
    assert run.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"))))
    assert [(row["line"], row["status"]) for row in rows] == [("1", "answered"), ("3", "refused"), ("4", "answered")]
    assert json.loads(rows[0]["items"]) == {"TM99000000000005-0001": {"value": "value 1"}}
    assert re.search(r"2 +回答あり / answered", run.stdout)
    assert "WITHHELD: 不開示又は保護の対象です / Withheld: non-disclosure or protection" in run.stdout
    assert "3 results" in run.stdout
    assert door.asked == [("POST", "/existing/inquiries", {})]
    assert door.body == file.read_bytes()


@pytest.mark.usefixtures("desk")
def test_results_are_readable_by_their_owner_alone(stream, file, tmp_path, nakadachi):
    out = tmp_path / "results.jsonl"
    stream(words(1), words(3), words(4))
    assert nakadachi("inquire", file, "--out", out).exit_code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [json.loads(line)["line"] for line in out.read_text("utf-8").splitlines()] == [1, 3, 4]


@pytest.mark.usefixtures("desk")
def test_what_is_said_of_the_file_is_told_to_the_server(door, stream, file, tmp_path, nakadachi):
    stream(words(1), words(3), words(4))
    said = ["--terminal", "T-1", "--purpose", "申請審査", "--case-number", "2026-17", "--interactive"]
    assert nakadachi("inquire", file, "--out", tmp_path / "out", "--form", "csv", *said).exit_code == 0
    assert door.asked[0][2] == {
        "terminal": "T-1",
        "purpose": "申請審査",
        "case_number": "2026-17",
        "lane": "interactive",
    }


@pytest.mark.usefixtures("desk")
def test_older_results_stay_unless_they_are_to_be_replaced(door, stream, file, tmp_path, nakadachi):
    out = tmp_path / "results.csv"
    out.write_text("older")
    out.chmod(0o644)
    stream(words(1), words(3), words(4))
    refused = nakadachi("inquire", file, "--out", out)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (out.read_text(), door.asked) == ("older", [])
    assert nakadachi("inquire", file, "--out", out, "--force").exit_code == 0
    assert "answered" in out.read_text("utf-8-sig")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("name", ["results", "none/results.csv", "folder.csv"])
def test_a_place_that_will_not_do_is_told_before_anything_is_asked(name, door, file, tmp_path, nakadachi):
    (tmp_path / "folder.csv").mkdir()
    run = nakadachi("inquire", file, "--out", tmp_path / name, "--force")
    assert run.exit_code == 2
    assert name in run.stderr
    assert door.asked == []


@pytest.mark.usefixtures("desk")
def test_a_refused_file_leaves_no_results_and_keeps_the_older_ones(door, file, tmp_path, nakadachi):
    door.say(problem(Refusal(Reason.TOO_LARGE)))
    (tmp_path / "older.csv").write_text("older")
    assert nakadachi("inquire", file, "--out", tmp_path / "new.csv").exit_code == 2
    assert nakadachi("inquire", file, "--out", tmp_path / "older.csv", "--force").exit_code == 2
    assert not (tmp_path / "new.csv").exists()
    assert (tmp_path / "older.csv").read_text() == "older"


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([words(1), words(3)[:20], RuntimeError("the server fails")], "broke"),
        ([words(1), RuntimeError("the server fails")], "broke"),
        ([words(1)], "the server ended before the last line"),
        ([words(1), words(3)[:20]], "the last result is cut off"),
        ([words(1), words(1)], "not in the order of the file"),
        ([words(1), b'{"line": 3}\n'], "are both of the same version?"),
        ([words(1), words(3, more=1)], "are both of the same version?"),
        ([words(1), words(3, serial="12")], "are both of the same version?"),
    ],
)
def test_where_the_stream_breaks_the_results_so_far_stay_whole(pieces, why, stream, file, nakadachi):
    out = file.with_name("results.jsonl")
    stream(*pieces)
    run = nakadachi("inquire", file, "--out", out)
    assert run.exit_code == 1
    assert why in run.stderr
    assert "1 of 3 results were written" in run.stderr
    assert [json.loads(line)["line"] for line in out.read_text("utf-8").splitlines()] == [1]


@pytest.mark.usefixtures("desk")
def test_results_that_cannot_be_kept_end_the_command(door, file, tmp_path, nakadachi):
    folder = tmp_path / "folder"
    folder.mkdir()

    async def answer(request):
        await request.body()
        folder.rmdir()
        return Response(words(1))

    door.answer = answer
    run = nakadachi("inquire", file, "--out", folder / "results.csv")
    assert run.exit_code == 1
    assert "cannot be written (No such file or directory)" in run.stderr
    assert "0 of 3 results were written" in run.stderr


@pytest.mark.usefixtures("desk")
def test_a_long_result_is_read_whole(stream, file, tmp_path, nakadachi):
    stream(words(1, items={"TM99000000000005-0001": {"value": LARGE}}), words(3), words(4))
    assert nakadachi("inquire", file, "--out", tmp_path / "results.jsonl").exit_code == 0
    first = (tmp_path / "results.jsonl").read_text("utf-8").splitlines()[0]
    assert json.loads(first)["items"]["TM99000000000005-0001"]["value"] == LARGE


def test_who_interrupts_keeps_what_has_come(door, desk, file, tmp_path):
    async def streamed():
        yield words(1)
        await asyncio.sleep(60)

    async def answer(request):
        await request.body()
        return StreamingResponse(streamed())

    door.answer = answer
    out = tmp_path / "results.jsonl"
    arguments = ["inquire", str(file), "--out", str(out), "--desk", str(desk)]
    with subprocess.Popen(
        [sys.executable, "-c", f"from nakadachi.cli import app; app({arguments!r})"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (out.exists() and out.stat().st_size):
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        _, stderr = run.communicate(timeout=20)
    assert run.returncode == 1
    assert "1 of 3 results were written" in stderr
    assert "Traceback" not in stderr


@pytest.mark.usefixtures("desk")
def test_a_request_whose_connection_broke_is_sent_again_under_its_number_and_no_result_comes_twice(
    door, file, nakadachi
):
    attempts = iter(
        [
            [words(1), RuntimeError("the instance went")],
            [RuntimeError("and so did the next one, before it said anything")],
            [words(1, "pending"), words(3), RuntimeError("and this one")],
            [words(1), words(3), words(4)],
        ]
    )

    async def answer(request):
        pieces = next(attempts)
        door.asked.append((request.headers["idempotency-key"], await request.body()))

        async def streamed():
            for one in pieces:
                if isinstance(one, Exception):
                    raise one
                yield one

        return StreamingResponse(streamed(), media_type="application/x-ndjson")

    door.answer = answer
    door.asked.clear()
    out = file.with_name("results.jsonl")
    run = nakadachi("inquire", file, "--out", out)
    assert run.exit_code == 0, run.stderr
    results = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(one["line"], one["status"]) for one in results] == [(1, "answered"), (3, "answered"), (4, "answered")]
    asked = [one for one in door.asked if isinstance(one, tuple) and isinstance(one[1], bytes)]
    assert len(asked) == 4
    assert len({key for key, _ in asked}) == 1
    assert {body for _, body in asked} == {file.read_bytes()}
    # The next request is another one.
    attempts = iter([[words(1), words(3), words(4)]])
    nakadachi("inquire", file, "--out", file.with_name("again.jsonl"))
    assert door.asked[-1][0] != asked[0][0]
