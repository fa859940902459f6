"""Every word of the wire stands in the glossary, and the glossary names nothing that is not there."""

import importlib
import inspect
import re
from typing import get_args

import pytest

from nakadachi import refusal, terms
from nakadachi.telegrams import closing, code, envelope, inquiry, link, oversight, permit, provision, trail
from nakadachi.telegrams.catalogue import CATALOGUE, TELEGRAMS
from nakadachi.telegrams.envelope import Received, Verified
from tools import docs

GLOSSARY = (docs.DOCS / "glossary.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in GLOSSARY.splitlines() if line.startswith("| ")
]
IDENTIFIERS = {row[place].strip("`") for row in ROWS for place in (1, 2) if row[place].startswith("`")}
WHERE = sorted({cell.strip("`") for row in ROWS for cell in row if re.fullmatch(r"`nakadachi(\.\w+)+`", cell)})
NOT_WORDS = {terms.Code, Received, Verified}


def classes_of(*modules):
    """The public classes that modules define."""
    return {
        each
        for module in modules
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and not each.__name__.startswith("_")
    }


def test_every_telegram_and_answer_stands_in_the_glossary():
    listed = {hop.telegram.__name__ for hop in CATALOGUE} | {kind.__name__ for kind in get_args(TELEGRAMS)}
    assert not listed - IDENTIFIERS


def test_every_word_of_the_field_stands_in_the_glossary():
    words = (
        classes_of(terms, refusal, envelope, permit, inquiry, provision, closing, code, link, oversight, trail)
        - NOT_WORDS
    )
    assert not {word.__name__ for word in words} - IDENTIFIERS


@pytest.mark.parametrize("kind", get_args(TELEGRAMS), ids=lambda kind: kind.__name__)
def test_a_telegrams_docstring_begins_with_its_japanese_term(kind):
    term, _, english = kind.__doc__.partition(": ")
    assert english
    assert any(ord(character) > 0x2FFF for character in term)


@pytest.mark.parametrize("where", WHERE)
def test_what_the_glossary_points_to_is_there(where):
    try:
        importlib.import_module(where)
    except ModuleNotFoundError:
        module, _, name = where.rpartition(".")
        assert hasattr(importlib.import_module(module), name), f"{where} is not there: mend docs/glossary.md"


def test_one_identifier_is_one_term():
    named = [(row[0], row[2]) for row in ROWS if len(row) == 5 and row[2].startswith("`")]
    assert len({identifier for _, identifier in named}) == len(named)


@pytest.mark.parametrize("page", docs.PAGES)
def test_a_drawn_page_is_fresh(page):
    assert page not in docs.stale(), docs.MEND


def test_a_stale_page_is_named_with_what_mends_it(tmp_path, monkeypatch, capsys):
    for page in docs.PAGES:
        target = tmp_path / page
        target.parent.mkdir(exist_ok=True)
        target.write_text((docs.DOCS / page).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    life = tmp_path / "life-of-an-inquiry.md"
    fresh = life.read_text(encoding="utf-8")
    life.write_text(fresh.replace("`Provide`", "`Provided`").replace("# The life", "# Our life"), encoding="utf-8")
    assert docs.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/life-of-an-inquiry.md is stale: run python -m tools.docs\n"
    assert docs.main([]) == 0
    assert life.read_text(encoding="utf-8") == fresh.replace("# The life", "# Our life")
    assert docs.main(["--check"]) == 0


def test_a_page_without_its_marker_is_an_error():
    with pytest.raises(ValueError, match="drawn parts"):
        docs.drawn("glossary.md", "no marker")
