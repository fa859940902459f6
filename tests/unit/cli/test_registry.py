"""The register's commands and the generator's: what they say, and that nothing personal stands on a command line."""

from __future__ import annotations

import csv
import json

import pytest

from nakadachi.kit.entropy import SystemEntropy
from nakadachi.kit.keystore import FileKeyStore
from nakadachi.neighbours.population import Population
from nakadachi.neighbours.registry import register_of


@pytest.fixture
def config(tmp_path, monkeypatch, tenant_dsn):
    """A register's configuration, as far as its commands need it: a key store and a database."""
    for name in ("certificate", "key", "authority", "lawbook", "directory", "residents"):
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "database").write_text(tenant_dsn, encoding="utf-8")
    (tmp_path / "unlock").write_bytes(b"u" * 32)
    (tmp_path / "keys").mkdir()
    register_of(FileKeyStore(tmp_path / "keys", tmp_path / "unlock", SystemEntropy()), SystemEntropy())
    node = {
        name: name for name in ("certificate", "key", "authority", "lawbook", "directory", "database", "unlock", "keys")
    }
    node |= {"name": "registry:9913000000000001", "listen": "127.0.0.1:1", "trust_core": "x", "trust_commission": "y"}
    lines = ['residents = "residents"', "[node]", *(f'{name} = "{value}"' for name, value in node.items())]
    path = tmp_path / "registry.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return path


PERSON = Population(b"one").person(0)
BIRTH = {"event": "1", "kind": "birth", "at": "2026-01-02", "code": PERSON.code.value, "name": "見本 芽",
         "kana": "ミホン メイ", "address": "見本市1", "sex": "2"}  # fmt: skip


def write(path, *lines):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(BIRTH), restval="")
        writer.writeheader()
        writer.writerows(lines)


def test_a_file_is_applied_once_and_what_is_wrong_is_listed_by_line(config, tmp_path, nakadachi):
    file, rejected = tmp_path / "events.csv", tmp_path / "rejected.csv"
    write(file, BIRTH, BIRTH | {"event": "2", "kind": "marriage"})
    shown = nakadachi("registry", "apply", str(file), "--config", str(config), "--rejected", str(rejected))
    assert shown.exit_code == 1
    assert "2 events: 1 applied, 0 kept until their day, 0 known before, 1 refused." in shown.output
    assert "line 3: `kind` is none of birth" in shown.output
    assert rejected.read_text("utf-8").splitlines()[1].startswith("3,2,")
    write(file, BIRTH)
    again = nakadachi("registry", "apply", str(file), "--config", str(config))
    assert again.exit_code == 0
    assert "1 known before" in again.output
    figures = nakadachi("registry", "figures", "--config", str(config), "--json")
    assert json.loads(figures.output)["residents"] == 1


def test_one_event_is_asked_for_value_by_value_and_its_history_shown(config, tmp_path, nakadachi):
    write(tmp_path / "events.csv", BIRTH)
    assert nakadachi("registry", "apply", str(tmp_path / "events.csv"), "--config", str(config)).exit_code == 0
    words = ("registry", "event", "move", "--at", "2026-01-03", "--event", "2", "--config", str(config))
    moved = nakadachi(*words, given=f"{PERSON.code.value}\n見本市2\n")
    assert moved.exit_code == 0
    assert "2: applied." in moved.output
    shown = nakadachi("registry", "history", "--config", str(config), given=f"{PERSON.code.value}\n")
    assert shown.exit_code == 0
    assert "before: address 見本市1" in shown.output
    assert "valid" in shown.output
    nobody = nakadachi("registry", "history", "--config", str(config), given="1\n")
    assert nobody.exit_code == 1
    assert "nobody has, or had" in nobody.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("registry", "apply", "none.csv", "--config", "none.toml"), "none.csv"),
        (("registry", "figures", "--config", "none.toml"), "none.toml"),
        (("registry", "event", "marriage", "--at", "2026-01-01", "--event", "1", "--config", "x"), "no kind of event"),
        (("population", "generate", "--people", "1", "--seed", "1", "--out", "o", "--organisation", "1"), "1"),
    ],
)
def test_what_cannot_be_begun_says_why(words, said, nakadachi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = nakadachi(*words)
    assert shown.exit_code == 2
    assert said in shown.output


def test_an_empty_file_is_said_to_be_empty(config, tmp_path, nakadachi):
    write(tmp_path / "events.csv")
    shown = nakadachi("registry", "apply", str(tmp_path / "events.csv"), "--config", str(config))
    assert shown.exit_code == 0
    assert "holds no events; nothing was done" in shown.output


def test_a_population_is_written_and_not_written_over_unasked(tmp_path, nakadachi):
    words = ("population", "generate", "--people", "100", "--seed", "1", "--years", "1", "--out", str(tmp_path / "p"))
    shown = nakadachi(*words)
    assert shown.exit_code == 0
    assert "100 invented people" in shown.output
    assert (tmp_path / "p" / "events-2026.csv").exists()
    again = nakadachi(*words)
    assert again.exit_code == 2
    assert "--replace" in again.output
    assert nakadachi(*words, "--replace").exit_code == 0


def test_the_reference_of_a_resident_is_told_to_who_has_the_registers_configuration(config, tmp_path, nakadachi):
    write(tmp_path / "events.csv", BIRTH)
    assert nakadachi("registry", "apply", str(tmp_path / "events.csv"), "--config", str(config)).exit_code == 0
    words, code = ("registry", "holder", "--config", str(config)), f"{PERSON.code.value}\n"
    without = nakadachi(*words, given=code)
    assert without.exit_code == 2
    assert "[jpki]" in without.output
    with config.open("a", encoding="utf-8") as file:
        file.write('\n[jpki]\nserver = "https://127.0.0.1:7480"\ncertificate = "x"\nkey = "x"\nauthority = "x"\n')
    shown = [nakadachi(*words, given=code) for _ in range(2)]
    assert [one.exit_code for one in shown] == [0, 0]
    assert len({one.output.split()[-1] for one in shown}) == 1
    assert len(shown[0].output.split()[-1]) == 32
    nobody = nakadachi(*words, given="1\n")
    assert nobody.exit_code == 1
    assert "nobody has" in nobody.output
