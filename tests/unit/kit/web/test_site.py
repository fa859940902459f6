"""What all pages have in common: closed, logged before they are shown, deaf to other sites, with the headers of all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nakadachi.kit.web.render import POLICY
from nakadachi.kit.web.text import Language
from tests.unit.kit.web.asked import LETTERS, ORIGIN, asked


@pytest.fixture
async def desk(tenant_dsn, tmp_path):
    async with asked(tenant_dsn, tmp_path) as one:
        yield one


async def test_a_page_that_names_nobody_is_refused_when_the_system_starts(tenant_dsn, tmp_path):
    nobody = replace(LETTERS, name="open", path="/open", seen_by=frozenset())
    with pytest.raises(ValueError, match="without seen_by"):
        async with asked(tenant_dsn, tmp_path, nobody):
            pass


async def test_who_is_not_in_sees_the_login_and_comes_back_afterwards(desk):
    answer = await desk.get("/letters?q=1")
    assert (answer.status, answer.header("location")) == (303, "/login?to=/letters%3Fq%3D1")
    assert desk.drawer.secret not in answer.body


async def test_another_role_sees_nothing_and_the_attempt_is_kept(desk):
    await desk.come_in("mori", "keeper")
    answer = await desk.get("/letters")
    assert answer.status == 403
    assert desk.drawer.secret not in answer.body
    assert await desk.log() == [("mori", "denied", "letters", "")]


async def test_what_is_seen_is_in_the_log_before_it_is_shown(desk):
    await desk.come_in("hara", "reader")
    answer = await desk.get("/letters?q=%3Cb%3E")
    assert desk.drawer.secret in answer.body
    assert "&lt;b&gt;" in answer.body
    assert await desk.log() == [("hara", "view", "letters", "letter 7")]


async def test_where_the_log_cannot_be_kept_nothing_is_shown(desk):
    await desk.come_in("hara", "reader")
    async with desk.people.database.acquire() as connection:
        await connection.execute("ALTER TABLE page_operation ADD CONSTRAINT full_disk CHECK (number < 0) NOT VALID")
    for path in ("/letters", "/letters.csv"):
        answer = await desk.get(path)
        assert answer.status == 500
        assert desk.drawer.secret not in answer.body
        assert "plain" not in answer.body


async def test_a_part_that_renews_itself_is_not_logged_and_keeps_nobody_in(desk):
    await desk.come_in("hara", "reader")
    for _ in range(4):
        desk.clock.advance(timedelta(minutes=8))
        last = await desk.get("/letters/live")
    assert last.status == 401
    assert last.header("hx-refresh") == "true"
    assert await desk.log() == []


async def test_a_list_as_a_file_is_logged_with_its_length_and_runs_no_formula(desk):
    await desk.come_in("hara", "reader")
    answer = await desk.get("/letters.csv")
    assert answer.header("content-disposition") == 'attachment; filename="letters.csv"'
    assert answer.body == "\ufeff題\r\n'=1+1\r\nplain\r\n"
    assert await desk.log() == [("hara", "export", "letters", "2 rows")]


@pytest.mark.parametrize(
    "path", ["/letters", "/login", "/nothing", "/letters.csv", "/static/pages.css", "/static/none"]
)
async def test_every_answer_carries_the_headers_of_all(desk, path):
    await desk.come_in("hara", "reader")
    answer = await desk.get(path)
    assert answer.header("content-security-policy") == POLICY
    assert "unsafe" not in POLICY
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "same-origin"
    assert ("immutable" in answer.header("cache-control")) == (answer.header("content-type").startswith("text/css"))
    assert answer.header("strict-transport-security") == ""


async def test_cookies_are_for_this_host_alone_and_no_script_reads_them(desk):
    answer = await desk.get("/login")
    line = answer.header("set-cookie")
    assert line.startswith("__Host-drawer=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in line.split(";")}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "http://localhost:7481"},
        {"origin": "https://elsewhere.example", "sec_fetch_site": "same-origin"},
    ],
)
async def test_a_form_that_another_site_sends_does_nothing(desk, headers):
    await desk.come_in("hara", "reader")
    token = (await desk.get("/letters")).token
    answer = await desk.post("/letters/note", {"how": "done", "csrf": token}, **headers)
    assert answer.status == 403
    assert [row[1] for row in await desk.log()] == ["view"]


@pytest.mark.parametrize("token", ["", "x", "A" * 43])
async def test_a_form_without_this_browsers_token_does_nothing(desk, token):
    await desk.come_in("hara", "reader")
    assert (await desk.post("/letters/note", {"how": "done", "csrf": token})).status == 403


async def test_another_browsers_token_does_nothing(desk):
    await desk.come_in("mori", "reader")
    foreign = (await desk.get("/letters")).token
    await desk.come_in("hara", "reader")
    assert (await desk.post("/letters/note", {"how": "done", "csrf": foreign})).status == 403


async def test_an_act_and_its_row_are_kept_together_or_not_at_all(desk):
    await desk.come_in("hara", "reader")
    token = (await desk.get("/letters")).token
    done = await desk.post("/letters/note", {"how": "done", "csrf": token})
    assert (done.status, done.header("location")) == (303, "/letters?told=letters.note")
    assert "記しました" in (await desk.get(done.header("location"))).body
    refused = await desk.post("/letters/note", {"how": "refused", "csrf": token})
    assert refused.status == 422
    assert "できません" in refused.body
    assert (await desk.post("/letters/note", {"how": "invalid", "csrf": token})).status == 422
    async with desk.people.database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM page_key ORDER BY id")
    assert [bytes(row["id"]) for row in rows] == [b"done", b"refused"]
    acts = [row for row in await desk.log() if row[1] == "act"]
    assert acts == [("hara", "act", "letters/note", "noted"), ("hara", "act", "letters/note", "tried")]


async def test_a_form_to_be_mended_shows_nothing_that_is_not_in_the_log(desk):
    await desk.come_in("hara", "reader")
    token = (await desk.get("/letters")).token
    answer = await desk.post("/letters/note", {"how": "invalid", "csrf": token})
    assert desk.drawer.secret in answer.body
    assert await desk.log() == [("hara", "view", "letters", "letter 7")] * 2


async def test_a_name_that_is_bent_to_this_machine_shows_nothing(desk):
    await desk.come_in("hara", "reader")
    answer = await desk.get("/letters", host="evil.example:7480")
    assert answer.status == 421
    assert ORIGIN in answer.body
    assert desk.drawer.secret not in answer.body


async def test_a_word_that_a_template_lacks_is_a_fault_and_no_empty_place(desk):
    await desk.come_in("hara", "reader")
    desk.drawer.template = "wants.html"
    answer = await desk.get("/letters")
    assert answer.status == 500
    assert "lacking" not in answer.body


async def test_the_language_is_japanese_until_somebody_switches_and_then_stays(desk):
    await desk.come_in("hara", "reader")
    first = await desk.get("/letters?q=1")
    assert '<html lang="ja">' in first.body
    to = {"language": "en", "back": "/letters?q=1", "csrf": first.token}
    switched = await desk.post("/language", to)
    assert switched.header("location") == "/letters?q=1"
    assert '<html lang="en">' in (await desk.get("/letters")).body
    away = await desk.post("/language", to | {"back": "//evil.example/", "language": Language.JAPANESE.value})
    assert away.header("location") == "/"


async def test_only_words_of_our_own_are_said_after_a_step(desk):
    answer = await desk.get("/login?told=%3Cscript%3E")
    assert "script&gt;" not in answer.body
    assert "ログアウトしました" in (await desk.get("/login?told=out")).body


async def test_what_is_too_large_or_no_form_is_refused(desk):
    await desk.come_in("hara", "reader")
    token = (await desk.get("/letters")).token
    assert (await desk.post("/letters/note", {"how": "x" * 70_000, "csrf": token})).status == 400
    twice = f"csrf={token}&how=done&how=done".encode()
    own = {"sec_fetch_site": "same-origin", "origin": ORIGIN}
    assert (await desk.ask("POST", "/letters/note", twice, **own)).status == 500
    assert (await desk.ask("POST", "/letters/note", b"\xff\xfe", **own)).status == 400
    assert (await desk.post("/letters/note", {"how": "\0", "csrf": token})).status == 400
    assert (await desk.get("/operations?name=%00")).status == 403
    assert (await desk.get("/letters?q=%00&q=%FF")).status == 200
