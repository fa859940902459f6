"""Targets for what people write who keep the network: law book, directory, the law's files, configuration."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fuzz import land
from fuzz.target import Form, keepable, memory, require, same, target
from nakadachi.commission.service import CommissionConfig
from nakadachi.core.service import CoreConfig
from nakadachi.crypto.notes import NoteVerifier
from nakadachi.desk.client import DeskConfig
from nakadachi.interface.service import InterfaceConfig
from nakadachi.intermediate.service import IntermediateConfig
from nakadachi.kit.config import ConfigError, describe, load
from nakadachi.law import directory, lawbook
from nakadachi.law.assessments import load_assessments
from nakadachi.law.masters import load_masters
from nakadachi.law.reading import LawError
from nakadachi.law.whitelist import load_whitelist
from nakadachi.neighbours.registry import RegistryConfig
from nakadachi.refusal import Refusal
from tools import sample_law
from tools import sample_telegrams as sample

CONFIGS: tuple[type, ...] = (
    CoreConfig, InterfaceConfig, IntermediateConfig, CommissionConfig, RegistryConfig, DeskConfig,
)  # fmt: skip


@target(
    "lawbook",
    covers=["law.lawbook:parse", "law.reading:read_code"],
    seeds=lambda: {"small": land.lawbook().to_bytes(), "private": sample_law.small().to_bytes()},
    form=Form.JSON,
    weight=2,
)
def law(data: bytes) -> str:
    """A law book: it has one spelling."""
    made = lawbook.parse(data)
    same(lawbook.parse(made.to_bytes()), made, "a law book is not written as it was read")
    keepable((made.version, made.whitelist.rows))
    for prefix in (sample.PREFIX, *(each for each, _ in sample_law.asked())):
        with suppress(Refusal):
            row = made.allows(prefix, made.effective)
            own = made.private_whitelist if made.masters.is_private(prefix.inquirer) else made.whitelist
            require(own is not None and row in own.rows, "a row of the other table lets it ask")
    return "Lawbook"


@target(
    "directory",
    covers=["law.directory:parse"],
    seeds=lambda: {"nodes": land.directory().to_bytes()},
    form=Form.JSON,
    weight=2,
)
def nodes(data: bytes) -> str:
    """A directory: it has one spelling, and every key in it reads where it is used."""
    made = directory.parse(data)
    same(directory.parse(made.to_bytes()), made, "a directory is not written as it was read")
    keepable((made.version, made.nodes))
    for key in made.witness_keys():
        NoteVerifier.from_vkey(key)
    for each in made.nodes:
        for origin in each.logs:
            with suppress(Refusal):
                NoteVerifier.from_vkey(made.log_key(origin.origin))
    with suppress(Refusal):
        made.require_version(data[:20].decode(errors="replace"))
    return "Directory"


@target(
    "edition",
    covers=["ledger.edition:Trust.open", "ledger.edition:Edition.judge"],
    seeds=lambda: {"lawbook": b"L" + land.lawbook().to_bytes(), "directory": b"D" + land.directory().to_bytes()},
    form=Form.TEXT,
)
def pair(data: bytes) -> str:
    """A pair of documents with true signatures, one of them hostile."""
    notes = dict(land.edition().notes)
    which = "lawbook" if data[:1] == b"L" else "directory"
    try:
        notes[which] = land.signed(data[1:])
    except ValueError:  # a signer signs no control characters and no bytes that are no text
        notes[which] = data[1:]
    land.edition().judge(notes["lawbook"], notes["directory"])
    return which


def _law_texts() -> dict[str, bytes]:
    folder = Path(lawbook.__file__).parent
    names = ("version", "organisations", "affairs", "informations")
    masters = {f"{name}.toml": _whole(folder / "masters" / f"{name}.toml", 900) for name in names}
    first = min((folder / "table2").glob("0*.toml"))
    table = {name: _whole(folder / "table2" / name, 1500) for name in ("version.toml", first.name)}
    cut = _whole(folder / "assessments.toml", 900)
    return {"masters": _joined(masters), "table": _joined(table), "assessments": _joined({"assessments.toml": cut})}


def _whole(path: Path, most: int) -> str:
    """The entries of a file that stand in about its first `most` characters."""
    text = path.read_text(encoding="utf-8")
    return text if len(text) <= most else text[:most].rpartition("\n[[")[0]


def _joined(texts: dict[str, str]) -> bytes:
    return "".join(f"#### {name}\n{text}\n" for name, text in texts.items()).encode()


@target(
    "law-files",
    covers=[
        "law.masters:load_masters", "law.reading:read_toml", "law.reading:read_entry", "law.reading:read_entries",
        "law.reading:read_edition", "law.whitelist:load_whitelist", "law.rows:read_table",
        "law.assessments:load_assessments",
    ],
    seeds=_law_texts,
    form=Form.TEXT,
    errors=(LawError, UnicodeDecodeError),
)  # fmt: skip
def law_files(data: bytes) -> str:
    """The TOML files that whoever keeps the law writes."""
    texts = {}
    for part in data.decode().split("#### ")[1:]:
        name, _, text = part.partition("\n")
        texts[name] = text
    made = []
    loaders: tuple[Callable[[], Any], ...] = (
        lambda: load_whitelist(texts, land.lawbook().masters),
        lambda: load_whitelist(texts, sample_law.small().masters, private=True),
        lambda: load_assessments(texts.get("assessments.toml")),
    )
    for loader in loaders:
        with suppress(LawError):
            made.append(type(loader()).__name__)
    load_masters(texts)
    return " ".join(["Masters", *made])


@target(
    "config",
    covers=["kit.config:load"],
    seeds=lambda: {kind.__name__: describe(kind).encode() for kind in (CoreConfig, DeskConfig)},
    form=Form.TEXT,
    errors=(ConfigError,),
)
def config(data: bytes) -> str:
    """A configuration as any system or the desk would take it."""
    made = []
    with tempfile.NamedTemporaryFile(dir=memory()) as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        for kind in CONFIGS:
            try:
                load(path, kind)
                made.append(kind.__name__)
            except ConfigError as wrong:
                require(file.name in str(wrong), "an error does not name its file")
                if not made and kind is CONFIGS[-1]:
                    raise ConfigError(str(wrong).replace(file.name, "a.toml")) from None
    return " ".join(made)
