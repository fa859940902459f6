"""How data of the law is read: TOML texts to entries, every problem told with its file and mend; it knows no table."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

import msgspec

from nakadachi.terms import Code

T = TypeVar("T", bound=msgspec.Struct)
Words = Annotated[str, msgspec.Meta(pattern=r"^(?!.*[\x00-\x1f\x7f])\S.*\S\Z")]
"""A text that says something: two characters or more, no space at either end, no control character."""


class LawError(ValueError):
    """法令データの誤り: everything that is wrong with law data, one sentence with its mend per problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))


def problem(file: str, entry: str, wrong: str, mend: str) -> str:
    """One problem of law data: the file, the entry in it, what is wrong, and how to mend it."""
    return f"{file}, {entry}: {wrong}. Mend: {mend}."


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of law data; `sample` marks an invented one."""

    sample: bool = False


class Edition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """版: the version text of one body of law data and the day it takes effect."""

    version: Words
    effective: date


def read_edition(folder: str, texts: Mapping[str, str], problems: list[str]) -> Edition | None:
    """The edition in a folder's `version.toml`; what is wrong is added to `problems`."""
    file = f"{folder}/version.toml"
    content = read_toml(file, texts.get("version.toml"), problems)
    return read_entry(Edition, content, (file, "edition"), problems) if content else None


def read_toml(file: str, text: str | None, problems: list[str]) -> dict[str, Any]:
    """A TOML text as a dict; empty, and the reason in `problems`, where there is none or it is not TOML."""
    if not text or not text.strip():
        problems.append(problem(file, "whole file", "it is missing or empty", "write it"))
        return {}
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:  # a number of thousands of digits, brackets in thousands of brackets
        problems.append(problem(file, "whole file", f"not TOML: {wrong}", "correct that line"))
        return {}


def read_entries(
    file: str, content: Mapping[str, Any], wanted: tuple[str, type[T]], problems: list[str]
) -> tuple[T, ...]:
    """The entries of `[[table]]` in a file that holds no other table; the broken ones left out and reported."""
    table, kind = wanted
    mend = f"write [[{table}]] entries only"
    problems += [problem(file, other, "it does not belong here", mend) for other in sorted(content.keys() - {table})]
    raws = content.get(table)
    if not isinstance(raws, list) or not raws:
        problems.append(problem(file, table, "there is no entry", f"write [[{table}]] entries"))
        return ()
    read = (read_entry(kind, raw, (file, f"{table} {n}"), problems) for n, raw in enumerate(raws, start=1))
    return tuple(each for each in read if each is not None)


def read_entry(kind: type[T], raw: object, at: tuple[str, str], problems: list[str]) -> T | None:
    """One entry, each field on its own so that every wrong one is reported; None where any is wrong."""
    if not isinstance(raw, dict):
        problems.append(problem(*at, "it is not a table", "write its fields as key = value"))
        return None
    fields = {each.encode_name: each for each in msgspec.structs.fields(kind)}
    before, values = len(problems), {}
    for name in sorted(raw.keys() - fields.keys()):
        mend = f"take it out or spell it as one of {', '.join(sorted(fields))}"
        problems.append(problem(*at, f"the field `{name}` is not known", mend))
    for name, each in fields.items():
        if name not in raw:
            if each.required:
                problems.append(problem(*at, f"the field `{name}` is missing", f"add `{name} = …`"))
            continue
        try:
            values[each.name] = msgspec.convert(raw[name], each.type, dec_hook=read_code)
        except msgspec.ValidationError as wrong:
            problems.append(problem(*at, f"the field `{name}` does not read: {wrong}", "correct the value"))
    return kind(**values) if len(problems) == before else None


def write_code(value: object) -> str:
    """A code as JSON text; msgspec's hook. Raises NotImplementedError for anything else."""
    if isinstance(value, Code):
        return value.value
    msg = f"{type(value).__name__} is not a word of the law"
    raise NotImplementedError(msg)


def read_code(kind: type, value: object) -> Any:
    """A code from text; msgspec's hook. Raises ValueError where it has not the shape."""
    if issubclass(kind, Code) and isinstance(value, str):
        return kind(value)
    msg = f"expected {kind.__name__} as text"
    raise ValueError(msg)
