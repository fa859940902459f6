"""A configuration is right in every key, or the program does not start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nakadachi.kit.config import ConfigError, _Reading, _table, describe, load
from nakadachi.terms import LinkCode, OrganisationCode


class Suite(Enum):
    DEFAULT = "default"
    STRICT = "strict"


@dataclass(frozen=True, slots=True)
class Listen:
    host: str = field(metadata={"doc": "The name to listen on.", "example": "localhost"})
    port: int = field(default=8443, metadata={"doc": "The port."})


@dataclass(frozen=True, slots=True)
class Peer:
    organisation: OrganisationCode = field(metadata={"doc": "組織コード", "example": "0000000000000001"})


@dataclass(frozen=True, slots=True)
class Sample:
    listen: Listen = field(metadata={"doc": "Where we listen."})
    key: Path = field(metadata={"doc": "The signing key."})
    hop: timedelta = field(default=timedelta(seconds=5), metadata={"doc": "One hop may take this long."})
    suite: Suite = Suite.DEFAULT
    strict: bool = False
    ratio: float = 0.5
    opened: date | None = None
    seen: datetime | None = None
    names: tuple[str, ...] = ("a", "b")
    peers: tuple[Peer, ...] = ()
    limits: dict[str, int] = field(default_factory=dict)
    spare: Listen | None = None
    others: dict[str, Peer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ratio > 1:
            raise ValueError("ratio is at most 1")


def read(tmp_path: Path, text: str) -> Sample:
    file = tmp_path / "sample.toml"
    file.write_text(text, encoding="utf-8")
    return load(file, Sample)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert str(tmp_path / "sample.toml") in str(caught.value)
    return str(caught.value)


SMALL = 'key = "keys/own.pem"\nlisten = { host = "localhost" }\n'


def test_what_is_not_given_has_its_default_and_paths_start_at_the_file(tmp_path):
    made = read(tmp_path, SMALL)
    assert made.listen == Listen("localhost", 8443)
    assert made.key == tmp_path / "keys/own.pem"
    assert (made.hop, made.suite, made.strict, made.spare) == (timedelta(seconds=5), Suite.DEFAULT, False, None)


def test_every_kind_of_value_is_read_as_its_own_type(tmp_path):
    made = read(
        tmp_path,
        """
        key = "/etc/own.pem"
        hop = 2.5
        suite = "strict"
        strict = true
        ratio = 1
        opened = 2026-04-01
        seen = 2026-04-01T12:00:00Z
        names = ["x"]
        limits = { inquiries = 3 }
        listen = { host = "localhost", port = 1 }
        spare = { host = "elsewhere" }
        [[peers]]
        organisation = "0000000000000001"
        [others.b]
        organisation = "0000000000000002"
        """,
    )
    assert made.key == Path("/etc/own.pem")
    assert (made.hop, made.suite, made.strict) == (timedelta(seconds=2.5), Suite.STRICT, True)
    assert made.ratio == 1.0
    assert isinstance(made.ratio, float)
    assert (made.opened, made.seen) == (date(2026, 4, 1), datetime(2026, 4, 1, 12, tzinfo=UTC))
    assert (made.names, made.limits) == (("x",), {"inquiries": 3})
    assert made.peers == (Peer(OrganisationCode("0000000000000001")),)
    assert made.others == {"b": Peer(OrganisationCode("0000000000000002"))}
    assert made.spare == Listen("elsewhere")


def test_an_unknown_key_is_refused_and_the_nearest_known_one_is_named(tmp_path):
    said = refused(tmp_path, SMALL + "strct = true\n")
    assert 'strct: unknown key; did you mean "strict"?' in said


def test_an_unknown_key_that_is_like_no_other_is_refused_with_the_known_ones(tmp_path):
    said = refused(tmp_path, SMALL + 'spare = { host = "x", zzz = 1 }\n')
    assert "spare.zzz: unknown key; known here: host, port" in said


def test_a_missing_key_is_told_with_what_it_is_for(tmp_path):
    said = refused(tmp_path, 'listen = { port = 1 }\nkey = "k"')
    assert "listen.host: missing; expected a text (The name to listen on.)" in said


def test_all_errors_of_a_file_are_told_at_once(tmp_path):
    said = refused(tmp_path, "strct = 1\nhop = true\npeers = [{ organisation = 5 }]\nlisten = 7\n")
    for line in (
        "strct: unknown key",
        "hop: expected a number of seconds, found true or false",
        "peers[0].organisation: expected OrganisationCode",
        "listen: expected a table, found a whole number",
        "key: missing; expected a path",
    ):
        assert line in said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("strict = 1", "strict: expected true or false, found a whole number"),
        ("listen = { host = 'x', port = true }", "listen.port: expected a whole number, found true or false"),
        ("listen = { host = 'x', port = '1' }", "listen.port: expected a whole number, found text"),
        ("suite = 'weak'", 'suite: expected one of "default", "strict", found text'),
        ("suite = ['weak']", "suite: expected one of"),
        ("hop = inf", "hop: expected a number of seconds"),
        ("hop = nan", "hop: expected a number of seconds"),
        ("names = 'a'", "names: expected a list, each item a text, found text"),
        ("names = ['a', 1]", "names[1]: expected a text, found a whole number"),
        ("limits = 1", "limits: expected a table, each value a whole number, found a whole number"),
        ("limits = { a = 'b' }", "limits.a: expected a whole number"),
        ("opened = 2026-04-01T12:00:00Z", "opened: expected a date such as 2026-04-01"),
        ("seen = 2026-04-01T12:00:00", "seen: expected a date and time with its zone, found a date or time without"),
        ("peers = [{ organisation = '12' }]", "peers[0].organisation: '12' is not a OrganisationCode"),
        ("others = { a = 1 }", "others.a: expected a table, found a whole number"),
        ("ratio = 2", "ratio is at most 1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_its_key_and_what_was_expected(tmp_path, line, told):
    key = line.partition(" ")[0]
    rest = "".join(one + "\n" for one in SMALL.splitlines() if not one.startswith(f"{key} "))
    assert told in refused(tmp_path, rest + line)


def test_an_empty_path_is_refused(tmp_path):
    assert "key: expected a path" in refused(tmp_path, 'key = ""\nlisten = { host = "x" }')


def test_a_value_in_the_wrong_place_is_not_repeated_in_the_error(tmp_path):
    assert "hunter2" not in refused(tmp_path, SMALL + 'strict = "hunter2"\nsuite = "hunter2"\nspare = "hunter2"')


def test_a_secret_code_is_not_repeated_in_the_error(tmp_path):
    @dataclass(frozen=True)
    class Secret:
        code: LinkCode

    globals()["Secret"] = Secret
    file = tmp_path / "sample.toml"
    file.write_text(f'code = "{"A" * 32}"')
    with pytest.raises(ConfigError) as caught:
        load(file, Secret)
    assert "AAAA" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: there is no such file"):
        load(tmp_path / "none.toml", Sample)


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, Sample)


def test_what_is_not_toml_is_told_with_its_line(tmp_path):
    assert "line 2" in refused(tmp_path, "strict = true\nstrict =\n")


def test_what_is_not_utf8_is_told(tmp_path):
    file = tmp_path / "sample.toml"
    file.write_bytes(b"key = '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(file, Sample)


def test_the_sample_names_every_key_with_its_meaning_and_can_be_loaded(tmp_path):
    sample = describe(Sample)
    for word in ("The port.", "# port = 8443", "[listen]", "# [[peers]]", "# [others.example]", "[spare]", "# hop = 5"):
        assert word in sample
    made = read(tmp_path, sample)
    assert made.listen == Listen("localhost")


def test_the_sample_is_right_too_with_every_comment_taken_as_a_value(tmp_path):
    marks = (
        "# hop",
        "# suite",
        "# strict",
        "# ratio",
        "# names",
        "# limits",
        "# [",
        "# organisation",
        "# host",
        "# # port",
    )
    lines = [line.removeprefix("# ") if line.startswith(marks) else line for line in describe(Sample).splitlines()]
    made = read(tmp_path, "\n".join(lines))
    assert made.spare == Listen("localhost")
    assert made.peers == (Peer(OrganisationCode("0000000000000001")),)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.dates() | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["host", "a"]), inner, max_size=2),
    max_leaves=5,
)
KEYS = st.sampled_from(["key", "hop", "listen", "suite", "opened", "names", "peers", "limits", "ratio", "zzz"])


@given(st.dictionaries(KEYS, VALUES))
def test_any_document_becomes_an_instance_or_a_list_of_what_is_wrong(document):
    reading = _Reading(Path("/etc"))
    made = _table(reading, "", document, Sample)
    assert isinstance(made, Sample) != bool(reading.problems)


@pytest.mark.parametrize("text", ["key = " + "9" * 5000, "key = " + "[" * 5000, "key = " + "{a=" * 5000])
def test_a_file_that_ends_the_reader_of_toml_is_named_like_any_other_that_is_none(tmp_path, text):
    assert "is not TOML" in refused(tmp_path, text)
