"""The walk from outside: an honest log is found honest at every size, and a lie is told with its place."""

import ast
from pathlib import Path

import pytest

import nakadachi.ledger.walk
from nakadachi.crypto.notes import NoteSigner
from nakadachi.ledger.verify import Keys
from nakadachi.ledger.walk import AHEAD, MOST_PROBLEMS, walk_log
from tests.unit.ledger.copies import KEYS, ORIGIN, copy_of, entries_of, leaf, note_of, reader, root_over

ENTRIES = entries_of(1100)
FILES = copy_of(ENTRIES)


async def problem(files, keys=KEYS, remembered=""):
    walked = await walk_log(reader(files), keys, remembered=remembered)
    assert not walked.ok
    return " | ".join(walked.problems)


def without(*paths, **changed):
    return {path: content for path, content in (FILES | changed).items() if path not in paths}


def test_it_shares_no_code_with_the_writer():
    source = ast.parse(Path(nakadachi.ledger.walk.__file__).read_text())
    imported = {node.module for node in ast.walk(source) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(source) if isinstance(node, ast.Import) for alias in node.names}
    assert {name for name in imported if name.startswith("nakadachi")} == {"nakadachi.ledger.verify"}


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513, 1100])
async def test_an_honest_log_of_any_size_is_found_honest(size):
    steps = []
    walked = await walk_log(reader(copy_of(ENTRIES[:size])), KEYS, step=lambda *step: steps.append(step))
    assert (walked.ok, walked.problems, walked.size, walked.origin) == (True, (), size, ORIGIN)
    assert walked.root == root_over([leaf(entry) for entry in ENTRIES[:size]])
    assert walked.checkpoint.startswith(f"{ORIGIN}\n{size}\n")
    assert steps[-1:] == ([(size, size)] if size else [])


async def test_a_log_of_three_levels_of_tiles_is_walked_and_every_tile_of_it_compared():
    many = entries_of(256 * 256 + 300)
    files = copy_of(many)
    walked = await walk_log(reader(files), KEYS)
    assert (walked.ok, walked.size) == (True, len(many))
    assert walked.tiles == sum(1 for path in files if path.startswith(("tile/0", "tile/1", "tile/2")))
    files["tile/1/000"] = files["tile/1/000"][:-32] + bytes(32)
    assert "tile/1/000: its hash 255 is not that of what stands below it" in await problem(files)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 1099, 1100])
async def test_a_log_only_adds_to_every_checkpoint_that_it_ever_had(size):
    walked = await walk_log(reader(FILES), KEYS, remembered=note_of(ENTRIES[:size]).decode())
    assert walked.ok


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600, 1100])
async def test_one_that_was_rewritten_does_not(size):
    other = entries_of(size, begin=5000)
    walked = await walk_log(reader(FILES), KEYS, remembered=note_of(other).decode())
    assert walked.ok is (size == 0)
    if size:
        (problem,) = walked.problems
        assert f"the first {size} entries are not those of the checkpoint remembered" in problem


async def test_one_that_was_rolled_back_is_found():
    files = copy_of(ENTRIES[:700])
    assert "has 1100 entries, this one 700: the log was rolled back" in await problem(
        files, remembered=note_of(ENTRIES).decode()
    )


async def test_the_checkpoint_of_another_log_is_none_of_this_one():
    other = NoteSigner.from_seed("core.example/2", bytes(32))
    note = note_of(ENTRIES[:3], signer=other, origin="core.example/2").decode()
    keys = Keys((*KEYS.log, other.verifier.vkey), KEYS.witnesses)
    assert "is of the log core.example/2, this one is core.example/1" in await problem(FILES, keys, remembered=note)


async def test_what_was_remembered_must_be_signed_too():
    forged = note_of(ENTRIES[:3], signer=NoteSigner.from_seed(ORIGIN, b"\x05" * 32)).decode()
    assert "the checkpoint remembered: the log itself has not signed it" in await problem(FILES, remembered=forged)


async def test_an_entry_that_was_changed_is_found_with_its_place():
    bundle = bytearray(FILES["tile/entries/002"])
    bundle[34 * 7 + 2] ^= 1
    told = await problem(FILES | {"tile/entries/002": bytes(bundle)})
    assert "entry 519 is not what tile/0/002 says of it" in told
    assert "tile/1/000.p/4: its hash 2 is not that" in told
    assert "the root over 1100 entries is not the checkpoint's" in told


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("tile/0/001", None, "tile/0/001 is not there, or is too short"),
        ("tile/0/001", bytes(8192), "entry 256 is not what tile/0/001 says of it"),
        ("tile/0/001", FILES["tile/0/001"][:-1], "tile/0/001 is not there, or is too short"),
        ("tile/1/000.p/4", None, "tile/1/000.p/4 is not there"),
        ("tile/1/000.p/4", bytes(128), "tile/1/000.p/4: its hash 0 is not that of what stands below it"),
        ("tile/entries/003", None, "tile/entries/003 is not there, or does not hold 256 entries"),
        ("tile/entries/004.p/76", b"\x00", "tile/entries/004.p/76 is not there, or does not hold 76 entries"),
        ("tile/entries/004.p/76", FILES["tile/entries/004.p/76"][:-1], "does not hold 76 entries"),
        ("checkpoint", None, "there is no checkpoint at that address"),
        ("checkpoint", b"\xff\n\n", "the checkpoint: "),
        ("checkpoint", note_of(ENTRIES, cosigner=None), "the witness witness.example has not cosigned it"),
        ("checkpoint", note_of(ENTRIES[::-1]), "the root over 1100 entries is not the checkpoint's"),
        ("checkpoint", note_of(ENTRIES[:600]), "tile/1/000.p/2 is not there"),
    ],
)  # fmt: skip
async def test_what_is_missing_or_does_not_fit_is_found_with_its_place(path, content, told):
    files = FILES | {path: content} if content is not None else without(path)
    assert told in await problem(files)


async def test_in_place_of_a_partial_tile_that_is_gone_the_whole_one_does():
    """A log may drop partial tiles once they are full (tlog-tiles)."""
    grown = copy_of(ENTRIES[:1024])
    grown["checkpoint"] = note_of(ENTRIES[:1000])
    grown["tile/1/000.p/3"] = grown.pop("tile/1/000.p/4")[:96]
    walked = await walk_log(reader(grown), KEYS)
    assert (walked.problems, walked.size) == ((), 1000)


async def test_no_more_than_some_findings_are_told():
    files = FILES | {path: bytes(len(content)) for path, content in FILES.items() if path.startswith("tile/0")}
    many = copy_of(entries_of(256 * (MOST_PROBLEMS + 5)))
    bad = many | {path: bytes(len(content)) for path, content in many.items() if path.startswith("tile/0")}
    assert len((await walk_log(reader(files), KEYS)).problems) == 5
    walked = await walk_log(reader(bad), KEYS)
    assert len(walked.problems) == MOST_PROBLEMS + 1
    assert walked.problems[-1].startswith("there may be more")


async def test_only_a_few_files_are_held_at_a_time():
    open_now, most = 0, 0

    async def read(path):
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        found = FILES.get(path)
        open_now -= 1
        return found

    assert (await walk_log(read, KEYS)).ok
    assert most <= 2 * AHEAD


async def test_what_hinders_the_reader_goes_through_and_nothing_is_left_behind():
    async def read(path):
        if path == "tile/0/003":
            raise ConnectionResetError
        return FILES.get(path)

    with pytest.raises(ConnectionResetError):
        await walk_log(read, KEYS)
