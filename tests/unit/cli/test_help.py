from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer import Typer

from nakadachi import __version__
from nakadachi.cli import app


def commands(group: Typer, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command by its words."""
    for command in group.registered_commands:
        assert command.callback
        yield *path, command.name or command.callback.__name__
    for inner in group.registered_groups:
        assert inner.typer_instance
        assert inner.name
        yield from commands(inner.typer_instance, *path, inner.name)


COMMANDS = sorted(commands(app))


def test_there_is_a_command_for_every_system_and_every_desk_task():
    assert {" ".join(words) for words in COMMANDS} == {
        *(f"{kind} serve" for kind in ("core", "interface", "intermediate", "commission", "registry")),
        *(f"{kind} sample-config" for kind in ("core", "interface", "intermediate", "commission", "registry", "desk")),
        *("people load", "provisions load", "protections load", "link", "recheck", "inquire", "result"),
        *("pending", "answer", "refuse", "cancel", "findings", "ledger check", "up", "demo", "status"),
        *("trails", "reconcile"),
        *("backup list", "backup verify", "backup new-holder", "restore", "core new-origin"),
        *("core rotate", "core keys", "core retire"),
        *(f"registry {word}" for word in ("apply", "event", "history", "figures", "holder")),
        *(f"commission user {word}" for word in ("add", "link", "list", "remove")),
        "population generate",
        *(f"links {word}" for word in ("unlink", "suspend", "resume", "show")),
        *("subscribe", "changes"),
        *("backup server", "backup wal", "backup open", "restore-server"),
        *(f"keys {one}" for one in ("list", "make", "import", "test", "log", "months", "destroy")),
        *(f"keys {one}" for one in ("new-officer", "guard", "change-officer")),
        *(
            f"jpki {word}"
            for word in ("serve", "sample-config", "issue", "revoke", "suspend", "resume", "status", "crl")
        ),
        *("card status", "card pin", "card read", "card agent", "card found", "card issue", "card hand-over"),
        *("card unlock", "card change", "card renew", "card lost", "card return"),
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_with_an_example(words, nakadachi):
    shown = nakadachi(*words, "--help")
    assert shown.exit_code == 0
    assert f"Example: nakadachi {' '.join(words)}" in shown.output


def test_the_version_is_told(nakadachi):
    shown = nakadachi("--version")
    assert (shown.exit_code, shown.output) == (0, f"nakadachi {__version__}\n")


def test_help_loads_nothing_heavy():
    script = (
        "import sys; from nakadachi.cli import app\n"
        "try: app(['inquire', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'aiohttp', 'asyncpg', 'rich', 'starlette', 'uvicorn', 'uvloop'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
