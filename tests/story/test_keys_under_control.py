"""A country whose core keeps its keys in an HSM, its ID key under two officers; and the end of a month's key."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from nakadachi.cli import app
from nakadachi.country.founding import CONFIG
from nakadachi.country.plan import Plan
from nakadachi.kit.key_error import KeyStoreError
from nakadachi.kit.key_journal import Act, Outcome, verify
from nakadachi.kit.keystore import MonthDestroyedError
from nakadachi.kit.postgres import PostgresServer
from nakadachi.refusal import Reason
from nakadachi.telegrams.permit import PermitGranted
from nakadachi.terms import NodeName, Role, japan_day
from tests.hsm import PIN, module, new_token
from tests.invented import TSUBAKI
from tests.story.people import EVERYBODY, HANA, TARO, settle
from tests.story.play import Play, good
from tests.story.test_a_held_inquiry import decide, held_at_aoba
from tests.world import Land, a_country, reason_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


def command(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"NAKADACHI_OPERATOR": "operator 7"})


async def keys(land: Land, role: Role, act: str, *words: object) -> Result:
    """`nakadachi keys …` for a system that runs here, in a thread: the command may bring its own loop."""
    config = folder_of(land, land.plan.of(role, TSUBAKI if role is Role.INTERMEDIATE else None).name) / CONFIG
    return await asyncio.to_thread(command, "keys", act, "--config", config, *words)


def folder_of(land: Land, name: NodeName) -> Path:
    return land.country.folder / land.plan.place(name).folder


def into_a_token(country: Path, plan: Plan) -> None:
    """What an operator and three officers do: a token, the officers' devices, the keys taken in, the files gone."""
    core = country / plan.of(Role.CORE).folder
    token = new_token(core)
    for number in (1, 2, 3):
        made = command("keys", "new-officer", "--to", core / f"device-{number}", "--name", f"officer-{number}")
        assert made.exit_code == 0, made.output
    (core / "keys").rename(core / "former")
    (core / "keys").mkdir(mode=0o700)
    with (core / CONFIG).open("a") as file:
        file.write(
            f'\n[node.key_store]\nkind = "pkcs11"\nmodule = "{token.module}"\ntoken = "{token.token}"\npin = "pin"\n'
            'officers = ["device-1", "device-2", "device-3"]\n'
        )
    words = ["keys", "import", "--config", core / CONFIG, "--from", core / "former", "--unlock", core / "unlock"]
    for _ in range(2):  # the second time there is nothing left to do
        done = command(*words)
        assert done.exit_code == 0, done.output
    shutil.rmtree(core / "former")
    (core / "unlock").unlink()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded(postgres: PostgresServer, open_directory: Path) -> AsyncIterator[Land]:
    """The country with its core in a token; everybody was registered and linked under it."""
    module()
    async with a_country(postgres, open_directory, EVERYBODY) as land:
        core = land.name(Role.CORE)
        await land.country.stop_one(core)
        await asyncio.to_thread(into_a_token, land.country.folder, land.plan)
        await (await land.country.start_one(land.plan.place(core), land.world)).announce()
        await settle(land)
        yield land
        log = land.log.getvalue().decode()
        assert "Traceback" not in log
        assert "telegram.failed" not in log
        assert PIN not in log


async def test_a_core_on_a_token_issues_codes_and_permits(guarded: Land) -> None:
    told = await guarded.ask(HANA.at(TSUBAKI))
    good(told)
    core = guarded.service(guarded.name(Role.CORE)).node.keys
    for name in ("signing", "id-key"):
        with pytest.raises(KeyStoreError):
            core.secret(name) if name == "signing" else core.signer(name)
    listed = await keys(guarded, Role.CORE, "list")
    assert listed.exit_code == 0, listed.output
    assert "inside the token" in _line(listed.stdout, "signing")
    assert "sealed by the token, two officers" in _line(listed.stdout, "id-key")
    assert "sealed by the token" in _line(listed.stdout, "link-master")


def _line(text: str, key: str) -> str:
    return next(line for line in text.splitlines() if line.split()[:1] == [key])


