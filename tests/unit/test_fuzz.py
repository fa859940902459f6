"""Fuzzing as a quick test: the corpus and a few mutations of it; and every reader of outside bytes has a target."""

import ast
import itertools
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest

from fuzz import corpus, engine, keys
from fuzz.__main__ import main
from fuzz.campaign import Campaign
from fuzz.engine import Bench, minimised
from fuzz.mutate import mutate
from fuzz.target import Finding, Form, Target, Wrong, judge, keepable
from fuzz.targets import TARGETS
from nakadachi.terms import Code

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "nakadachi"
RUNS = 40
"""Mutations per target here; `make fuzz` is for more."""
READERS = re.compile(r"(read|parse|decode|load|from|open|unseal|unwrap)(_|$)")
"""How a function is called that makes something of bytes or texts."""
EXEMPT = {
    "cli.card:read": "a command: what it reads is read by what is covered",
    "cli.desk:load_people": "a command: it sends a file on",
    "cli.desk:load_protections": "a command: it sends a file on",
    "cli.desk:load_provisions": "a command: it sends a file on",
    "cli.server_backup:open_": "a command: what it reads is read by what is covered",
    "core.openings:open_secrets": "unwraps and decodes a row of our own: both are covered",
    "crypto.notes:NoteSigner.from_seed": "takes a secret of our own, 32 bytes",
    "crypto.signing:SigningKey.from_scalar": "takes a secret of our own, a number",
    "kit.backup_file:Opener.unwrap": "the interface of what is covered",
    "kit.hsm_token:TokenSealer.open": "asks a token; hostile files are in tests/unit/kit/test_hsm.py",
    "kit.hsm_token:open_token": "asks a token",
    "kit.key_config:open_store": "takes what the configuration says",
    "kit.key_folder:Sealer.open": "the interface of what is covered",
    "kit.kernel_clock:read_kernel_clock": "takes nothing: it asks this machine's kernel",
    "kit.migrations:read_migrations": "reads files of the package",
    "kit.web.render:read_static": "reads files of the package",
    "kit.web.security_key:Place.read_known": "a library reads it: tests/unit/kit/web/test_security_key.py",
    "kit.web.security_key:Place.read_new": "a library reads it: tests/unit/kit/web/test_security_key.py",
    "kit.web.text:read_language": "compares with one word",
    "law.lawbook:load": "takes a folder apart; what is in it is read by what is covered",
    "node:open_keys": "takes what the configuration says",
    "neighbours.card.medium:Medium.read": "reads a file; what is in it is read by what is covered",
    "neighbours.card.office:read_key": "gives bytes and makes nothing of them",
    "node:read_file": "gives bytes and makes nothing of them",
}
"""Public readers without a target, and why. An async one does I/O and hands the bytes to a plain one."""


def readers():
    """Every public function that makes something of bytes or texts, as `module:function`."""
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).with_suffix("").as_posix().replace("/", ".")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            inner = [(f"{node.name}.", each) for each in node.body] if isinstance(node, ast.ClassDef) else [("", node)]
            for owner, each in inner:
                if isinstance(each, ast.FunctionDef) and READERS.match(each.name) and not owner.startswith("_"):
                    yield f"{module}:{owner}{each.name}"


def covered():
    return {function for one in TARGETS.values() for function in one.covers}


def test_every_reader_of_outside_bytes_has_a_target():
    found = set(readers())
    assert len(found) > 30
    assert found - covered() == set(EXEMPT)


def test_what_targets_say_they_cover_is_there():
    for module, names in itertools.groupby(sorted(covered()), lambda function: function.partition(":")[0]):
        tree = ast.parse((SOURCE / f"{module.replace('.', '/')}.py").read_text("utf-8"))
        defined = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        assert {part for name in names for part in name.partition(":")[2].split(".")} <= defined, module


def test_every_word_with_a_shape_is_under_fuzzing():
    found = {kind for kind in Code.__subclasses__() if kind.__module__.startswith("nakadachi")}
    assert found - set(keys.WORDS) == {kind for kind in found if kind.__name__ == "IdCode"}


@pytest.mark.parametrize("one", TARGETS.values(), ids=TARGETS)
def test_the_corpus_breaks_no_target(one):
    kept = corpus.inputs(one)
    assert kept, "run python -m fuzz --make-corpus"
    for data in (*kept.values(), *one.seeds().values()):
        judge(one, data)


@pytest.mark.parametrize("one", TARGETS.values(), ids=TARGETS)
def test_a_few_mutations_break_no_target(one):
    chance, pool = Random(1), list(corpus.inputs(one).values())
    for _ in range(RUNS):
        judge(one, mutate(chance.choice(pool), one.form, chance, pool, one.largest))


def test_the_corpus_is_small_and_of_the_targets_there_are():
    assert sum(len(raw) for one in TARGETS.values() for raw in corpus.inputs(one).values()) < 300_000
    assert {path.name for path in corpus.FOLDER.iterdir()} == set(TARGETS)


