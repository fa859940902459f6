"""Draws the tables and pictures of the documents from the catalogue, the structs, the reasons and golden vectors."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from enum import EnumMeta
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from nakadachi.crypto.commitment import SALT_BYTES
from nakadachi.refusal import Reason
from nakadachi.telegrams import closing, code, codec, envelope, inquiry, link, oversight, permit, provision, trail
from nakadachi.telegrams.catalogue import CATALOGUE, HOPS, TELEGRAMS, Hop, Stop, received_by, role_at
from nakadachi.telegrams.envelope import Answer, Lane, Telegram
from nakadachi.terms import Code, Role

VECTORS = Path(__file__).parent.parent / "tests" / "wire" / "vectors"
PLAIN: dict[Any, str] = {str: "text", int: "integer", bool: "true or false", bytes: "base64", datetime: "time"}
PLAIN[date] = "day, YYYY-MM-DD"
KINDS: tuple[type[Telegram], ...] = get_args(TELEGRAMS)
LONG = 72


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def name_of(kind: type) -> str:
    """A type as code."""
    return f"`{kind.__name__}`"


def told(kind: type) -> tuple[str, str]:
    """What a docstring says: the Japanese term where it begins with one, and the English sentences."""
    text = " ".join((inspect.getdoc(kind) or "").split())
    term, colon, rest = text.partition(": ")
    return (term, rest) if colon and any(ord(character) > 0x2FFF for character in term) else ("", text)


def sentence(kind: type) -> str:
    """The first English sentence of a docstring, for a table's cell."""
    first = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
    term, colon, rest = first.partition(": ")
    return rest if colon and any(ord(character) > 0x2FFF for character in term) else first


# The life of an inquiry


def sequence() -> str:
    """The eight hops of an inquiry as a Mermaid diagram, answers as dashed lines back along the path."""
    numbered = [hop for hop in CATALOGUE if hop.number is not None]
    stops = dict.fromkeys(stop for hop in CATALOGUE if hop.number for stop in hop.path)
    order = sorted(stops, key=_left_to_right)
    lines = ["```mermaid", "sequenceDiagram", *(f"    participant {_short(stop)} as {stop}" for stop in order)]
    waiting: list[Hop] = []
    for place, hop in enumerate(numbered):
        lines += [f"    {_short(a)}->>{_short(b)}: {hop.number} {hop.telegram.__name__}" for a, b in _legs(hop)]
        waiting.append(hop)
        after = numbered[place + 1] if place + 1 < len(numbered) else None
        # An answer that the next hop's answer becomes waits for it.
        if after and after.path[0] == hop.path[-1] and after.answer is hop.answer:
            continue
        while waiting:
            done = waiting.pop()
            lines += [f"    {_short(b)}-->>{_short(a)}: {done.answer.__name__}" for a, b in reversed(_legs(done))]
    return "\n".join([*lines, "```"])


def _left_to_right(stop: Stop) -> int:
    return ["intermediate A", "interface A", "core", "interface B", "intermediate B"].index(stop)


def _short(stop: Stop) -> str:
    return stop.title().replace(" ", "")


def _legs(hop: Hop) -> list[tuple[Stop, Stop]]:
    return list(zip(hop.path, hop.path[1:], strict=False))


def hops() -> str:
    """Every line of the catalogue."""
    head = ("hop", "telegram", "author", "path", "answer", "must precede it, where it passes")
    return table(head, (_hop_row(hop) for hop in CATALOGUE))


def _hop_row(hop: Hop) -> tuple[str, ...]:
    before = sorted(kind.__name__ for kind in hop.after)
    return (
        str(hop.number or "–"),
        name_of(hop.telegram),
        hop.author.value,
        " → ".join(hop.path),
        name_of(hop.answer),
        ", ".join(f"`{name}`" for name in before) or "–",
    )


