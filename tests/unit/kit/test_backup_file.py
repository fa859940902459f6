from __future__ import annotations

import errno
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nakadachi.kit import backup_file
from nakadachi.kit.backup_file import CHUNK_BYTES, TAG_BYTES, BackupError, check, clear_drafts, create, read, read_facts
from nakadachi.kit.backup_keys import new_holder, own_key, read_private, read_public
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.kit.postgres_archive import PIECE_BYTES, open_base, open_segment
from nakadachi.kit.postgres_files import PostgresError
from nakadachi.kit.postgres_tools import read_address

ENTROPY = SeededEntropy(5)
FACTS = {"kind": "system", "node": "core:9910000000000001"}
CONTENT = bytes(range(256)) * 4096 * 2 + b"the end"


def key(folder, word="secret"):
    """The own key of a new key store."""
    (folder / "keys").mkdir(parents=True)
    (folder / "unlock").write_text(word)
    return own_key(FileKeyStore(folder / "keys", folder / "unlock", ENTROPY), ENTROPY)


@pytest.fixture
def own(tmp_path):
    return key(tmp_path)


@pytest.fixture
def made(tmp_path, own):
    path = tmp_path / "to" / "one.backup"
    put(path, CONTENT, own)
    return path


def put(path, content, *closers):
    with create(path, FACTS, closers, ENTROPY) as writer:
        for begin in range(0, len(content), 300_000):
            writer.write(content[begin : begin + 300_000])


@settings(max_examples=8)
@given(chunks=st.integers(0, 3), more=st.sampled_from([-1, 0, 1, 77]))
def test_what_goes_in_comes_out_whatever_its_length(tmp_path_factory, chunks, more):
    folder = tmp_path_factory.mktemp("backup")
    own, content = key(folder), os.urandom(max(0, chunks * CHUNK_BYTES + more))
    put(folder / "one.backup", content, own)
    assert b"".join(read(folder / "one.backup", [own])) == content


def test_the_head_is_for_everybody_and_the_content_for_nobody_else(made, own):
    assert read_facts(made) == FACTS
    assert b"the end" not in made.read_bytes()
    assert check(made, [own]) == len(CONTENT)
    assert made.stat().st_mode & 0o777 == 0o600


def test_another_key_does_not_open_it_and_whose_would_is_told(made, tmp_path):
    with pytest.raises(BackupError, match="does not open with the key given; it is closed for: the system"):
        check(made, [key(tmp_path / "other")])


def test_the_holder_of_an_off_line_key_opens_it_without_the_system(tmp_path, own):
    public, private = new_holder(tmp_path / "vault", "holder")
    path = tmp_path / "one.backup"
    put(path, CONTENT, own, read_public(public))
    assert b"".join(read(path, [read_private(private)])) == CONTENT
    assert b"".join(read(path, [own])) == CONTENT
    assert private.stat().st_mode & 0o777 == 0o600
    _, stranger = new_holder(tmp_path / "vault", "stranger")
    with pytest.raises(BackupError, match="does not open"):
        check(path, [read_private(stranger)])
    with pytest.raises(BackupError, match="is no holder's public key"):
        read_public(private)
    with pytest.raises(BackupError, match="two PEM blocks"):
        read_private(tmp_path / "unlock")
    with pytest.raises(BackupError, match="cannot be written"):
        new_holder(tmp_path / "vault", "holder")


@pytest.mark.parametrize("cut", [1, 7, 7 + TAG_BYTES, CHUNK_BYTES, CHUNK_BYTES + TAG_BYTES + 7 + TAG_BYTES])
def test_a_file_cut_short_anywhere_is_no_backup(made, own, cut):
    raw = made.read_bytes()
    made.write_bytes(raw[:-cut])
    with pytest.raises(BackupError, match="cut short or was changed"):
        check(made, [own])


def test_chunks_that_are_missing_or_in_another_order_are_seen(made, own):
    raw = made.read_bytes()
    body = len(raw) - (2 * (CHUNK_BYTES + TAG_BYTES) + 7 + TAG_BYTES)
    size = CHUNK_BYTES + TAG_BYTES
    head, first, second, last = raw[:body], raw[body : body + size], raw[body + size : body + 2 * size], raw[-23:]
    for other in (head + second + first + last, head + first + last, head + second + last, raw + last, head):
        made.write_bytes(other)
        with pytest.raises(BackupError, match="cut short or was changed"):
            check(made, [own])


