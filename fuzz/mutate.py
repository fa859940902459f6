"""Changes inputs by chance of a seed: bytes for anything, and steps that keep JSON, lines and cells what they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from fuzz.target import Form

NUMBERS = (0, 1, -1, 2, 255, 256, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63) - 1, 1.5)
WORDS = (
    b"", b"\0", b"\\u0000", b"\x7f", b"\r", b"\n", b"\r\n", b"\n\n", b"\x1a", b" ", b"\xe3\x80\x80", b"\xef\xbb\xbf",
    b"\xff\xfe", b"\x82\xa0", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe2\x80\xae", b"\xef\xbc\x91",
    b"\xd9\xa1", b"\xc2\xb2", b'"', b'""', b"'", b",", b";", b":", b"=", b"+", b"-", b"*", b"0", b"-1", b"1e999",
    b"NaN", b"nan", b"inf", b"Infinity", b"null", b"true", b"[]", b"{}", b"[" * 2000, b"{" * 2000,
    b"9" * 5000, b"A" * 70000,
    b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"0001-01-01", b"9999-12-31", b"2025-02-29",
    b"20250229", b"99999999235959", b"2026-04-01T00:00:00", b"2026-W14-3", b"24:00:00", b"<!DOCTYPE a>", b"&lt;",
    b"&a;", b"<!--", b"<![CDATA[", b"-->", b"=1+1", b"\xe2\x80\x94 ", b"====", b"%s", b"../", b"\xcc\x80",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, "", "\0", "a\0b", " ", "x" * 300, "\u202e", "\ud800", [], {}, [[]], *NUMBERS,
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-04-01T10:00:00", "2026-04-01T10:00:00+09:00",
    "2026-04-01T01:00:00Z", "AAAA", "AAA=", "A===", "-_-_", "９９０１", "core:9910000000000001",
)  # fmt: skip

Step = Callable[[bytes, Random, Sequence[bytes]], bytes]


def mutate(data: bytes, form: Form, chance: Random, others: Sequence[bytes], largest: int) -> bytes:
    """The input after one to four steps; `others` are inputs to take pieces from."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        data = chance.choice(_STEPS[form])(data, chance, others)
    return data[:largest]


def _flip(data: bytes, chance: Random, _others: Sequence[bytes]) -> bytes:
    if not data:
        return bytes((chance.randrange(256),))
    at = chance.randrange(len(data))
    return (
        data[:at]
        + bytes((chance.choice((data[at] ^ 1 << chance.randrange(8), chance.randrange(256))),))
        + data[at + 1 :]
    )


def _word(data: bytes, chance: Random, _others: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(WORDS) + data[at + chance.choice((0, 0, 1, 4)) :]


def _cut(data: bytes, chance: Random, _others: Sequence[bytes]) -> bytes:
    begin = chance.randrange(len(data) + 1)
    return data[:begin] + data[begin + chance.choice((1, 2, 8, 32, len(data))) :]


def _repeat(data: bytes, chance: Random, _others: Sequence[bytes]) -> bytes:
    begin = chance.randrange(len(data) + 1)
    end = begin + chance.choice((1, 2, 8, 32, 128))
    return data[:end] + data[begin:end] * chance.choice((1, 1, 2, 40)) + data[end:]


def _splice(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others) if others else data
    mine, theirs = chance.randrange(len(data) + 1), chance.randrange(len(other) + 1)
    length = chance.choice((4, 16, 64, len(other)))
    return data[:mine] + other[theirs : theirs + length] + data[mine + chance.choice((0, length)) :]


def _lines(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines) + 1)
    step = chance.randrange(4)
    if step == 0:
        lines.insert(to, lines[at])
    elif step == 1:
        lines.insert(to if to < len(lines) else 0, lines.pop(at))
    elif step == 2:
        lines.pop(at)
    else:
        lines.insert(to, chance.choice((chance.choice(others) if others else data).split(b"\n")))
    return b"\n".join(lines)


def _cells(data: bytes, chance: Random, _others: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    cells = lines[at].split(b",")
    place = chance.randrange(len(cells))
    step = chance.randrange(4)
    if step == 0:
        cells[place] = chance.choice(WORDS)
    elif step == 1:
        cells.insert(place, chance.choice(cells))
    elif step == 2:
        cells.pop(place)
    else:
        other = chance.randrange(len(cells))
        cells[place], cells[other] = cells[other], cells[place]
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


def _digits(data: bytes, chance: Random, _others: Sequence[bytes]) -> bytes:
    """One number in a text becomes another one."""
    places = [at for at in range(len(data)) if data[at : at + 1].isdigit() and not data[at - 1 : at].isdigit()]
    if not places:
        return data
    begin = end = chance.choice(places)
    while data[end : end + 1].isdigit():
        end += 1
    new = (
        str(chance.choice(NUMBERS)).encode()
        if chance.random() < 0.5
        else b"%0*d" % (end - begin, chance.randrange(10 ** min(end - begin, 17)))
    )
    return data[:begin] + new + data[end:]


def _tree(data: bytes, chance: Random, others: Sequence[bytes]) -> bytes:
    """One place in a JSON text becomes another value, goes, is doubled, or is taken from elsewhere in the texts."""
    try:
        tree = json.loads(data)
        other = json.loads(chance.choice(others)) if others and chance.random() < 0.3 else tree
    except (ValueError, RecursionError):
        return _word(data, chance, others)
    places = _places(tree)
    if not places:
        return data
    holder, key = chance.choice(places)
    step = chance.random()
    if step < 0.35:
        holder[key] = chance.choice(VALUES)
    elif step < 0.6:
        from_holder, from_key = chance.choice(_places(other) or places)
        holder[key] = from_holder[from_key]
    elif step < 0.75:
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, holder[key])
    elif isinstance(holder[key], str):
        holder[key] = _digits(holder[key].encode(errors="replace"), chance, ()).decode(errors="replace")
    else:
        holder[chance.choice(("more", "", "telegram", "parts", "kind"))] = holder[key]
    try:
        return json.dumps(tree, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")
    except (ValueError, RecursionError):
        return data


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every holder and key of a tree."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting and len(found) < 2000:
        holder = waiting.pop()
        items = list(
            holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        )
        found += [(holder, key) for key, _ in items]
        waiting += [value for _, value in items if isinstance(value, dict | list)]
    return found


_ANY: tuple[Step, ...] = (_flip, _word, _cut, _repeat, _splice)
_STEPS: dict[Form, tuple[Step, ...]] = {
    Form.BYTES: _ANY,
    Form.JSON: (*_ANY, *(_tree,) * 8, _digits),
    Form.TEXT: (*_ANY, _lines, _lines, _digits, _word),
    Form.TABLE: (_flip, _word, _cut, _splice, _lines, *(_cells,) * 6, _digits),
}
