"""What a target is: one parser of outside bytes, and the rule that any bytes become a valid object or a known error.

`judge` runs a target on one input and raises `Finding` where the rule is broken: another error than the documented
one, an object that is not written back as it was read, a value no database can keep, or an error that tells a secret.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from nakadachi.refusal import Refusal
from nakadachi.terms import JAPAN, Code

LARGEST = 16 * 1024
"""Bytes of an input, unless a target says otherwise: the first kilobytes decide how a parser behaves."""
WHOLE_64 = 2**63
_ROOT = Path(__file__).parent.parent
_VARIABLE = re.compile(r"[0-9]+|'[^']*'|\"[^\"]*\"")


class Form(Enum):
    """How inputs of a target look, so that a mutation keeps enough of it to get past the first check."""

    BYTES = "bytes"
    JSON = "json"
    TEXT = "text"
    TABLE = "table"


class Wrong(Exception):  # noqa: N818  what a target found, told by `judge`
    """The rule is broken though no error was raised; the text says how."""


class Finding(Exception):  # noqa: N818  a result of fuzzing
    """One input that breaks the rule of its target. `key` names the fault, so that one fault is told once."""

    def __init__(self, target: str, key: str, text: str) -> None:
        super().__init__(text)
        self.target, self.key, self.text = target, key, text


@dataclass(frozen=True, slots=True)
class Target:
    """One parser under fuzzing.

    `run` takes any bytes and gives a word on what they became; `errors` are those it may raise. `covers` are the
    functions it reaches, as `module:function` below `nakadachi`. `seeds` makes its corpus by the real encoders.
    """

    name: str
    run: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    form: Form
    covers: tuple[str, ...]
    seeds: Callable[[], dict[str, bytes]]
    weight: int = 1
    largest: int = LARGEST
    needles: frozenset[str] = field(default=frozenset(), repr=False)
    """Secrets that stand in the seeds: no error may repeat one."""


TARGETS: dict[str, Target] = {}


Run = Callable[[bytes], object]


def target(
    name: str, *, covers: Iterable[str], seeds: Callable[[], dict[str, bytes]], **more: Any
) -> Callable[[Run], Run]:
    """Register the decorated function as the target `name`; `more` are the other fields of Target."""

    def register(run: Run) -> Run:
        made = Target(
            name,
            run,
            more.pop("errors", (Refusal,)),
            more.pop("form", Form.BYTES),
            tuple(covers),
            seeds,
            **more,
        )
        if TARGETS.setdefault(name, made) is not made:
            raise LookupError(f"two targets are called {name}")
        return run

    return register


def judge(one: Target, data: bytes) -> str:
    """What the input became, as a word of few kinds. Raises Finding where the rule is broken."""
    try:
        made = one.run(data)
    except one.errors as refused:
        text = str(refused)
        told = next((needle for needle in one.needles if needle in text), None)
        if told is not None:
            raise Finding(one.name, f"tells in {type(refused).__name__}", "an error repeats a secret value") from None
        return f"{type(refused).__name__}: {_VARIABLE.sub('#', text)[:80]}"
    except Wrong as wrong:
        raise Finding(one.name, f"Wrong: {wrong}", f"{wrong}\n{_trace(wrong)}") from None
    except Exception as error:  # noqa: BLE001  whatever a parser lets through is what is looked for
        raise Finding(one.name, f"{type(error).__name__} at {_place(error)}", _trace(error)) from None
    return _VARIABLE.sub("#", made if isinstance(made, str) else type(made).__name__)[:80]


def require(holds: object, text: str) -> None:
    """Raise Wrong where something does not hold."""
    if not holds:
        raise Wrong(text)


def same(one: object, other: object, text: str) -> None:
    """Raise Wrong where two values differ."""
    require(one == other, text)


def tells(one: object, needles: Iterable[str], text: str) -> None:
    """Raise Wrong where a text of an object (a reject, a log line) holds a secret."""
    shown = str(one)
    require(not any(needle in shown for needle in needles), text)


def keepable(value: Any, where: str = "") -> None:
    """Raise Wrong where a value, or one inside of it, is none that PostgreSQL can keep; `where` names its place.

    A text without NUL, a whole number of 64 bits, a moment that has a UTC and a Japanese one. One that cannot be kept
    would end the transaction it shares with others.
    """
    if isinstance(value, str) and not isinstance(value, Enum):
        require("\0" not in value, f"a text with NUL was let in: {where}")
        value.encode()
    elif isinstance(value, int) and not isinstance(value, Enum):
        require(-WHOLE_64 <= value < WHOLE_64, f"a whole number beyond 64 bits was let in: {where}")
    elif isinstance(value, datetime):
        try:
            value.astimezone(UTC), value.astimezone(JAPAN)
        except OverflowError:
            raise Wrong(f"a moment that has no UTC was let in: {where}") from None
    elif isinstance(value, dict):
        keepable((*value.keys(), *value.values()), where)
    elif isinstance(value, tuple | list):
        for each in value:
            keepable(each, where)
    else:
        for name, each in _named(value):
            keepable(each, f"{type(value).__name__}.{name}")


def _named(value: object) -> list[tuple[str, Any]]:
    """The fields of a struct or a dataclass by name; none for anything else."""
    if isinstance(value, msgspec.Struct):
        return [(name, getattr(value, name)) for name in value.__struct_fields__]
    if is_dataclass(value) and not isinstance(value, Code):
        return [(each.name, getattr(value, each.name)) for each in fields(value)]
    return []


def memory() -> str | None:
    """A folder in memory where there is one: a file per execution must not wear out a disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  files of our own, of random names


def _place(error: BaseException) -> str:
    """The innermost line of this project's own code that the error passed."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "nakadachi" in frame.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.name}"


def _trace(error: BaseException) -> str:
    text = "".join(traceback.format_exception(error))
    return text.replace(str(_ROOT) + "/", "")