async def test_every_key_is_tested_and_with_one_officer_the_id_key_is_not(guarded: Land) -> None:
    whole = await keys(guarded, Role.CORE, "test")
    assert (whole.exit_code, "wrong" in whole.stdout) == (0, False), whole.output
    core = folder_of(guarded, guarded.name(Role.CORE))
    for pair in ((1, 2), (1, 3), (2, 3)):
        words = [word for number in pair for word in ("--officer", core / f"device-{number}")]
        assert (await keys(guarded, Role.CORE, "test", *words)).exit_code == 0
    alone = await keys(guarded, Role.CORE, "test", "--officer", core / "device-3")
    assert alone.exit_code == 1
    assert "wrong id-key: id-key: is under the control of two of officer-1, officer-2, officer-3" in alone.stdout


async def test_the_core_starts_with_two_officers_and_not_with_one(guarded: Land) -> None:
    name = guarded.name(Role.CORE)
    config = folder_of(guarded, name) / CONFIG
    text = config.read_text()
    await guarded.country.stop_one(name)
    for officers, said in (
        ('["device-1"]', "present: officer-1. node.key_store.officers names"),
        ('["device-1", "gone"]', "gone: the officer's secret cannot be read"),
        ("[]", "present: nobody"),
    ):
        config.write_text(text.replace('["device-1", "device-2", "device-3"]', officers))
        with pytest.raises(KeyStoreError, match=said):
            await guarded.country.start_one(guarded.plan.place(name), guarded.world)
    config.write_text(text.replace('["device-1", "device-2", "device-3"]', '["device-3", "device-1"]'))
    await (await guarded.country.start_one(guarded.plan.place(name), guarded.world)).announce()
    await guarded.quiet()
    good(await guarded.ask(HANA.at(TSUBAKI)))
    failed = [one for one in verify(config.parent / "keys").entries if one.outcome is Outcome.FAILED]
    assert {(one.act, one.key) for one in failed} >= {(Act.USE, "id-key"), (Act.OPEN, "*")}


async def test_an_officer_is_changed_while_the_core_runs(guarded: Land) -> None:
    core = folder_of(guarded, guarded.name(Role.CORE))
    command("keys", "new-officer", "--to", core / "device-4", "--name", "officer-4")
    words = ["--gone", "officer-2", "--new", core / "device-4"]
    present = ["--officer", core / "device-1", "--officer", core / "device-3"]
    done = await keys(guarded, Role.CORE, "change-officer", *words, *present)
    assert done.exit_code == 0, done.output
    gone = await keys(guarded, Role.CORE, "test", "--officer", core / "device-1", "--officer", core / "device-2")
    assert gone.exit_code == 1
    new = await keys(guarded, Role.CORE, "test", "--officer", core / "device-1", "--officer", core / "device-4")
    assert new.exit_code == 0, new.output
    good(await guarded.ask(HANA.at(TSUBAKI)))


async def test_a_destroyed_month_opens_no_more_and_everything_else_goes_on(guarded: Land) -> None:
    play, name = Play(guarded), guarded.name(Role.CORE)
    month = f"{japan_day(guarded.clock.now()):%Y-%m}"
    told = await guarded.ask(HANA.at(TSUBAKI))
    serial, code = await play.serial(), await play.code(TSUBAKI)
    await play.check_prefix(serial)
    request = play.request_permit(serial, code).envelope
    (granted,) = await guarded.hand(play.server, play.interface, request)
    assert isinstance(granted.header, PermitGranted)
    permitted = await play.permitted()
    await guarded.quiet(cosigned=True)
    key = guarded.service(name).node.keys
    key.months(month)
    before = await guarded.state(name)

    await _destroyed_at_last(guarded, month, len(before["exchange"]))
    with pytest.raises(MonthDestroyedError):
        key.months(month)
    # An exchange of that month that is under way is refused, with a reason; nothing fails.
    (answer,) = await guarded.hand(play.server, play.interface, play.inquire(permitted).envelope)
    await guarded.quiet()
    assert reason_of(answer) is Reason.CANCELLED
    (again,) = await guarded.hand(play.server, play.interface, request)
    assert isinstance(again.header, PermitGranted)
    assert [one.refused for one in again.header.outcomes] == [Reason.CANCELLED]
    # What was kept stays kept; results, lists and the log are as they were.
    after = await guarded.state(name)
    assert set(before["exchange"]) <= set(after["exchange"])
    assert set(before["record"]) <= set(after["record"])
    assert told.serial is not None
    assert await guarded.read(told.serial) == told
    assert (await guarded.status(name))["log_size"] >= len(before["exchange"])
    # The next exchange makes the month a new key, and what the former one wrapped stays closed.
    good(await guarded.ask(HANA.at(TSUBAKI)))
    assert key.months(month).name == month
    await _none_of_these_opens(guarded, key, month, before["exchange"])
    listed = await keys(guarded, Role.CORE, "log")
    assert (listed.exit_code, "verified" in listed.stdout) == (0, True), listed.output
    entry = next(one for one in verify(folder_of(guarded, name) / "keys").entries if one.act is Act.DESTROY)
    assert (entry.key, entry.who, entry.note) == (f"month-{month}", "operator 7", "forced: a trial")


