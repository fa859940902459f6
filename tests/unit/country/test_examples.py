"""The example files are what the generator writes, the readers take them, and the registry finds its people."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import replace

import pytest

from nakadachi.country.examples import SEED, example_files, files_of, organisations, write_examples
from nakadachi.country.sample import HINATA, INQUIRER, PENSION
from nakadachi.intermediate.files.inquiries import InquiryLine, inquiries
from nakadachi.intermediate.files.people import PersonLine, people
from nakadachi.intermediate.files.provisions import protections, provisions
from nakadachi.intermediate.files.provisions_xml import provisions_xml
from nakadachi.intermediate.files.reading import Encoding, LineReader, Reject, read_all_or_rejects
from nakadachi.neighbours.matching import items_of
from nakadachi.neighbours.registry import read_residents
from nakadachi.refusal import Reason
from nakadachi.terms import OrganisationCode
from tools.make_examples import FOLDER, main

FILES = example_files()
EXPECTED = list(csv.DictReader(io.StringIO(FILES["expected.csv"].decode())))
ASKED = list(inquiries(LineReader(io.BytesIO(FILES["inquiries.csv"]))))
KINDS = ("people-", "provisions-", "protections-")


def people_of(place: str) -> list[PersonLine]:
    found = people(LineReader(io.BytesIO(FILES[f"people-{place}.csv"])))
    return [line for line in found if isinstance(line, PersonLine)]


@pytest.fixture
def registry():
    residents = read_residents(FOLDER / "residents.csv")
    numbers = defaultdict(set)
    for one in residents:
        numbers[items_of(one.name, one.address, str(one.sex), one.born)].add(one.number)

    def residents_found(line: PersonLine) -> int:
        items, number = line.items, line.individual_number
        fitting = numbers[items_of(items.name, items.address, str(int(items.sex)), items.born.isoformat())]
        return len(fitting & {number.value} if number else fitting)

    return residents_found


def test_the_folder_holds_what_the_generator_writes():
    assert {each.name for each in FOLDER.iterdir() if each.suffix in {".csv", ".xml", ".md"}} == FILES.keys()
    assert main(["--check"]) == 0


def test_a_stale_or_missing_file_is_found(tmp_path, capsys):
    main([str(tmp_path)])
    (tmp_path / "README.md").write_text("old")
    (tmp_path / "inquiries.csv").unlink()
    assert main(["--check", str(tmp_path)]) == 2
    assert "run python -m tools.make_examples" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.startswith(KINDS)))
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


def test_the_examples_are_moderate_in_size():
    assert sum(map(len, FILES.values())) < 2_000_000


def test_exactly_the_lines_that_are_wrong_on_purpose_are_rejected():
    assert len(ASKED) == len(EXPECTED) >= 200
    for line, wanted in zip(ASKED, EXPECTED, strict=True):
        assert (line.line, isinstance(line, Reject)) == (int(wanted["line"]), wanted["status"] == "rejected")


def test_every_line_asks_in_the_name_of_one_inquirer_or_is_refused():
    for line, wanted in zip(ASKED, EXPECTED, strict=True):
        if isinstance(line, InquiryLine) and line.inquirer.value != INQUIRER:
            assert (wanted["status"], wanted["reason"]) == ("refused", "NOT_IN_TABLE")


def test_the_examples_show_every_reason_a_clerk_should_know():
    assert {(row["status"], row["reason"]) for row in EXPECTED} == {
        ("answered", ""),
        ("pending", ""),
        ("rejected", Reason.BAD_FORMAT),
        ("refused", Reason.NOT_IN_TABLE),
        ("refused", Reason.NO_ASSESSMENT),
        ("refused", Reason.UNKNOWN_ADDRESSEE),
        ("refused", Reason.CODE_NOT_ISSUED),
        ("refused", Reason.NOT_LINKED_AT_PROVIDER),
        ("refused", Reason.SUBJECT_MISMATCH),
        ("refused", Reason.NOT_REGISTERED),
        ("refused", Reason.PROVIDER_STOPPED),
    }


def test_four_lines_wait_for_the_staff_of_one_provider():
    held = [line for line, wanted in zip(ASKED, EXPECTED, strict=True) if wanted["status"] == "pending"]
    assert [line.provider.value for line in held] == [HINATA] * 4
    assert len({line.addressee for line in held}) == 4


def test_the_registry_finds_exactly_one_resident_for_every_row_but_two(registry):
    unknown = [
        (place.value, line.addressee, found)
        for place in organisations(FOLDER)
        for line in people_of(place.value)
        if (found := registry(line)) != 1
    ]
    asked = {line.addressee for line in lines_expecting(Reason.CODE_NOT_ISSUED)}
    assert {(INQUIRER, addressee, 0) for addressee in asked} == set(unknown)
    assert len(unknown) == 2


def test_a_third_of_the_people_is_registered_without_individual_number():
    lines = [line for place in organisations(FOLDER) for line in people_of(place.value)]
    without = sum(line.individual_number is None for line in lines)
    assert 0.3 < without / len(lines) < 0.4


def test_a_mixed_up_row_has_the_kana_of_somebody_else():
    kana = defaultdict(set)
    for place in organisations(FOLDER):
        for line in people_of(place.value):
            kana[replace(line.items, kana="")].add(line.items.kana)
    differing = [one for one in kana.values() if len(one) > 1]
    assert len(differing) == len(lines_expecting(Reason.SUBJECT_MISMATCH)) == 3


def lines_expecting(reason: Reason) -> list[InquiryLine]:
    pairs = zip(ASKED, EXPECTED, strict=True)
    return [line for line, wanted in pairs if wanted["reason"] == reason and isinstance(line, InquiryLine)]


def test_the_same_seed_writes_the_same_files_and_another_seed_others(tmp_path):
    write_examples(tmp_path / "new" / "folder", seed=SEED)
    assert {each.name: each.read_bytes() for each in (tmp_path / "new" / "folder").iterdir()} == FILES
    assert example_files(seed=7, count=400) == example_files(seed=b"7", count=400) != FILES


def test_too_few_residents_are_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="let it have more residents"):
        write_examples(tmp_path / "none", count=60)
    assert not (tmp_path / "none").exists()


def test_the_files_of_an_organisation_are_found_by_its_code():
    assert len(organisations(FOLDER)) == 10
    found = files_of(FOLDER, OrganisationCode(HINATA))
    assert [path.name for path in (found.people, found.provisions, found.protections)] == [
        f"people-{HINATA}.csv",
        f"provisions-{HINATA}.csv",
        f"protections-{HINATA}.csv",
    ]
    assert found.provisions_form == "csv"
    pension = files_of(FOLDER, OrganisationCode(PENSION))
    assert (pension.provisions.name, pension.provisions_form) == (f"provisions-{PENSION}.xml", "xml")
    assert pension.protections is None


def test_an_organisation_without_files_is_named(tmp_path):
    assert organisations(tmp_path) == ()
    with pytest.raises(FileNotFoundError, match=HINATA):
        files_of(tmp_path, OrganisationCode(HINATA))