def roles() -> str:
    """For every role what it answers, what it passes on, and what it authors."""
    rows = []
    for role in Role:
        received = received_by(role)
        answers = {hop.telegram for hop in CATALOGUE if hop.addressee is role}
        passes = {hop.telegram for hop in CATALOGUE for stop in hop.path[1:-1] if role_at(stop) is role}
        authors = {hop.telegram for hop in CATALOGUE if hop.author is role}
        if received or authors:
            rows.append((role.value, _names(answers), _names(passes), _names(authors)))
    return table(("role", "receives and answers", "receives and passes on", "authors"), rows)


def _names(kinds: set[type[Telegram]]) -> str:
    in_order = dict.fromkeys(hop.telegram for hop in CATALOGUE)
    return ", ".join(name_of(kind) for kind in in_order if kind in kinds) or "–"


# The wire


def common() -> str:
    """The members that every header has, and those of an answer."""
    rows = [("`telegram`", "text", "always", "the telegram's name; the first member")]
    return table(_MEMBER, [*rows, *_members(Telegram, ()), *_members(Answer, _fields(Telegram))])


_MEMBER = ("member", "type", "there", "what")


def struct(kind: type) -> str:
    """One struct below a header: what it is, and its members."""
    term, text = told(kind)
    return f"**`{kind.__name__}`** {term}. {_capital(text)}\n\n{table(_MEMBER, _members(kind, ()))}"


def enumeration(kind: EnumMeta) -> str:
    """The words of an enumeration."""
    term, text = told(kind)
    words = ", ".join(f"`{member.value}`" for member in kind)  # type: ignore[var-annotated]  # members of any enum
    return f"**`{kind.__name__}`** {term or ''}{'. ' if term else ''}{_capital(text)} One of {words}."


def telegram(kind: type[Telegram]) -> str:
    """One telegram: its life, its own members, its parts as the golden vector has them."""
    term, text = told(kind)
    lines = [f"### {kind.__name__}", "", f"{term}. {_capital(text)}", ""]
    lines += [
        f"Authored by {hop.author.value}; path {' → '.join(hop.path)}; answered by {name_of(hop.answer)}."
        for hop in HOPS.get(kind, ())
    ]
    if issubclass(kind, Answer):
        asked = _names({hop.telegram for hop in CATALOGUE if hop.answer is kind})
        lines.append(f"Answers {asked if asked != '–' else 'any telegram'}.")
    base = Answer if issubclass(kind, Answer) else Telegram
    own = _members(kind, _fields(base))
    lines += ["", table(_MEMBER, own) if own else "No member of its own."]
    if parts := _vector(kind)["parts"]:
        known = dict.fromkeys((part["name"], part["personal"]) for part in parts)
        rows = [
            (f"`{name}`", f"yes, salt of {SALT_BYTES} bytes first" if personal else "no") for name, personal in known
        ]
        lines += ["", table(("part", "personal"), rows)]
    return "\n".join(lines)


def example(kind: type[Telegram]) -> str:
    """The header of a golden vector, broken into lines and with long texts cut."""
    header = json.dumps(_cut(json.loads(_vector(kind)["header"])), ensure_ascii=False, indent=2)
    return f"```json\n{header}\n```"


def family(module: types.ModuleType) -> str:
    """Every telegram of a module, then the structs and enumerations they are made of."""
    kinds = [kind for kind in KINDS if kind.__module__ == module.__name__]
    drawn = [telegram(kind) for kind in kinds]
    others: list[Any] = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and each not in kinds
    ]
    if others:
        drawn.append("### What they are made of")
    drawn += [enumeration(each) if isinstance(each, EnumMeta) else struct(each) for each in others]
    return "\n\n".join(drawn)


