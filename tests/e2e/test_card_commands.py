"""The card's commands as a clerk and a holder run them: real processes, secrets by a pipe, never in the arguments."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def run(folder, *arguments, typed="", status=0):
    """What a command says; it must end with `status`."""
    done = subprocess.run(
        [sys.executable, "-m", "nakadachi", "card", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "NAKADACHI_CARD_KEY": "desk/unlock.key"},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_card_from_the_counter_to_its_return(tmp_path):
    at = ("--counter", "desk/counter.toml", "--staff", "1042")
    assert "person.json" in run(tmp_path, "found", "desk")
    assert "C12" in run(tmp_path, "found", "desk", status=2)
    run(tmp_path, "issue", "a.card", "--person", "desk/person.json", *at)
    assert "already" in run(tmp_path, "issue", "a.card", "--person", "desk/person.json", *at, status=2)
    choice = "2580\n2580\nSAKURA77\nSAKURA77\n1379\n1379\n"
    person = json.loads((tmp_path / "desk" / "person.json").read_text("utf-8"))
    young = person["born"] > "2011"
    if young:
        choice = choice.replace("SAKURA77\n", "")
    assert "C06" in run(tmp_path, "hand-over", "a.card", *at, typed="1\n", status=2)
    run(tmp_path, "hand-over", "a.card", *at, typed=choice)
    shown = run(tmp_path, "status", "a.card", "--counter", "desk/counter.toml")
    assert "運用中" in shown
    serial = re.search(r"[0-9A-Z]{16}", shown)[0]
    # Three wrong in a row lock; what is left is told before each is asked for.
    told = [run(tmp_path, "read", "a.card", "--sign-in", typed="0000\n", status=2) for _ in range(3)]
    assert [re.search(r"残り(\d)回", one)[1] for one in told] == ["3", "2", "1"]
    assert "C04" in run(tmp_path, "read", "a.card", "--sign-in", typed="2580\n", status=2)
    run(tmp_path, "unlock", "a.card", "authentication", *at, typed="9630\n9630\n")
    run(tmp_path, "pin", "a.card", "authentication", typed="9630\n1122\n1122\n")
    good = run(tmp_path, "read", "a.card", "--sign-in", "--counter", "desk/counter.toml", typed="1122\n")
    assert "カードが保持" in good
    assert person["name"] not in good
    assert person["name"] in run(tmp_path, "read", "a.card", "--entries", typed="1379\n")
    assert "一時停止中" in run(tmp_path, "lost", serial, "stop", *at)
    assert "×" in run(tmp_path, "read", "a.card", "--counter", "desk/counter.toml", status=1)
    run(tmp_path, "lost", serial, "found", *at)
    person["address"] += "９－９"
    (tmp_path / "moved.json").write_text(json.dumps(person), encoding="utf-8")
    run(tmp_path, "change", "a.card", "--person", "moved.json", *at)
    assert "three months" in run(tmp_path, "renew", "a.card", "--person", "moved.json", *at, status=2)
    run(tmp_path, "return", "a.card", *at)
    assert "返納済" in run(tmp_path, "status", "a.card", "--counter", "desk/counter.toml")
    assert "C01" in run(tmp_path, "status", "none.card", status=2)


def test_the_agent_says_where_its_page_is_and_ends_at_a_signal(tmp_path):
    run(tmp_path, "found", "desk")
    run(tmp_path, "issue", "a.card", "--person", "desk/person.json", "--counter", "desk/counter.toml", "--staff", "1")
    arguments = ["agent", "--card", "a.card", "--unlock", "desk/unlock.key", "--origin", "https://portal.example"]
    with subprocess.Popen(
        [sys.executable, "-m", "nakadachi", "card", *arguments, "--port", "17493"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        told = child.stdout.readline() + child.stdout.readline()
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=300)
    assert re.search(r"http://127\.0\.0\.1:17493/a/[0-9a-f]{48}/", told)
    assert child.returncode == 0
    assert "origin" in run(tmp_path, *arguments[:-1], "*", status=2)
