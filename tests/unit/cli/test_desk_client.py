from __future__ import annotations

import os
import socket

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from nakadachi.kit.tls import existing_host
from nakadachi.kit.web.door import problem
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import OrganisationCode

HERE = existing_host("desk", OrganisationCode("9901000000000003"))


def said(run):
    """The one message of a command that could not be done."""
    assert run.exit_code == 2, run.output
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    return run.stderr


def test_a_desk_must_be_named(nakadachi, monkeypatch):
    monkeypatch.delenv("NAKADACHI_DESK", raising=False)
    assert "--desk" in said(nakadachi("pending"))


def test_a_desks_configuration_with_a_mistyped_key_names_the_nearest(write_desk, nakadachi):
    desk = write_desk(autority="ca.crt")
    assert 'autority: unknown key; did you mean "authority"?' in said(nakadachi("pending", "--desk", desk))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"server": "http://127.0.0.1:1"}, "not https://address:port"),
        ({"server": "127.0.0.1:1"}, "not https://address:port"),
        ({"node": "core:9901000000000003"}, "no intermediate server"),
        ({"key": "none.key"}, "none.key: cannot be read (No such file or directory)"),
    ],
)
def test_what_a_desks_configuration_says_wrongly_is_told(changed, words, write_desk, nakadachi):
    assert words in said(nakadachi("pending", "--desk", write_desk(**changed)))


def test_a_key_that_is_not_the_certificates_is_told(write_desk, authority, nakadachi):
    _, another = authority.issue("another", HERE)
    assert "not a certificate, its key" in said(nakadachi("pending", "--desk", write_desk(key=another)))


def test_a_server_that_is_not_there_is_told(write_desk, nakadachi):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        desk = write_desk(server=f"https://127.0.0.1:{free.getsockname()[1]}")
        assert "cannot be reached" in said(nakadachi("pending", "--desk", desk))


def test_a_server_with_another_nodes_certificate_is_asked_nothing(write_desk, impostor, nakadachi):
    message = said(nakadachi("pending", "--desk", write_desk(server=impostor.url)))
    assert "shows a certificate that is not that of intermediate:9901000000000003" in message
    assert impostor.asked == []


def test_a_server_of_another_authority_is_asked_nothing(write_desk, strangers, door, nakadachi):
    message = said(nakadachi("pending", "--desk", write_desk(authority=strangers.file)))
    assert "check `server`, `node` and `authority`" in message
    assert door.asked == []


def test_a_desk_of_another_authority_is_told_that_its_certificate_is_not_accepted(
    write_desk, strangers, door, nakadachi, tmp_path
):
    certificate, key = strangers.issue("desk", HERE)
    desk = write_desk(certificate=certificate, key=key)
    assert f"does not accept {certificate}" in said(nakadachi("pending", "--desk", desk))
    (tmp_path / "people.csv").write_bytes(b"x" * 1_000_000)
    assert f"does not accept {certificate}" in said(nakadachi("link", tmp_path / "people.csv", "--desk", desk))
    assert door.asked == []


@pytest.mark.usefixtures("desk")
def test_a_desk_that_may_not_enter_is_told_before_its_file_is_sent(door, nakadachi, tmp_path):
    async def refuse(_request):
        return problem(Refusal(Reason.ROLE_NOT_ALLOWED))

    door.answer = refuse
    with (tmp_path / "people.csv").open("wb") as file:
        os.truncate(file.fileno(), 200_000_000)
    message = said(nakadachi("people", "load", tmp_path / "people.csv"))
    assert "does not admit this desk" in message
    assert Reason.ROLE_NOT_ALLOWED.japanese in message
    assert "named under `existing`" in message


@pytest.mark.usefixtures("desk")
def test_an_empty_file_is_sent_too(door, nakadachi, tmp_path):
    (tmp_path / "people.csv").touch()
    door.say(JSONResponse({"loaded": 0, "rejected": 0, "rejects": []}))
    assert nakadachi("people", "load", tmp_path / "people.csv").exit_code == 0


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize(
    ("response", "words"),
    [
        (PlainTextResponse("Internal Server Error", 500), "failed (status 500); its log says why"),
        (PlainTextResponse("Not Found", 404), "is it an intermediate server of the same version?"),
        (PlainTextResponse("hello"), "are both of the same version?"),
        (PlainTextResponse("[" * 100_000), "are both of the same version?"),
        (PlainTextResponse("[" * 100_000, 404), "is it an intermediate server of the same version?"),
        (PlainTextResponse(b"\xff\xfe"), "are both of the same version?"),
        (JSONResponse({"title": 1}, 302), "answered with status 302"),
        (problem(Refusal(Reason.TOO_LARGE)), Reason.TOO_LARGE.english),
    ],
)
def test_an_answer_that_is_none_is_told(response, words, door, nakadachi):
    door.say(response)
    assert words in said(nakadachi("pending"))


@pytest.mark.usefixtures("desk")
def test_an_answer_that_breaks_off_is_told(door, nakadachi):
    door.say(PlainTextResponse("[", headers={"content-length": "100"}))
    assert "broke" in said(nakadachi("pending"))
