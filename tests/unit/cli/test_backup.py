from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from nakadachi.cli import backup
from nakadachi.kit.backup import Subject, file_name
from nakadachi.kit.backup_file import BackupError, create
from nakadachi.kit.backup_keys import new_holder, read_public
from nakadachi.kit.backup_schedule import Schedule
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SystemEntropy

NODE = "core:9910000000000001"
NOON = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.fixture
def holder(tmp_path):
    """The private half of a holder's key, and a backup in `folder` that it opens; it is no dump."""
    public, private = new_holder(tmp_path, "vault")
    facts = {"kind": "server", "node": NODE, "taken_at": NOON.isoformat()}
    with create(tmp_path / "to" / file_name(NODE, NOON), facts, [read_public(public)], SystemEntropy()) as writer:
        writer.write(b"content")
    return private


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backup", "--to", "x"], "--config and --to are needed"),
        (["backup", "--config", "none.toml", "--to", "x"], "none.toml: names no system"),
        (["backup", "--config", "x", "--to", "x", "--every", "1h", "--at", "03:30"], "exclude each other"),
        (["backup", "--config", "x", "--to", "x", "--every", "daily"], "'daily' is no span of time"),
        (["backup", "--config", "x", "--to", "x", "--at", "3 o'clock"], "is no time of day"),
        (["backup", "list", "--in", "none"], "none: is no folder"),
        (["backup", "verify", "--from", "none"], "--config or --holder-key is needed"),
        (["restore", "--config", "none.toml", "--from", "none"], "none.toml: names no system"),
        (["backup", "server", "--to", "x", "--keys", "k", "--unlock", "u"], "either --state or --database is needed"),
        (["restore-server", "--state", "x", "--base", "x", "--wal", "x"], "something must open the backup"),
        (["restore-server", "--state", "x", "--base", "x", "--wal", "x", "--at", "noon"], "Invalid isoformat string"),
    ],
)
def test_what_is_lacking_is_told_and_nothing_is_begun(nakadachi, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    run = nakadachi(*words)
    assert (run.exit_code, said in run.stderr) == (2, True), run.stderr


def test_an_empty_folder_is_told_as_one(nakadachi, tmp_path):
    assert "まだありません / there is no backup" in nakadachi("backup", "list", "--in", tmp_path).stdout


def test_a_list_names_what_cannot_be_read_too(nakadachi, tmp_path, holder):
    assert holder
    (tmp_path / "to" / "x.backup").write_bytes(b"?")
    shown = nakadachi("backup", "list", "--in", tmp_path / "to").stdout
    assert f"{NOON.isoformat()}  {NODE}" in shown
    assert "is no backup of nakadachi" in shown
    words = json.loads(nakadachi("backup", "list", "--in", tmp_path / "to", "--json").stdout)
    assert {one["file"]: bool(one["wrong"]) for one in words} == {"x.backup": True, file_name(NODE, NOON): False}


def test_a_holder_verifies_and_a_changed_file_ends_with_1(nakadachi, tmp_path, holder):
    (file,) = (tmp_path / "to").iterdir()
    good = nakadachi("backup", "verify", "--from", file, "--holder-key", holder)
    assert (good.exit_code, "検証できました / verified" in good.stdout) == (0, True)
    file.write_bytes(file.read_bytes()[:-1])
    bad = nakadachi("backup", "verify", "--from", file, "--holder-key", holder)
    assert (bad.exit_code, "is cut short or was changed" in bad.stderr) == (1, True)


class Enough(Exception):  # noqa: N818  ends the loop
    """The test has seen enough."""


def test_the_schedule_goes_on_from_the_newest_backup_and_tries_again_what_failed(tmp_path, holder, monkeypatch):
    assert holder
    clock, taken = FixedClock(NOON + timedelta(hours=1)), []
    subject = Subject(NODE, "", clock, SystemEntropy())

    def take(*_what):
        taken.append(clock.now() - NOON)
        if len(taken) == 2:
            raise BackupError("the disk is full")
        if len(taken) == 4:
            raise Enough

    monkeypatch.setattr(backup, "_take", take)
    monkeypatch.setattr(backup.time, "sleep", lambda seconds: clock.advance(timedelta(seconds=seconds)))
    with pytest.raises(Enough):
        backup._go_on(subject, tmp_path / "to", (), (2, Schedule(timedelta(hours=24))))
    day, retry = timedelta(days=1), timedelta(minutes=5)
    assert taken == [day, 2 * day, 2 * day + retry, 3 * day + retry]
