"""files.results: one result per input line, in its order."""

from __future__ import annotations

import csv
import io
import json

import pytest

from nakadachi.intermediate.files.reading import Reject
from nakadachi.intermediate.files.results import (
    Form,
    ItemResult,
    Result,
    ResultWriter,
    Status,
)
from nakadachi.refusal import Reason
from nakadachi.terms import ItemCode, Serial

SERIAL = Serial("9999000000000001-01JZZZZZZZZZZZZZZZZZZZZZZZ")
ITEMS = (
    ItemResult(ItemCode("TM00000000000002-0001"), '=1+1,"x"'),
    ItemResult(ItemCode("TM00000000000002-0002"), None, "NotAcceptable"),
)
REJECT = Reject(5, 2, "宛名番号が違います", "addressee_number is wrong", "直してください / Mend it")
RESULTS = (
    Result.answered(1, SERIAL, ITEMS),
    Result.without_answer(2, Status.REFUSED, Reason.WITHHELD, SERIAL),
    Result.pending(3, SERIAL),
    Result.without_answer(4, Status.UNKNOWN, Reason.TIMED_OUT),
    Result.rejected(REJECT),
)


def written(form: Form) -> bytes:
    stream = io.BytesIO()
    with ResultWriter(stream, form) as writer:
        for result in RESULTS:
            writer.write(result)
    return stream.getvalue()


def test_a_spreadsheet_gets_one_row_per_line_with_the_reason_in_both_languages():
    raw = written(Form.CSV)
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == 6
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert [row["status"] for row in rows] == ["answered", "refused", "pending", "unknown", "rejected"]
    assert (rows[1]["reason"], rows[1]["reason_ja"], rows[1]["reason_en"]) == (
        "WITHHELD",
        Reason.WITHHELD.japanese,
        Reason.WITHHELD.english,
    )
    assert rows[4]["reason_ja"] == "宛名番号が違います。直してください"
    assert rows[4]["reason_en"] == "addressee_number is wrong. Mend it"
    assert [row["serial"] for row in rows] == [SERIAL.value, SERIAL.value, SERIAL.value, "", ""]


def test_no_value_begins_a_cell_so_no_spreadsheet_takes_one_for_a_formula():
    rows = list(csv.DictReader(io.StringIO(written(Form.CSV).decode("utf-8-sig"))))
    assert rows[0]["items"].startswith("{")
    assert json.loads(rows[0]["items"])["TM00000000000002-0001"] == {"value": '=1+1,"x"'}
    assert rows[1]["items"] == ""


def test_a_program_gets_one_json_object_per_line():
    lines = [json.loads(line) for line in written(Form.JSON_LINES).splitlines()]
    assert [line["line"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0]["items"] == {
        "TM00000000000002-0001": {"value": '=1+1,"x"'},
        "TM00000000000002-0002": {"reason_of_null": "NotAcceptable"},
    }
    assert lines[3] == {
        "line": 4,
        "status": "unknown",
        "reason": "TIMED_OUT",
        "reason_ja": Reason.TIMED_OUT.japanese,
        "reason_en": Reason.TIMED_OUT.english,
        "serial": None,
        "items": {},
    }


@pytest.mark.parametrize("line", [1, 2])
def test_results_keep_the_order_of_the_input(line):
    writer = ResultWriter(io.BytesIO(), Form.JSON_LINES)
    writer.write(Result.pending(2, None))
    with pytest.raises(ValueError, match=f"line {line} comes after that of line 2"):
        writer.write(Result.pending(line, None))


def test_results_reach_the_file_while_the_rest_is_still_being_asked():
    class Counting(io.BytesIO):
        flushed = 0

        def flush(self) -> None:
            self.flushed = self.getvalue().count(b"\n")

    stream = Counting()
    writer = ResultWriter(stream, Form.JSON_LINES)
    for line in range(1, 151):
        writer.write(Result.pending(line, None))
    assert stream.flushed == 100
    writer.close()
    assert stream.flushed == 150


@pytest.mark.parametrize(("value", "reason"), [(None, None), ("1", "NotAcceptable")])
def test_an_item_has_a_value_or_a_reason(value, reason):
    with pytest.raises(ValueError, match="either a value or a reason"):
        ItemResult(ItemCode("TM00000000000002-0001"), value, reason)


def test_values_show_in_no_repr():
    assert "1+1" not in repr(RESULTS[0]) + repr(ITEMS[0])
