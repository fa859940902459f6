"""The pages on failure, runbooks and threats say only what is there: every test, command, link and table they name, and
none of the reasons, findings and endings is left out.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from nakadachi.cli import app
from nakadachi.crypto.notes import NoteSigner, NoteVerifier
from nakadachi.intermediate.service import IntermediateConfig
from nakadachi.kit.clock import SystemClock
from nakadachi.kit.config import describe
from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.law import directory
from nakadachi.law.directory import Directory
from nakadachi.ledger.edition import Trust, sign_document
from nakadachi.refusal import Reason
from nakadachi.telegrams.inquiry import Ending
from nakadachi.telegrams.oversight import Check, FindingKind, Operation
from nakadachi.terms import japan_day

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("failure", "runbooks", "threats")}
ALL = "\n".join(PAGES.values())
LINKING = PAGES | {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("operating", "knowledge")}
TESTS = sorted(set(re.findall(r"`(tests/[^`]+)`", ALL)))
LINKS = sorted(
    {(name, link) for name, text in LINKING.items() for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)}
)


def commands() -> list[str]:
    """What stands after `nakadachi` wherever it stands in code, up to the end of the code or the line."""
    return sorted({found.strip() for found in re.findall(r"`nakadachi ([^`\n]+)[`\n]", ALL)})


@cache
def written_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads)


def what_is_wrong(command: str) -> str:
    """What of a command's words the program does not have: a command or an option; empty where it has all."""
    here: Any = typer.main.get_command(app)
    words = command.split()
    for word in words:
        below = getattr(here, "commands", {})
        if not below or word.startswith("-") or word == "…":
            break
        if word not in below:
            return word
        here = below[word]
    options = {name for one in here.params for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    return next((word for word in words if word.startswith("--") and word not in options), "")


def programs() -> list[str]:
    """The scripts that the runbooks give."""
    return re.findall(r"^ *```python\n(.*?)```", PAGES["runbooks"], re.MULTILINE | re.DOTALL)


def write_node(folder: Path, config: str, name: str) -> None:
    """A node's folder with an empty key store, and its configuration."""
    (folder / "keys").mkdir(parents=True)
    (folder / "unlock").write_bytes(SystemEntropy().bytes(32))
    own = {"core": 'origin = "x"', "commission": 'cosigner = "x"', "intermediate": "existing = []"}
    files = ("database", "certificate", "key", "authority", "keys", "unlock", "lawbook", "directory")
    node = {"name": name, "listen": "127.0.0.1:0", **{one: one for one in files}}
    node |= {"trust_core": "x", "trust_commission": "x"}
    lines = [own[name.partition(":")[0]], "[node]", *(f'{key} = "{value}"' for key, value in node.items())]
    (folder / config).write_text("\n".join(lines), encoding="utf-8")


def test_the_pages_name_tests_and_commands_at_all():
    assert len(TESTS) > 80
    assert len(commands()) > 25
    assert len(LINKS) > 40


@pytest.mark.parametrize("name", TESTS)
def test_every_test_named_exists(name: str):
    path, _, function = name.partition("::")
    assert (ROOT / path).is_file()
    assert function.startswith("test_")
    assert function in written_in(ROOT / path)


@pytest.mark.parametrize("command", commands())
def test_every_command_named_exists_with_its_options(command: str):
    assert not what_is_wrong(command)


@pytest.mark.parametrize(
    "command", ["nothing", "core nothing", "backup --nothing x", "restore --list", "inquire x --no"]
)
def test_a_command_that_is_nowhere_is_found(command: str):
    assert what_is_wrong(command)


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_every_link_leads_somewhere(page: str, link: str):
    file, _, anchor = link.partition("#")
    path = (DOCS / file).resolve() if file else DOCS / f"{page}.md"
    assert path.is_file()
    assert not anchor or anchor in anchors(path)


def test_every_failure_has_a_test_or_says_that_it_has_none():
    rows = [line for line in PAGES["failure"].splitlines() if line.count(" | ") == 6 - 1 and line.startswith("| ")]
    told = [line.rstrip(" |").rpartition(" | ")[2] for line in rows]
    assert len([one for one in told if one != "shown by"]) > 40
    assert [one for one in told if one not in {"shown by", "no test"} and "::test_" not in one] == []


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_row_with_its_words(reason: Reason):
    assert f"| `{reason.value}` | {reason.japanese} |" in PAGES["failure"]


@pytest.mark.parametrize("kind", FindingKind)
def test_every_finding_has_its_row_with_its_words(kind: FindingKind):
    assert f"| `{kind.value}` | {kind.japanese} |" in PAGES["runbooks"]


@pytest.mark.parametrize("word", [*Ending, *Operation])
def test_every_ending_and_operation_stands_on_the_page(word: Ending | Operation):
    assert f"`{word.value}`" in PAGES["failure"]


@pytest.mark.parametrize("check", Check)
def test_every_check_that_may_fail_is_told_of(check: Check):
    assert f"`{check.value}`" in ALL or check is Check.EDITION


def test_words_of_a_reason_are_those_that_people_are_told():
    told = re.findall(r"`([A-Z_]+)` \(([^)`]+)\)", ALL)
    assert len(told) > 10
    assert [one for one in told if Reason(one[0]).japanese != one[1]] == []


def test_every_table_and_key_of_the_configuration_exists():
    sample = describe(IntermediateConfig)
    tables = set(re.findall(r"`\[([a-z_.]+)\]`", ALL))
    assert len(tables) > 5
    assert [one for one in tables if f"[{one}]" not in sample] == []
    for key in ("when_stale", "clock_required", "report_every"):
        assert f"`{key}" in ALL
        assert re.search(rf"^[# ]*{key} = ", sample, re.MULTILINE)


def test_every_table_of_a_database_named_exists():
    made = set()
    for path in (ROOT / "src").rglob("*.sql"):
        made |= set(re.findall(r"CREATE TABLE (\w+)", path.read_text(encoding="utf-8")))
    named = set(re.findall(r"FROM\s+(\w+)\s+WHERE", PAGES["runbooks"])) | {"finding", "outbox"}
    assert {"head_told", "exchange"} <= named
    assert named <= made


def test_every_event_named_is_logged_somewhere():
    named = set(
        re.findall(r"`((?:peer|send|relay|witness|telegram|log|database|reload|edition|answer)\.[a-z_]+)`", ALL)
    )
    sources = (ROOT / "src" / "nakadachi").rglob("*.py")
    logged = {name for path in sources for name in re.findall(r'"([a-z]+\.[a-z_]+)"', path.read_text(encoding="utf-8"))}
    assert len(named) > 8
    assert named <= logged


def test_the_scripts_of_the_runbook_make_a_directory_that_both_signed(tmp_path: Path, monkeypatch, capsysbinary):
    entropy, names = SystemEntropy(), ("core.example/documents", "commission.example/documents")
    signers = []
    for name in names:
        folder = tmp_path / name.partition(".")[0]
        write_node(folder, "config.toml", f"{folder.name}:9910000000000001")
        FileKeyStore(folder / "keys", folder / "unlock", entropy).put("documents", entropy.bytes(32))
        seed = FileKeyStore(folder / "keys", folder / "unlock", entropy).secret("documents")
        signers.append(NoteSigner.from_seed(name, seed))
    old = Directory(1, japan_day(SystemClock().now()), "0.1.0", ())
    (tmp_path / "directory.note").write_bytes(sign_document(old.to_bytes(), *signers))
    monkeypatch.chdir(tmp_path)

    def run(first: str, *arguments: str) -> bytes:
        (program,) = (text for text in programs() if text.startswith(f'"""{first}'))
        monkeypatch.setattr("sys.argv", ["program", *arguments])
        exec(compile(program, first, "exec"), {})  # noqa: S102  it is the page's own text, and what is under test
        return bytes(capsysbinary.readouterr().out)

    run("The next directory", "directory.note", "new.json", "4f75")
    core, commission = (
        run("One signature", name, f"{name.partition('.')[0]}/config.toml", "new.json") for name in names
    )
    note = core + commission.splitlines(keepends=True)[-1]
    text = Trust(*(NoteVerifier.from_vkey(one.verifier.vkey) for one in signers)).open(note)
    new = directory.parse(text.encode())
    assert (new.version, new.is_revoked(0x4F75)) == (2, True)


@pytest.mark.parametrize("key", ["signing-2", "seal-default-2"])
def test_the_command_of_a_new_key_leaves_it_in_the_key_store(tmp_path: Path, monkeypatch, key):
    (command,) = (one for one in commands() if one.startswith("keys make") and one.endswith(f"--name {key}"))
    _, _, _, config, *_ = command.split()
    write_node(tmp_path, config, "intermediate:9901000000000003")
    monkeypatch.chdir(tmp_path)
    made = CliRunner().invoke(app, command.split())
    assert made.exit_code == 0, made.output
    assert FileKeyStore(tmp_path / "keys", tmp_path / "unlock", SystemEntropy()).names(key.removesuffix("-2")) == [key]
    assert len(made.stdout.splitlines()[-1]) > 80  # what the directory is to say