def limits() -> str:
    """The sizes above which a telegram is refused."""
    rows = [
        ("one request or answer", codec.FRAME_LIMIT, "bytes of the frame"),
        ("all parts of one telegram", codec.BODY_LIMIT, "bytes"),
        *((f"header in the {lane.value} lane", codec.HEADER_LIMIT[lane], "bytes of its JSON") for lane in Lane),
        ("exchanges of one telegram", envelope.ITEMS_LIMIT, "items"),
        ("salt of a personal part", envelope.SALT_BYTES, "bytes, exactly"),
    ]
    return table(("what", "limit", "of"), ((what, f"{limit:,}", of) for what, limit, of in rows))


def reasons(kinds: Any = Reason, head: str = "reason") -> str:
    """The closed list of reasons, or of other words that people are told in both languages."""
    return table((head, "日本語", "English"), ((f"`{one.value}`", one.japanese, one.english) for one in kinds))


def terms() -> str:
    """Everything that travels, telegrams and answers first, with its Japanese term and the module that defines it."""
    modules = (envelope, permit, inquiry, provision, closing, code, link, oversight, trail)
    below = (each for module in modules for each in vars(module).values() if inspect.isclass(each))
    made_of = (each for each in below if each.__module__.startswith("nakadachi.telegrams.") and told(each)[0])
    rows = ((told(kind)[0], name_of(kind), f"`{kind.__module__}`") for kind in dict.fromkeys((*KINDS, *made_of)))
    return table(("Japanese", "identifier", "defined in"), rows)


def _vector(kind: type) -> dict[str, Any]:
    written: dict[str, Any] = json.loads((VECTORS / f"{kind.__name__}.json").read_text(encoding="utf-8"))
    return written


def _fields(kind: type) -> tuple[str, ...]:
    return tuple(kind.__struct_fields__) if issubclass(kind, msgspec.Struct) else ()


def _members(kind: type, known: tuple[str, ...]) -> list[tuple[str, ...]]:
    hints = get_type_hints(kind, include_extras=True)
    if not issubclass(kind, msgspec.Struct):
        return [(f"`{name}`", _type(hint), "always", _what(hint)) for name, hint in hints.items()]
    optional = kind.__struct_config__.omit_defaults
    return [
        (
            f"`{field.encode_name}`",
            _type(hints[field.name]),
            f"left out where {_default(field)}" if optional and not field.required else "always",
            _what(hints[field.name]),
        )
        for field in msgspec.structs.fields(kind)
        if field.name not in known
    ]


def _default(field: Any) -> str:
    value = field.default
    if value in ((), b"", ""):
        return "empty"
    return f"`{json.dumps(value)}`"


def _type(hint: Any) -> str:
    """A hint in words: `list of Serial, 1 to 1,000`."""
    if get_origin(hint) is Annotated:
        inner, meta = get_args(hint)
        if meta.tz:
            return "time with offset"
        if meta.pattern:
            form = meta.pattern.removeprefix("^").removesuffix("\\Z").removesuffix("$")
            return f"text of the form `{form}`"
        if meta.ge is not None:
            return f"{_type(inner)}, {meta.ge:,} to {meta.le:,}"
        return f"{_type(inner)}, {meta.min_length:,} to {meta.max_length:,}"
    if get_origin(hint) is tuple:
        return f"list of {_type(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return "object of texts"
    if get_origin(hint) in {Union, types.UnionType}:
        return " or ".join("null" if each is type(None) else _type(each) for each in get_args(hint))
    return PLAIN.get(hint) or name_of(hint)


def _what(hint: Any) -> str:
    inner = next((each for each in _classes(hint) if each not in PLAIN), None)
    if inner is None:
        return ""
    if issubclass(inner, Code):
        return f"{told(inner)[0]}"
    return told(inner)[0] or sentence(inner)


def _classes(hint: Any) -> Iterator[type]:
    if inspect.isclass(hint) and get_origin(hint) is None:
        yield hint
    for each in get_args(hint):
        yield from _classes(each)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_cut(each) for each in value]
    return value[:LONG] + "…" if isinstance(value, str) and len(value) > LONG else value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