async def _destroyed_at_last(land: Land, month: str, exchanges: int) -> None:
    # Too early without a reason; a mistyped month destroys nothing.
    early = await keys(land, Role.CORE, "destroy", "--month", month)
    assert early.exit_code == 2
    assert "is to be kept until" in early.stderr
    words = ["destroy", "--month", month, "--force", "a trial"]
    assert (await keys(land, Role.CORE, *words, "--confirm", "2019-03")).exit_code == 2
    counted = await keys(land, Role.CORE, "months", "--count")
    assert _line(counted.stdout, month).split()[-1] == str(exchanges), counted.output

    done = await keys(land, Role.CORE, *words, "--confirm", month)
    assert done.exit_code == 0, done.output


async def _none_of_these_opens(land: Land, key: Any, month: str, exchanges: list[str]) -> None:
    rows = await land.rows(land.name(Role.CORE), "SELECT serial, secrets FROM exchange WHERE month = $1", month)
    opened = 0
    for row in rows:
        try:
            key.months(month).unwrap(bytes(row["secrets"]), row["serial"])
            opened += 1
        except KeyStoreError:
            continue
    assert len(rows) - opened >= len(exchanges)


async def test_an_inquirer_who_destroyed_the_month_is_told_that_its_answer_cannot_be_opened(guarded: Land) -> None:
    """At an intermediate server the month wraps the one-time keys of inquiries that wait for their answer."""
    month = f"{japan_day(guarded.clock.now()):%Y-%m}"
    serial = await held_at_aoba(guarded)
    done = await keys(guarded, Role.INTERMEDIATE, "destroy", "--month", month, "--force", "a trial", "--confirm", month)
    assert done.exit_code == 0, done.output
    assert "copies of this key store's folder" in done.stdout
    await decide(guarded, serial, "answer")
    told = await guarded.read(serial)
    assert (told.status, told.reason, told.items) == ("refused", "CANCELLED", {})
    good(await guarded.ask(HANA.at(TSUBAKI)))
    assert (await guarded.ask(TARO.at(TSUBAKI))).status == "pending"


async def test_no_row_of_the_core_holds_a_key(guarded: Land) -> None:
    """So no backup of its database does: what lies in the key store is in no dump."""
    name = guarded.name(Role.CORE)
    store = guarded.service(name).node.keys
    month = f"{japan_day(guarded.clock.now()):%Y-%m}"
    text = "\n".join(line for rows in (await guarded.state(name)).values() for line in rows)
    for key in (f"month-{month}", "link-master", "person-tag", "oversight-tag", "log"):
        assert store.secret(key).hex() not in text, key


async def test_a_configuration_that_names_no_token_is_refused(guarded: Land, tmp_path: Path) -> None:
    config = folder_of(guarded, guarded.name(Role.CORE)) / CONFIG
    broken = tmp_path / "core.toml"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("pin =")]
    broken.write_text("\n".join(lines))
    refused = await asyncio.to_thread(command, "keys", "list", "--config", broken)
    assert refused.exit_code == 2
    assert 'node.key_store: kind = "pkcs11" needs module, token and pin' in refused.stderr
