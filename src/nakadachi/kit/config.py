"""A TOML file becomes one frozen dataclass, or the program does not start. It knows no key: the dataclass names them.

Closed by default (style, rule 13): an unknown key is an error, since a mistyped one would otherwise be a default that
nobody chose. All errors of a file are told at once. Secrets are paths to files and never stand in the configuration.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from nakadachi.terms import Code

C = TypeVar("C")

_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path, as text (relative to this file)",
    timedelta: "a number of seconds",
    date: "a date such as 2026-04-01",
    datetime: "a date and time with its zone",
}
_FOUND = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a table"}
_WRONG = object()


class ConfigError(Exception):
    """A configuration that cannot be used; the text names the file, each key, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One reading of one file: where it lies, and what was found wrong so far."""

    folder: Path
    problems: list[str] = field(default_factory=list)

    def wrong(self, key: str, text: str) -> Any:
        self.problems.append(f"{key}: {text}" if key else text)
        return _WRONG


def load(path: Path, cls: type[C]) -> C:
    """The file at `path` as an instance of the dataclass `cls`. Raises ConfigError with every error of the file.

    Fields may be str, int, float, bool, Path (relative to the file), timedelta (given in seconds), date, datetime, an
    Enum (by value), a `terms.Code`, a nested dataclass, and tuple, list or dict of these; `| None` with a default
    makes one optional.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; name another, or write one from the sample") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in thousands of brackets
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    reading = _Reading(path.parent)
    made = _table(reading, "", document, cls)
    if reading.problems:
        lines = "\n  ".join(reading.problems)
        raise ConfigError(f"{path}: cannot be used:\n  {lines}\nCompare it with the sample, which names every key.")
    return made  # type: ignore[no-any-return]  # _table made a `cls`, or there were problems


def _table(reading: _Reading, key: str, value: object, cls: type) -> Any:
    if not isinstance(value, dict):
        return reading.wrong(key, f"expected a table, found {_found(value)}")
    hints = get_type_hints(cls)
    known = {one.name: one for one in fields(cls) if one.init}
    for name in sorted(value.keys() - known.keys()):
        near = difflib.get_close_matches(name, known, n=1)
        advice = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known) or 'nothing'}"
        reading.wrong(_join(key, name), f"unknown key; {advice}")
    given: dict[str, Any] = {}
    for name, one in known.items():
        if name in value:
            given[name] = _value(reading, _join(key, name), value[name], hints[name])
        elif _required(one):
            given[name] = reading.wrong(_join(key, name), f"missing; expected {_kind(hints[name])}{_about(one)}")
    if any(item is _WRONG for item in given.values()):
        return _WRONG
    try:
        return cls(**given)
    except ValueError as error:
        return reading.wrong(key, str(error))


