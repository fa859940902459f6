"""The country that the benchmarks ask: every system a process of its own, one provider with bodies of 2 KB."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nakadachi.country.examples import files_of, write_examples
from nakadachi.country.founding import Founding, found
from nakadachi.country.plan import plan
from nakadachi.country.preparing import desk_config, prepare
from nakadachi.country.processes import Processes
from nakadachi.country.sample import INQUIRER
from nakadachi.intermediate.files.inquiries import InquiryLine, inquiries
from nakadachi.intermediate.files.reading import LineReader
from nakadachi.kit.postgres import embedded
from nakadachi.law import lawbook
from nakadachi.law.masters import ValueKind
from nakadachi.node import World
from nakadachi.terms import ItemCode, OrganisationCode, Prefix

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from nakadachi.desk.client import DeskConfig

PROVIDER = "9903000000000001"
PORT = 18400
TEXT_CHARACTERS = 1600
"""With the other items, the subject and the serial a body then has about 2 KB."""


@dataclass(frozen=True, slots=True)
class Running:
    """A country that runs: its processes, the inquirer's desk, and the lines that the provider answers."""

    processes: Processes
    desk: DeskConfig
    lines: list[str]


@asynccontextmanager
async def a_country(port: int = PORT) -> AsyncIterator[Running]:
    """A country up for the time of the block. Everything it makes is removed."""
    state = Path(tempfile.mkdtemp(prefix="nakadachi-bench-"))
    state.chmod(0o711)
    try:
        organisations = (OrganisationCode(INQUIRER), OrganisationCode(PROVIDER))
        planned = plan(lawbook.sample(), organisations, port=port)
        write_examples(state / "files")
        lines = _lines(state / "files")
        _heavy(files_of(state / "files", organisations[1]).provisions)
        folder = state / "country"
        folder.mkdir()
        shutil.copy(state / "files" / "residents.csv", folder / "residents.csv")
        async with embedded(state) as server:
            await found(Founding(folder, planned, lawbook.sample(), server, World()))
            processes = Processes(folder, planned)
            try:
                await processes.start()
                await prepare(folder, state / "files", organisations, lambda _code, _people: None)
                yield Running(processes, desk_config(folder, organisations[0]), lines)
            finally:
                await processes.stop()
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _lines(files: Path) -> list[str]:
    """Lines of the example file that the provider answers with a text, which can be made long."""
    book, texts = lawbook.sample(), _texts()
    answered = {
        int(row.split(",")[0])
        for row in (files / "expected.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
        if row.split(",")[1] == "answered"
    }
    chosen = []
    raw = (files / "inquiries.csv").read_bytes()
    for number, line in enumerate(inquiries(LineReader(io.BytesIO(raw))), 1):
        if number in answered and isinstance(line, InquiryLine) and line.provider.value == PROVIDER:
            prefix = Prefix(line.inquirer, line.affair, line.procedure, line.provider, line.information)
            if texts & set(book.allowed_items(prefix, book.effective)):
                chosen.append(raw.splitlines()[number - 1].decode("utf-8-sig"))
    return chosen


def _texts() -> set[ItemCode]:
    """Items whose value is free text."""
    return {
        item.code
        for information in lawbook.sample().masters.informations
        for item in information.items
        if item.value is ValueKind.TEXT
    }


def _heavy(path: Path) -> None:
    """Make the texts of the replica file so long that a body has 2 KB."""
    content = path.read_text(encoding="utf-8")
    for item in _texts():
        content = re.sub(rf"(<{item.value} [^>/]*>)[^<]*<", rf"\g<1>{'x' * TEXT_CHARACTERS}<", content)
    path.write_text(content, encoding="utf-8")
