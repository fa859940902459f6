"""The key journal: what was done with keys is there, in order, and what was taken out or changed is found."""

import json
import multiprocessing
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.kit.clock import FixedClock
from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_journal import Act, Actor, Journal, Outcome, verify

NOON = datetime(2026, 11, 20, 3, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path, FixedClock(NOON), Actor("operator 7", "keys make"))


def lines_of(folder):
    return (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)


def test_an_entry_says_when_which_key_what_how_it_went_and_who(journal, tmp_path):
    journal.note(Act.MAKE, "log", note="a new log")
    (entry,) = verify(tmp_path).entries
    assert (entry.seq, entry.at, entry.key, entry.act, entry.outcome) == (1, NOON, "log", Act.MAKE, Outcome.DONE)
    assert (entry.who, entry.process, entry.note) == ("operator 7", "keys make", "a new log")
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_who_acts_is_whom_the_operator_names_else_the_user(monkeypatch):
    assert Actor.here("operator 7").who == "operator 7"
    monkeypatch.setenv("NAKADACHI_OPERATOR", "operator 8")
    assert Actor.here().who == "operator 8"
    monkeypatch.delenv("NAKADACHI_OPERATOR")
    assert Actor.here().who.startswith("user ")
    monkeypatch.setattr("sys.argv", ["/opt/nakadachi", "core", "serve", "--pin=1234"])
    assert Actor.here().process.startswith("nakadachi core serve (pid ")


@settings(max_examples=30)
@given(st.data())
def test_a_line_changed_taken_out_or_cut_is_found(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder, FixedClock(NOON), Actor("w", "p"))
    for number in range(data.draw(st.integers(2, 6))):
        journal.note(Act.MAKE, f"log-{number}")
    assert verify(folder).problems == ()
    lines = lines_of(folder)
    at = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["bit", "out", "cut", "twice"]))
    if kind == "bit":
        byte = data.draw(st.integers(0, len(lines[at]) - 2))
        lines[at] = bytes((*lines[at][:byte], lines[at][byte] ^ 1, *lines[at][byte + 1 :]))
    elif kind == "out":
        del lines[at]
    elif kind == "cut":
        del lines[at:]
    else:
        lines.insert(at, lines[at])
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    assert verify(folder).problems
    # What is written after that hides nothing.
    journal.note(Act.MAKE, "log")
    assert verify(folder).problems


def test_a_journal_cut_together_with_its_head_is_found_with_a_head_from_elsewhere(journal, tmp_path):
    journal.note(Act.MAKE, "log")
    noted = (tmp_path / "journal.head").read_text()
    before = (tmp_path / "journal.jsonl").read_bytes(), noted
    journal.note(Act.DESTROY, "log")
    later = (tmp_path / "journal.head").read_text()
    (tmp_path / "journal.jsonl").write_bytes(before[0])
    (tmp_path / "journal.head").write_text(before[1])
    assert verify(tmp_path).problems == verify(tmp_path, noted).problems == ()
    assert "is none of this journal's" in verify(tmp_path, later).problems[0]
    assert "is no head" in verify(tmp_path, "yesterday's").problems[0]


def test_a_process_that_ended_between_line_and_head_leaves_a_good_journal(journal, tmp_path):
    journal.note(Act.MAKE, "log")
    head = (tmp_path / "journal.head").read_text()
    journal.note(Act.MAKE, "log-2")
    (tmp_path / "journal.head").write_text(head)
    assert verify(tmp_path).problems == ()
    journal.note(Act.MAKE, "log-3")
    assert verify(tmp_path).problems == ()
    assert [one.key for one in verify(tmp_path).entries] == ["log", "log-2", "log-3"]


def test_a_line_that_a_crash_tore_is_told_and_hides_nothing_after_it(journal, tmp_path):
    journal.note(Act.MAKE, "log")
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq":2,"at')
    journal.note(Act.MAKE, "log-2")
    verdict = verify(tmp_path)
    assert "line 2 is no entry" in verdict.problems
    assert verdict.entries[-1].key == "log-2"


def test_a_missing_head_or_journal_is_told(journal, tmp_path):
    with pytest.raises(KeyStoreError, match=r"journal\.jsonl: the journal cannot be read"):
        verify(tmp_path)
    journal.note(Act.MAKE, "log")
    (tmp_path / "journal.head").write_text("?")
    assert "no head" in verify(tmp_path).problems[0]
    (tmp_path / "journal.head").unlink()
    assert "is not there" in verify(tmp_path).problems[0]


def test_what_cannot_be_recorded_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(KeyStoreError, match=r"nowhere/journal\.jsonl: .* cannot be recorded .* so it is not done"):
        Journal(tmp_path / "nowhere", FixedClock(NOON)).note(Act.MAKE, "log")


def _write(folder, name, count):
    journal = Journal(folder, FixedClock(NOON), Actor(name, name))
    for number in range(count):
        journal.note(Act.USE, f"{name}-{number}")


def test_two_processes_write_one_journal(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(tmp_path, name, 25)) for name in ("one", "other")]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    verdict = verify(tmp_path)
    assert verdict.problems == ()
    for name in ("one", "other"):
        assert [one.key for one in verdict.entries if one.who == name] == [f"{name}-{number}" for number in range(25)]


@settings(max_examples=30)
@given(st.binary(max_size=400))
def test_any_bytes_for_a_journal_are_read_or_told(tmp_path_factory, raw):
    folder = tmp_path_factory.mktemp("journal")
    (folder / "journal.jsonl").write_bytes(raw)
    assert verify(folder).problems
    Journal(folder, FixedClock(NOON), Actor("w", "p")).note(Act.MAKE, "log")
    if raw.strip():
        assert verify(folder).problems
    assert verify(folder).entries[-1].key == "log"
    assert json.loads(lines_of(folder)[-1])["key"] == "log"