def _value(reading: _Reading, key: str, value: object, hint: Any) -> Any:
    """`value` as `hint` asks, or `_WRONG` after noting why."""
    hint = _without_none(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {tuple, list}:
        if not isinstance(value, list):
            return reading.wrong(key, f"expected {_kind(hint)}, found {_found(value)}")
        items = [_value(reading, f"{key}[{place}]", item, arguments[0]) for place, item in enumerate(value)]
        return _WRONG if any(item is _WRONG for item in items) else origin(items)
    if origin in {dict, Mapping}:
        if not isinstance(value, dict):
            return reading.wrong(key, f"expected {_kind(hint)}, found {_found(value)}")
        named = {name: _value(reading, _join(key, name), item, arguments[1]) for name, item in value.items()}
        return _WRONG if any(item is _WRONG for item in named.values()) else named
    if is_dataclass(hint):
        return _table(reading, key, value, hint)  # type: ignore[arg-type]  # a class, not an instance
    return _scalar(reading, key, value, hint)


def _scalar(reading: _Reading, key: str, value: object, hint: type) -> Any:
    mismatch = f"expected {_kind(hint)}, found {_found(value)}"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        if issubclass(hint, Enum):
            return hint(value)
        if issubclass(hint, Code) and isinstance(value, str):
            return hint(value)
        if hint is timedelta and number:
            return timedelta(seconds=value)  # type: ignore[arg-type]  # it is a number
    except (ValueError, OverflowError) as error:
        return reading.wrong(key, str(error) if issubclass(hint, Code) else mismatch)
    if hint is Path and isinstance(value, str) and value:
        return reading.folder / value
    if hint is float and number:
        return float(value)  # type: ignore[arg-type]  # it is a number
    if hint is datetime and isinstance(value, datetime) and value.tzinfo is None:
        return reading.wrong(key, f"{mismatch} without a zone")
    return value if hint is not Path and type(value) is hint else reading.wrong(key, mismatch)


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in {types.UnionType, Union}:
        return next(one for one in get_args(hint) if one is not types.NoneType)
    return hint


def _required(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _about(one: Field[Any]) -> str:
    doc = one.metadata.get("doc")
    return f" ({doc})" if doc else ""


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _found(value: object) -> str:
    """What kind of thing stands there; never the thing itself, which may be a secret in the wrong place."""
    return _FOUND.get(type(value), "a date or time")


def _kind(hint: Any) -> str:
    hint = _without_none(hint)
    arguments = get_args(hint)
    if get_origin(hint) in {tuple, list}:
        return f"a list, each item {_kind(arguments[0])}"
    if get_origin(hint) in {dict, Mapping}:
        return f"a table, each value {_kind(arguments[1])}"
    if is_dataclass(hint):
        return "a table"
    if issubclass(hint, Enum):
        return "one of " + ", ".join(json.dumps(one.value, ensure_ascii=False) for one in hint)
    if issubclass(hint, Code):
        return f"{hint.__name__} ({hint.SHAPE.pattern})"
    return _KINDS[hint]


def describe(cls: type) -> str:
    """A sample file for the dataclass `cls`: every key with its meaning, its kind and its default, in TOML.

    The meaning is the field's `metadata["doc"]`; a required key shows `metadata["example"]` where it has one. What has
    a default is commented out.
    """
    return "\n".join(_describe(cls, "")).strip() + "\n"


def _describe(cls: type, header: str) -> list[str]:
    hints = get_type_hints(cls)
    lines: list[str] = []
    tables: list[str] = []
    for one in fields(cls):
        if not one.init:
            continue
        hint = _without_none(hints[one.name])
        inner, form = _inner(hint, _join(header, one.name))
        doc = [f"# {line}" for line in str(one.metadata.get("doc", "")).splitlines()]
        if inner:
            optional = "" if _required(one) else "# "
            tables += [
                "",
                *doc,
                f"{optional}{form}",
                *(f"{optional}{line}" for line in _describe(inner, form.strip("[]"))),
            ]
        else:
            lines += [*doc, f"# {_kind(hint)}{'; required' if _required(one) else ''}", _sample(one, hint), ""]
    return [*lines[:-1], *tables]


def _inner(hint: Any, name: str) -> tuple[type | None, str]:
    """The dataclass that a table of this field describes, and the TOML header of it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        return hint, f"[{name}]"  # type: ignore[return-value]  # a class, not an instance
    if origin in {tuple, list} and is_dataclass(arguments[0]):
        return arguments[0], f"[[{name}]]"  # type: ignore[return-value]  # a class, not an instance
    if origin in {dict, Mapping} and is_dataclass(arguments[1]):
        return arguments[1], f"[{name}.example]"  # type: ignore[return-value]  # a class, not an instance
    return None, ""


def _sample(one: Field[Any], hint: Any) -> str:
    if _required(one):
        return f"{one.name} = {_toml(one.metadata.get('example', _EXAMPLES.get(hint, '…')))}"
    default = one.default_factory() if one.default_factory is not MISSING else one.default
    if default is None:
        return f"# {one.name} = (not set)"
    return f"# {one.name} = {_toml(default)}"


_EXAMPLES: dict[Any, object] = {int: 0, float: 0.0, bool: False, Path: "path/to/file", timedelta: timedelta(seconds=5)}


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return _toml(value.value)
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {_toml(item)}' for name, item in value.items())} }}"
    return json.dumps(str(value), ensure_ascii=False)