def test_a_flipped_bit_is_seen_wherever_it_is(made, own):
    raw = made.read_bytes()
    for place in (len(raw) - 1, len(raw) // 2, 700):
        wrong = bytearray(raw)
        wrong[place] ^= 1
        made.write_bytes(wrong)
        with pytest.raises(BackupError, match="changed"):
            check(made, [own])


def test_whose_backup_it_is_cannot_be_changed(made, own):
    made.write_bytes(made.read_bytes().replace(b"core:9910", b"core:9920", 1))
    assert read_facts(made)["node"].startswith("core:9920")
    with pytest.raises(BackupError, match="changed"):
        check(made, [own])


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is no backup"),
        (b"PGDMP\1\2", "is no backup"),
        (b"nakadachi backup 2\n\0\0\0\2{}", "has format '2', this program reads format 1: use a newer one"),
        (b"nakadachi backup 1\n", "head is cut short"),
        (b"nakadachi backup 1\n\xff\xff\xff\xff{", "head is cut short"),
        (b"nakadachi backup 1\n\0\0\0\2{}", "head is cut short"),
        (b"nakadachi backup 1\n\0\0\0\x16" + b'{"facts":{},"keys":[]}', "does not open"),
    ],
)
def test_anything_else_is_told_from_a_backup(tmp_path, own, raw, said):
    (tmp_path / "x.backup").write_bytes(raw)
    with pytest.raises(BackupError, match=said):
        check(tmp_path / "x.backup", [own])


def test_a_writer_that_fails_leaves_nothing(tmp_path, own):
    path = tmp_path / "to" / "one.backup"

    def half() -> None:
        with create(path, FACTS, [own], ENTROPY) as writer:
            writer.write(CONTENT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_as_one_and_leaves_nothing(tmp_path, own, monkeypatch):
    path = tmp_path / "to" / "one.backup"
    monkeypatch.setattr(backup_file.os, "open", lambda *_args, _open=os.open: _open("/dev/full", os.O_WRONLY))
    with pytest.raises(BackupError, match="the disk is full") as told, create(path, FACTS, [own], ENTROPY) as writer:
        writer.write(CONTENT)
    assert told.value.__cause__.errno == errno.ENOSPC
    assert list(path.parent.iterdir()) == []


def test_another_backup_is_never_overwritten(made, own):
    raw = made.read_bytes()
    with pytest.raises(BackupError, match="cannot be written: File exists"):
        put(made, b"other", own)
    assert made.read_bytes() == raw
    assert list(made.parent.iterdir()) == [made]


def test_a_killed_writer_leaves_a_draft_that_is_no_backup_and_goes_with_the_next_one(tmp_path):
    script = (
        "import os, pathlib, signal, sys\n"
        "from nakadachi.kit.backup_file import create\n"
        "from nakadachi.kit.entropy import SystemEntropy\n"
        "with create(pathlib.Path(sys.argv[1]) / 'one.backup', {}, [], SystemEntropy()) as writer:\n"
        "    writer.write(bytes(3_000_000))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert [path.name for path in tmp_path.iterdir()] == ["one.backup.part"]
    clear_drafts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_draft_of_somebody_who_writes_now_stays(tmp_path, own):
    with create(tmp_path / "to" / "one.backup", FACTS, [own], ENTROPY) as writer:
        clear_drafts(tmp_path / "to")
        writer.write(b"content")
    assert check(tmp_path / "to" / "one.backup", [own]) == 7


def archive(folder, raw, own):
    path = folder / "base.backup"
    put(path, raw, own)
    return path


def test_a_base_is_given_out_in_small_pieces_however_far_it_stretches(tmp_path, own):
    pieces = list(open_base(archive(tmp_path, zlib.compress(bytes(5 * PIECE_BYTES)), own), [own]))
    assert b"".join(pieces) == bytes(5 * PIECE_BYTES)
    assert max(map(len, pieces)) == PIECE_BYTES


@pytest.mark.parametrize("raw", [zlib.compress(b"a tar file" * 9)[:-5], b"a tar file", b""])
def test_a_base_or_a_segment_that_is_not_whole_is_told_as_one(tmp_path, own, raw):
    path = archive(tmp_path, raw, own)
    with pytest.raises(BackupError, match="take another backup"):
        list(open_base(path, [own]))
    with pytest.raises(BackupError, match="take another backup"):
        open_segment(path, [own])


def test_a_head_of_no_text_is_told_as_changed(tmp_path):
    head = b'{"facts":{"kind":"\xe0"},"keys":[]}'
    (tmp_path / "one.backup").write_bytes(b"nakadachi backup 1\n" + len(head).to_bytes(4, "big") + head)
    with pytest.raises(BackupError, match="its head is cut short or was changed"):
        read_facts(tmp_path / "one.backup")


@pytest.mark.parametrize(
    "dsn", ["postgresql://u:p%40s@h/db?sslmode=disable", "postgresql://u@h/db?sslmode=disable&password=p%40s"]
)
def test_a_password_goes_into_the_environment_wherever_the_address_has_it(dsn):
    address = read_address(dsn)
    assert (address.url, address.environment["PGPASSWORD"]) == ("postgresql://u@h/db?sslmode=disable", "p@s")


@pytest.mark.parametrize("dsn", ["postgresql://u:a%00b@h/db", "postgresql://u:p@h/d\0b", "postgresql://[u/db"])
def test_an_address_that_no_tool_can_take_is_refused(dsn):
    with pytest.raises(PostgresError, match="cannot be read"):
        read_address(dsn)
