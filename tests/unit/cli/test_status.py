"""The table of a country: aligned whatever the words, plain without a terminal, a last line that says what to do."""

import json
import unicodedata
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from nakadachi.cli import app, status
from nakadachi.country import overview
from nakadachi.country.overview import complaints
from nakadachi.kit.asking import Silent

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
WELL = {
    "node": "core:9910000000000001",
    "state": "running",
    "version": "0.1.0",
    "lawbook": 3,
    "directory": 4,
    "ready": True,
    "backlog": 0,
    "oldest_seconds": 0.0,
    "records": 12,
    "log_size": 42,
    "cosigned_size": 41,
    "cosigned_at": (NOW - timedelta(seconds=7)).isoformat(),
    "certificate_days": 364,
    "clock_synchronised": True,
    "clock_offset_seconds": 0.0012,
    "clock_offset_within_seconds": 0.001,
    "checks": [{"check": "clock", "grade": "ok", "ja": "同期済み", "en": "synchronised"}],
}
SERVER = "intermediate:9901000000000001"


def row(**other):
    return WELL | {"node": SERVER} | other


def checked(grade):
    return [{"check": "clock", "grade": grade, "ja": "時刻同期なし", "en": "not synchronised: run an NTP client"}]


def shown(rows, *, terminal=False):
    console = Console(file=StringIO(), width=160, force_terminal=terminal, markup=False, highlight=False)
    status.show(console, rows, complaints(rows), NOW)
    return console.file.getvalue()


