from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from nakadachi.cli.results_file import ResultsFile, form_of
from nakadachi.intermediate.files.results import Form, Result, Status


def pending(line):
    return Result(line, Status.PENDING)


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", Form.CSV), ("a.CSV", Form.CSV), ("a.jsonl", Form.JSON_LINES), ("a.txt", None), ("a", None)],
)
def test_the_form_is_known_by_the_ending(name, form):
    assert form_of(Path(name)) is form


def test_a_result_is_on_its_way_before_the_next(tmp_path):
    with ResultsFile(tmp_path / "results.jsonl", Form.JSON_LINES) as results:
        for line in (1, 2):
            results.write(pending(line))
            assert (tmp_path / "results.jsonl").read_bytes().count(b"\n") == line


def test_the_file_is_private_whatever_the_users_mask(tmp_path):
    before = os.umask(0)
    try:
        with ResultsFile(tmp_path / "results.csv", Form.CSV):
            assert (tmp_path / "results.csv").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_link_to_another_file_is_not_followed(tmp_path):
    (tmp_path / "other").write_text("other")
    (tmp_path / "results.csv").symlink_to(tmp_path / "other")
    with pytest.raises(FileExistsError):
        ResultsFile(tmp_path / "results.csv", Form.CSV)
    with ResultsFile(tmp_path / "results.csv", Form.CSV, replace=True):
        pass
    assert (tmp_path / "other").read_text() == "other"


def test_where_the_disk_is_full_the_cut_off_line_is_taken_back(tmp_path):
    path = tmp_path / "results.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ResultsFile(path, Form.JSON_LINES) as results:
        results.write(pending(1))
        whole = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 10, hard))
        try:
            with pytest.raises(OSError, match="too large"):
                results.write(pending(2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == whole
