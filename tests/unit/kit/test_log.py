"""Logs have closed fields, and an exception never brings a value with it."""

import ast
import json
import sys
from pathlib import Path

import asyncpg
import pytest
import structlog

import nakadachi
from nakadachi.kit import log
from nakadachi.refusal import Reason, Refusal
from nakadachi.terms import LinkCode, NodeName

SOURCE = Path(nakadachi.__file__).parent
METHODS = {"debug", "info", "warning", "error", "exception", "critical"}


@pytest.fixture
def lines(capfdbinary):
    """Configures a level; the events logged since then."""
    before = structlog.get_config()
    structlog.reset_defaults()

    def said():
        sys.stderr.buffer.flush()
        return [json.loads(line) for line in capfdbinary.readouterr().err.splitlines()]

    yield said
    structlog.configure(**before)


def test_an_event_is_one_line_of_json_with_level_and_time(lines):
    log.configure("info")
    log.logger().info("telegram.refused", node="core:9910000000000001", reason=Reason.NOT_IN_TABLE, count=3)
    (event,) = lines()
    assert (event["event"], event["level"], event["reason"], event["count"]) == (
        "telegram.refused",
        "info",
        "NOT_IN_TABLE",
        3,
    )
    assert event["timestamp"].endswith("Z")


def test_below_the_level_nothing_is_said(lines):
    log.configure("warning")
    log.logger().info("telegram.refused")
    assert lines() == []


def test_a_field_outside_the_closed_list_stops_whoever_writes_it(lines):
    log.configure()
    with pytest.raises(ValueError, match="name_of_person"):
        log.logger().warning("event", name_of_person="x")
    assert lines() == []


def test_a_word_of_ours_is_written_and_a_secret_one_is_not(lines):
    log.configure()
    log.logger().warning("event", node=NodeName("core:9910000000000001"), detail=LinkCode.of_bytes(bytes(19)))
    (event,) = lines()
    assert (event["node"], event["detail"]) == ("core:9910000000000001", "…")


def test_an_exception_is_told_without_the_values_around_it(lines):
    log.configure()
    secret = "SECRET-" + "VALUE"
    try:
        raise ValueError(secret)
    except ValueError:
        log.logger().exception("failed")
    (event,) = lines()
    assert secret not in json.dumps(event)
    assert event["exception"][0]["class"] == "builtins.ValueError"
    assert "test_an_exception_is_told" in event["exception"][0]["passed"][-1]


def test_what_led_to_an_exception_is_told_too_and_our_own_words_are(lines):
    log.configure()
    try:
        try:
            raise KeyError("SECRET")
        except KeyError as wrong:
            raise Refusal(Reason.BAD_FORMAT, "header: not the canonical text") from wrong
    except Refusal as refusal:
        log.logger().error("failed", exc_info=refusal)
    (event,) = lines()
    ours, theirs = event["exception"]
    assert (ours["class"], ours["says"]) == ("nakadachi.refusal.Refusal", "BAD_FORMAT: header: not the canonical text")
    assert (theirs["class"], "says" in theirs) == ("builtins.KeyError", False)


def test_what_was_put_aside_is_not_told(lines):
    log.configure()
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise Refusal(Reason.INTERNAL) from None
    except Refusal:
        log.logger().exception("failed")
    (event,) = lines()
    assert len(event["exception"]) == 1


def test_an_event_without_an_exception_has_none(lines):
    log.configure()
    log.logger().error("failed", exc_info=True)
    log.logger().error("failed", exc_info=None)
    assert ["exception" in event for event in lines()] == [False, False]


async def test_a_database_error_names_the_constraint_and_never_the_row(lines, tenant_dsn):
    log.configure()
    connection = await asyncpg.connect(tenant_dsn)
    try:
        await connection.execute("CREATE TABLE person (addressee text CONSTRAINT one_each PRIMARY KEY)")
        await connection.execute("INSERT INTO person VALUES ('900001')")
        try:
            await connection.execute("INSERT INTO person VALUES ('900001')")
        except asyncpg.UniqueViolationError as wrong:
            assert "900001" in str(wrong)  # noqa: PT017  that is why the text is not logged
            log.logger().exception("failed")
    finally:
        await connection.close()
    (event,) = lines()
    assert "900001" not in json.dumps(event)
    told = event["exception"][0]
    assert (told["sqlstate"], told["table_name"], told["constraint_name"]) == ("23505", "person", "one_each")


def test_every_event_in_the_source_has_fields_of_the_list_only():
    seen = 0
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS):
                continue
            if ast.unparse(node.func.value) != "logger()":
                continue
            seen += 1
            stray = {given.arg for given in node.keywords} - log.FIELDS - {"exc_info"}
            assert not stray, f"{path.name}:{node.lineno}: {stray}"
    assert seen > 5
