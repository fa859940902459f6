"""窓口の端末: the commands of the counter against a running service; what is wrong is told in both languages."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import Result
from typer.testing import CliRunner

from nakadachi.cli import app
from nakadachi.kit.postgres import PostgresServer
from nakadachi.neighbours.jpki.profile import Algorithm, Kind
from nakadachi.neighbours.jpki.reading import read_signature_certificate
from tests.certifying import COUNTER, PORTAL, SERVER, Certifying, Person, certification, certifying, free_port

PERSON = Person("20000000001")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Certifying]:
    folder = open_directory / "jpki-counter"
    folder.mkdir()
    async with certifying(await postgres.create_tenant("jpki_counter"), folder) as running:
        for host in (COUNTER, PORTAL):
            async with running.client(host):
                (folder / f"{host}.toml").write_text(
                    f'server = "{running.server}"\nhost = "{SERVER}"\nauthority = "ca.pem"\n'
                    f'certificate = "{host}/tls.crt"\nkey = "{host}/tls.key"\n',
                    encoding="utf-8",
                )
        yield running
    await postgres.drop_tenant("jpki_counter")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A card's request, and what the counter fills in."""
    (tmp_path / "card.csr").write_bytes(certification(Algorithm.P_256.new_key()))
    form = {
        "request": "counter-1", "kind": "signature", "holder": PERSON.holder.value, "place": "131016",
        "prefecture": "Tokyo-to", "city": "Chiyoda-ku", "born": "1990-01-02",
        "items": {"name": PERSON.name, "address": PERSON.address, "sex": PERSON.sex},
    }  # fmt: skip
    (tmp_path / "form.json").write_text(json.dumps(form), encoding="utf-8")
    return tmp_path


async def command(town: Certifying, *words: object, host: str = COUNTER) -> Result:
    asked = ["jpki", *map(str, words), "--counter", str(town.folder / f"{host}.toml")]
    return await asyncio.to_thread(CliRunner().invoke, app, asked)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_clerk_issues_suspends_resumes_and_revokes(town: Certifying, files: Path) -> None:
    empty = await command(town, "status")
    assert "なし / none" in empty.output
    assert "失効リストはまだありません" in empty.output
    issue = ("issue", files / "form.json", "--csr", files / "card.csr", "--out", files / "card.crt")
    first = await command(town, *issue)
    assert first.exit_code == 0, first.output
    assert "署名用 / signature" in first.output
    assert "2031-01-02" in first.output
    certificate = read_signature_certificate((files / "card.crt").read_bytes())
    assert certificate.items.name.value == PERSON.name
    assert PERSON.name not in first.output
    assert (await command(town, *issue)).output == first.output
    serial = f"{certificate.serial:x}"
    for word, state in (("suspend", "一時停止中 / held"), ("resume", "有効 / good"), ("revoke", "失効 / revoked")):
        assert state in (await command(town, word, "signature", serial)).output
    gone = await command(town, "suspend", "signature", serial)
    assert gone.exit_code == 1
    assert "既に失効又は満了しています / It is revoked" in gone.output
    shown = await command(town, "status", "--holder", PERSON.holder.value)
    assert "失効 / revoked" in shown.output
    assert "失効リストを1件発行しました / 1 revocation lists" in (await command(town, "crl")).output
    whole = await command(town, "status")
    assert "131016 Tokyo-to Chiyoda-ku: 第1号" in whole.output
    told = json.loads((await command(town, "status", "--json")).output)
    assert told["certificates"]["signature"] == {"revoked": 1}
    assert "なし" not in (await command(town, "status", "--holder", PERSON.holder.value, "--json")).output


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_wrong_is_told_with_what_to_do(town: Certifying, files: Path) -> None:
    out = ("--out", files / "card.crt")
    (files / "no.json").write_text("[", encoding="utf-8")
    wrong = await command(town, "issue", files / "no.json", "--csr", files / "card.csr", *out)
    assert (wrong.exit_code, "JSONとして読み取れません" in wrong.output) == (2, True)
    bad = await command(town, "issue", files / "form.json", "--csr", files / "form.json", *out)
    assert "書式が正しくありません" in bad.output
    assert "no certificate request" in bad.output
    for words in (("revoke", "both", "1"), ("revoke", "signature", "1", "--reason", "bored")):
        assert (await command(town, *words)).exit_code == 2
    assert "該当する電子証明書がありません" in (await command(town, "revoke", "signature", "1")).output
    assert "32 hexadecimal digits" in (await command(town, "status", "--holder", "x")).output
    nobody = await command(town, "status", "--holder", "0" * 32)
    assert "電子証明書はありません / no certificate" in nobody.output
    refused = await command(town, "crl", host=PORTAL)
    assert refused.exit_code == 2
    assert "認められていません" in refused.output
    away = town.folder / "away.toml"
    text = (town.folder / f"{COUNTER}.toml").read_text("utf-8").replace(town.server, f"https://127.0.0.1:{free_port()}")
    away.write_text(text, encoding="utf-8")
    alone = await asyncio.to_thread(CliRunner().invoke, app, ["jpki", "status", "--counter", str(away)])
    assert "接続できません / no connection" in alone.output


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_the_service_runs_from_its_configuration_and_takes_up_who_may_ask(town: Certifying) -> None:
    listen, config = f"127.0.0.1:{free_port()}", town.folder / "jpki.toml"
    written = (
        f'listen = "{listen}"\ndatabase = "dsn"\ncertificate = "server/tls.crt"\nkey = "server/tls.key"\n'
        'authority = "ca.pem"\nkeys = "keys"\nunlock = "unlock"\nsettings = { algorithm = "p-256" }\n'
    )
    config.write_text(written, encoding="utf-8")
    counter = town.folder / "own.toml"
    text = (town.folder / f"{COUNTER}.toml").read_text("utf-8").replace(town.server, f"https://{listen}")
    counter.write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "nakadachi", "jpki", "serve", "--config", str(config),
        stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert b"jpki listens on" in await asyncio.wait_for(process.stdout.readline(), 60)
        asked = ["jpki", "status", "--counter", str(counter)]
        assert (await asyncio.to_thread(CliRunner().invoke, app, asked)).exit_code == 2
        config.write_text(f'counters = ["{COUNTER}"]\n' + written, encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        for _ in range(50):
            answer = await asyncio.to_thread(CliRunner().invoke, app, asked)
            if answer.exit_code == 0:
                break
            await asyncio.sleep(0.1)
        assert "署名用 / signature" in answer.output
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 20) == 0


def test_the_sample_configurations_name_every_key() -> None:
    service = CliRunner().invoke(app, ["jpki", "sample-config"]).output
    counter = CliRunner().invoke(app, ["jpki", "sample-config", "--counter"]).output
    assert all(word in service for word in ("[[verifiers]]", "counters", "registers", "[settings]", "rsa-2048"))
    assert all(word in counter for word in ("server", "certificate", "authority", "host"))
    assert Kind.SIGNATURE.japanese == "署名用"