def test_the_seeds_are_the_same_every_time():
    for one in TARGETS.values():
        assert one.seeds() == one.seeds()


# What fuzzing itself promises


def broken(run, **more):
    return Target("broken", run, (ValueError,), Form.BYTES, (), lambda: {"seed": b"good"}, **more)


def fails_at_x(data):
    if b"x" in data:
        raise KeyError("x")
    return "read"


def test_another_error_than_the_documented_ones_is_a_finding():
    assert judge(broken(fails_at_x), b"good") == "read"
    assert judge(broken(lambda _: int("a")), b"") == "ValueError: invalid literal for int() with base #: #"
    with pytest.raises(Finding) as found:
        judge(broken(fails_at_x), b"axb")
    assert found.value.key == "KeyError at test_fuzz.py:fails_at_x"


def test_an_error_that_repeats_a_secret_is_a_finding():
    def tells(data):
        raise ValueError(f"cannot read {data!r}")

    needles = frozenset({"secret"})
    assert judge(broken(tells, needles=needles), b"open").startswith("ValueError")
    with pytest.raises(Finding, match="repeats a secret"):
        judge(broken(tells, needles=needles), b"a secret")


@pytest.mark.parametrize(
    "value",
    ["a\0", ("a", ["\0"]), {"a": "\0"}, 2**63, datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12)))],
)
def test_what_no_database_keeps_is_a_finding(value):
    keepable(("a", 2**63 - 1, datetime(2026, 4, 1, tzinfo=UTC), None, True))
    with pytest.raises(Wrong):
        keepable(value)


def test_a_finding_is_made_as_small_as_it_stays_one():
    assert minimised(broken(fails_at_x), b"abcdefgxhijk" * 9, "KeyError at test_fuzz.py:fails_at_x") == b"x"


def test_without_atheris_a_fault_is_found_and_written_once_with_the_command_that_replays_it(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "FOLDER", tmp_path / "none")
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "setitimer", lambda *_: None)
    one, grown = broken(fails_at_x, largest=40), tmp_path / "grown"
    grown.mkdir()
    (grown / "seed").write_bytes(b"some w and y")
    engine.by_outcomes(Bench(one, tmp_path / "findings"), one, grown, seed=5, seconds=1.0)
    (text,) = (tmp_path / "findings").glob("*.txt")
    assert text.with_suffix("").read_bytes() == b"x"
    words = text.read_text("utf-8")
    assert words.startswith("KeyError at test_fuzz.py:fails_at_x\n")
    assert f"replay: python -m fuzz --only broken --replay {text.with_suffix('')}" in words


@pytest.mark.parametrize("form", Form)
def test_mutations_are_the_same_for_the_same_seed_and_never_too_large(form):
    pool = [b'{"a":[1,"b",{"c":null}]}', b"1,2,3\n4,5,6\n", b""]
    first, second = ([mutate(data, form, chance, pool, 500) for data in pool * 60] for chance in (Random(3), Random(3)))
    assert first == second
    assert len(set(first)) > 60
    assert all(len(data) <= 500 for data in first)


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["fuzz", *map(str, arguments)])
    return main()


def test_the_command_names_its_targets_and_replays_an_input(monkeypatch, capsys, tmp_path):
    assert command(monkeypatch, "--list") == 0
    assert "telegrams.codec:decode_frame" in capsys.readouterr().out
    path = tmp_path / "input"
    path.write_bytes(b"9901000000000001")
    assert command(monkeypatch, "--only", "words", "--replay", path) == 0
    assert "OrganisationCode" in capsys.readouterr().out
    monkeypatch.setitem(TARGETS, "words", broken(lambda data: data[99]))
    assert command(monkeypatch, "--only", "words", "--replay", path) == 1
    assert "IndexError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "nothing"), "there is no target nothing"),
        (("--replay", "nowhere"), "needs the name of one target"),
        (("--only", "words", "--replay", "nowhere"), "cannot be read"),
        (("--minutes", "0"), "more than 0 minutes"),
    ],
)
def test_a_wrong_command_line_says_what_to_do(arguments, words, monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        command(monkeypatch, *arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("unguided", [False, True])
def test_a_campaign_runs_a_target_in_a_process_of_its_own(tmp_path, unguided):
    campaign = Campaign(tmp_path, seed=1, jobs=1, unguided=unguided)
    (run,) = campaign.run([TARGETS["words"]], 0.03)
    assert (run.failed, run.runs > 0) == ("", True)
    assert not list(campaign.findings.glob("*"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_campaign_ends_its_processes_and_says_so(number):
    program = [sys.executable, "-m", "fuzz", "--only", "words", "--minutes", "5"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert "1 targets" in child.stdout.readline()
        child.send_signal(number)
        rest, _ = child.communicate(timeout=60)
    assert "interrupted" in rest
    assert child.returncode == 130