def columns(line):
    """How many columns of a terminal a line takes."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line)


def test_a_line_says_all_there_is_to_say_of_a_system():
    (line,) = [line for line in shown([WELL]).splitlines() if line.strip().startswith("core:")]
    words = ["稼働 / up", "0.1.0", "3", "4", "0", "12", "42", "41 (7 s)", "364 d", "+0.001 s 同期/sync"]
    place = 0
    for word in words:
        place = line.index(word, place) + len(word)


def test_lines_end_in_one_column_however_wide_their_characters_are():
    rows = [
        WELL,
        row(state="unreachable", why="長い理由"),
        row(backlog=1234, oldest_seconds=4000.0),
        row(state="stopped"),
    ]
    lines = shown(rows).split("\n\n")[0].splitlines()[1:7]
    assert len(lines) == 7 - 1
    assert len({columns(line) for line in lines}) == 1


def test_a_number_that_waits_has_the_age_of_its_oldest():
    assert "3 (2 h)" in shown([row(backlog=3, oldest_seconds=7300.0)])
    assert "3 (" not in shown([row(backlog=3, oldest_seconds=0.0)])


@pytest.mark.parametrize(
    ("state", "word", "to_do"),
    [
        ("stopped", "停止 / stopped", "is stopped: start it"),
        ("unreachable", "不達 / unreachable", "is not reached (no answer within 5 s): see its host"),
        ("silent", "無報告 / silent", "has said nothing for 1000 s: see that it runs"),
        ("unknown", "未報告 / no report", "has never said that it runs: start it"),
    ],
)
def test_a_system_that_does_not_answer_is_a_line_of_dashes_and_what_to_do(state, word, to_do):
    text = shown([WELL, {"node": SERVER, "state": state, "why": "no answer within 5 s", "said_seconds": 1000.0}])
    (line,) = [line for line in text.splitlines() if line.strip().startswith(SERVER)]
    assert word in line
    assert line.count("–") >= 8
    assert f"✗ {SERVER}: " in text
    assert to_do in text
    assert text.splitlines()[-1].startswith("異常 1 / 2 ノード")
    assert "1 of 2 systems need attention" in text.splitlines()[-1]


def test_a_warning_is_shown_but_nothing_is_wrong():
    text = shown([WELL, row(checks=checked("warning"))])
    assert "注意 / watch" in text
    assert f"! {SERVER}: 時刻同期なし / clock: not synchronised: run an NTP client" in text
    assert text.splitlines()[-1] == "異常なし、2 ノード / all 2 systems are up (注意 1 / 1 to watch)"


def test_a_failed_check_is_not_ready_and_stands_above_warnings():
    text = shown([row(checks=checked("warning")), WELL | {"checks": checked("failed")}])
    assert "不調 / not ready" in text
    marks = [line[0] for line in text.splitlines() if line[:1] in {"✗", "!"}]
    assert marks == ["✗", "!"]


def test_what_is_to_be_said_of_many_is_said_once():
    rows = [row(node=f"interface:990100000000000{number}", checks=checked("warning")) for number in range(7)]
    (line,) = [line for line in shown(rows).splitlines() if line.startswith("!")]
    assert "interface:9901000000000000, interface:9901000000000001, interface:9901000000000002 +4: " in line


def test_an_older_law_book_is_to_be_watched():
    (one,) = complaints([WELL, row(lawbook=2)])
    assert (one.node, one.wrong) == (SERVER, False)
    assert one.english.startswith("uses law book 2, the newest is 3")


@pytest.mark.parametrize("version", ["0.1.9", "0.1.0", "new"])
def test_a_version_below_the_minimum_of_the_newest_directory_is_too_old(version):
    behind = row(version=version, minimum_version="0.0.1", directory=3)
    (one, _) = sorted(
        complaints([row(minimum_version="0.2.0", version="0.2.0"), behind]), key=lambda one: not one.wrong
    )
    assert one.wrong
    assert one.english.startswith(f"is too old: version {version} is below the minimum 0.2.0")


def test_the_minimum_version_itself_is_not_too_old():
    assert complaints([row(minimum_version="0.1.0"), row(minimum_version="0.1.0", version="0.10.0")]) == []


@pytest.mark.parametrize(
    ("offset", "within", "wrong"),
    [(0.9, 0.0, None), (1.5, 0.1, False), (-1.5, 0.1, False), (1.5, 1.0, None), (-11, 0.5, True)],
)
def test_a_clock_is_judged_by_what_is_sure_of_its_difference(offset, within, wrong):
    found = complaints([row(clock_offset_seconds=offset, clock_offset_within_seconds=within)])
    assert [one.wrong for one in found] == ([] if wrong is None else [wrong])


def test_what_the_core_was_told_shows_when():
    text = shown([row(said_seconds=130.0, warnings=["certificate"], checks=[])])
    assert "報告" in text
    assert "2 min" in text
    assert "certificate: its own /readyz says what to do" in text
    assert "報告" not in shown([WELL])


def test_a_country_without_systems_is_said_to_be_empty():
    assert shown([]).splitlines()[-1] == "ノードがありません / there is no system in this country"


def test_colours_are_for_terminals_only():
    rows = [WELL, row(state="stopped")]
    assert "\x1b[" not in shown(rows)
    assert "\x1b[31m停止" in shown(rows, terminal=True)


@pytest.fixture
def told(monkeypatch):
    """What the country answers, in place of a country."""

    def answer(outcome):
        async def ask(_state, *, from_core):
            assert from_core in {True, False}
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(overview, "ask_country", ask)

    return answer


@pytest.mark.parametrize(("state", "code"), [("running", 0), ("stopped", 1)])
def test_the_exit_status_says_whether_something_is_wrong(told, state, code):
    told([WELL, row(state=state)])
    for arguments in (["status"], ["status", "--json"]):
        assert CliRunner().invoke(app, arguments).exit_code == code
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout) == [WELL, row(state=state)]


def test_a_core_that_does_not_answer_is_said_so_with_what_to_do(told):
    told(Silent("nothing listens there", stopped=True))
    result = CliRunner().invoke(app, ["status", "--from-core"])
    assert result.exit_code == 2
    assert "the core does not answer (nothing listens there); `nakadachi status` without --from-core" in result.stderr


def test_where_no_country_was_founded_that_is_said(tmp_path):
    result = CliRunner().invoke(app, ["status", "--state", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no country was founded there" in result.stderr
