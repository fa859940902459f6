"""The example files are what the generator writes, and the readers take them."""

from __future__ import annotations

import csv
import io

import pytest

from nakadachi.intermediate.files.inquiries import InquiryLine, inquiries
from nakadachi.intermediate.files.people import people
from nakadachi.intermediate.files.provisions import protections, provisions
from nakadachi.intermediate.files.provisions_xml import provisions_xml
from nakadachi.intermediate.files.reading import Encoding, LineReader, Reject, read_all_or_rejects
from tools.make_examples import FOLDER, examples, main

FILES = examples()


def test_the_folder_holds_what_the_generator_writes():
    assert {each.name for each in FOLDER.iterdir()} == FILES.keys()
    assert main(["--check"]) == 0


def test_a_stale_or_missing_file_is_found(tmp_path, capsys):
    main([str(tmp_path)])
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "inquiries.csv").unlink()
    assert main(["--check", str(tmp_path)]) == 2
    assert "run python -m tools.make_examples" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"README.md", "expected.csv", "inquiries.csv"}))
def test_every_file_of_an_organisation_can_be_loaded_whole(name):
    stream = io.BytesIO(FILES[name])
    lines = {
        "people": lambda: people(LineReader(stream)),
        "protections": lambda: protections(LineReader(stream)),
        "provisions": lambda: provisions_xml(stream) if name.endswith("xml") else provisions(LineReader(stream)),
    }[name.partition("-")[0]]()
    reading = read_all_or_rejects(lines)
    assert reading.rejects == ()
    assert reading.lines


def test_organisations_write_in_different_encodings():
    found = set()
    for name, raw in FILES.items():
        if name.startswith("people-"):
            reader = LineReader(io.BytesIO(raw))
            list(reader)
            found.add(reader.encoding)
    assert found == {Encoding.UTF_8, Encoding.UTF_8_BOM, Encoding.CP932}


def test_exactly_the_lines_that_are_wrong_on_purpose_are_rejected():
    expected = list(csv.DictReader(io.StringIO(FILES["expected.csv"].decode("utf-8-sig"))))
    found = list(inquiries(LineReader(io.BytesIO(FILES["inquiries.csv"]))))
    assert len(found) == len(expected) >= 200
    for line, wanted in zip(found, expected, strict=True):
        assert (line.line, isinstance(line, Reject)) == (int(wanted["line"]), wanted["expected"] == "rejected")
    assert len({line.inquirer for line in found if isinstance(line, InquiryLine)}) == 2


def test_the_examples_show_every_reason_a_clerk_should_know():
    outcomes = {row["expected"] for row in csv.DictReader(io.StringIO(FILES["expected.csv"].decode("utf-8-sig")))}
    assert outcomes == {
        "answered",
        "rejected",
        "refused",
        "NOT_IN_TABLE",
        "NO_ASSESSMENT",
        "UNKNOWN_ADDRESSEE",
        "NOT_LINKED_AT_PROVIDER",
        "SUBJECT_MISMATCH",
        "NOT_REGISTERED",
        "WITHHELD",
        "PROVIDER_STOPPED",
    }
