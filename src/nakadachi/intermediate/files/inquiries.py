"""The inquiry file of an existing system (照会ファイル), 18 columns; it knows addressee numbers, never a link code.

Source: facts 2.3, M7. Case number and terminal are not in the layout; the command line gives them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nakadachi.intermediate.files.layout import (
    ADDRESSEE,
    AFFAIR,
    DAY,
    INFORMATION,
    MOMENT,
    ORGANISATION,
    PROCEDURE,
    Column,
    Firsts,
    Record,
    Shape,
    day_or_none,
    moment,
    parsed,
    records,
)
from nakadachi.intermediate.subjects import AddresseeNumber
from nakadachi.terms import AffairCode, InfoNameCode, OrganisationCode, ProcedureCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime

    from nakadachi.intermediate.files.reading import Line, Reject

NUMBER_SYSTEMS = {"1", "01"}
LONGEST_OPERATOR = 20

COLUMNS = (
    Column("number_system", "番号体系", 2),
    Column("addressee_number", "宛名番号", 15),
    Column("integrated_addressee_number", "統合宛名番号", 15),
    Column("request_time", "照会依頼日時", 17),
    Column("department", "情報照会者部署コード", LONGEST_OPERATOR),
    Column("operator", "情報照会者ユーザーID", LONGEST_OPERATOR),
    Column("inquirer", "情報照会者機関コード", 16),
    Column("non_disclosure", "照会側不開示コード", 1),
    Column("affair", "事務コード", 16),
    Column("procedure", "事務手続コード", 16),
    Column("delegating_inquirer", "委任元情報照会者機関コード", 16),
    Column("delegating_provider", "委任元情報提供者機関コード", 16),
    Column("provider", "情報提供者機関コード", 16),
    Column("information", "特定個人情報名コード", 16),
    Column("condition", "照会条件区分", 1),
    Column("fiscal_year", "照会年度区分", 1),
    Column("start", "開始日", 8),
    Column("end", "終了日", 8),
)

_SYSTEM = Shape("01", "01")
_WHO = Shape(f"1～{LONGEST_OPERATOR}文字", f"1 to {LONGEST_OPERATOR} characters")
_DIGIT = Shape("1桁の数字又は空欄", "one digit or blank")


@dataclass(frozen=True, slots=True)
class InquiryLine:
    """照会行: one inquiry as an existing system asks for it.

    `addressee`: the integrated addressee number where the line has one, else the addressee number.
    `non_disclosure`: 0 none, else the inquirer's category. `condition` and `fiscal_year` are handed on as they are:
    their values are not public (facts 10). `start`, `end`: None means no bound.
    """

    line: int
    addressee: AddresseeNumber
    requested_at: datetime
    department: str
    operator: str = field(repr=False)
    inquirer: OrganisationCode
    non_disclosure: int
    affair: AffairCode
    procedure: ProcedureCode
    delegating_inquirer: OrganisationCode | None
    delegating_provider: OrganisationCode | None
    provider: OrganisationCode
    information: InfoNameCode
    condition: int | None
    fiscal_year: int | None
    start: date | None
    end: date | None


def inquiries(lines: Iterable[Line | Reject]) -> Iterator[InquiryLine | Reject]:
    """照会ファイルの読取り: one `InquiryLine` or one `Reject` for every line that is not blank, in order.

    Takes fixed-width cells with commas (the layout's own form), unpadded cells with commas, and fixed width without
    commas. A line that asks the same of the same person as an earlier one is rejected and names that line.
    """
    firsts = Firsts()

    def parse(record: Record) -> InquiryLine:
        inquiry = _inquiry(record)
        period = (inquiry.start, inquiry.end)
        firsts.check(record, inquiry.addressee, inquiry.affair, inquiry.provider, inquiry.information, *period)
        return inquiry

    return parsed(records(lines, COLUMNS), parse)


def _inquiry(record: Record) -> InquiryLine:
    record.take("number_system", _number_system, _SYSTEM)
    start, end = _period(record)
    return InquiryLine(
        line=record.line,
        addressee=_addressee(record),
        requested_at=record.take("request_time", moment, MOMENT),
        department=record.take("department", _who, _WHO),
        operator=record.take("operator", _who, _WHO),
        inquirer=record.take("inquirer", OrganisationCode, ORGANISATION),
        non_disclosure=record.take("non_disclosure", _digit, _DIGIT) or 0,
        affair=record.take("affair", AffairCode, AFFAIR),
        procedure=record.take("procedure", ProcedureCode, PROCEDURE),
        delegating_inquirer=record.take("delegating_inquirer", _organisation_or_none, ORGANISATION),
        delegating_provider=record.take("delegating_provider", _organisation_or_none, ORGANISATION),
        provider=record.take("provider", OrganisationCode, ORGANISATION),
        information=record.take("information", InfoNameCode, INFORMATION),
        condition=record.take("condition", _digit, _DIGIT),
        fiscal_year=record.take("fiscal_year", _digit, _DIGIT),
        start=start,
        end=end,
    )


def _addressee(record: Record) -> AddresseeNumber:
    own, integrated = record.cell("addressee_number"), record.cell("integrated_addressee_number")
    if own.strip("0"):
        number = record.take("addressee_number", AddresseeNumber, ADDRESSEE)
    if integrated.strip("0") or not own.strip("0"):
        number = record.take("integrated_addressee_number", AddresseeNumber, ADDRESSEE)
    return number


def _period(record: Record) -> tuple[date | None, date | None]:
    start, end = record.take("start", day_or_none, DAY), record.take("end", day_or_none, DAY)
    if start and end and start > end:
        mend = "開始日を終了日以前にしてください / Let the start be no later than the end"
        raise record.fault("end", "終了日が開始日より前です", "the end is before the start", mend)
    return start, end


def _number_system(text: str) -> str:
    if text not in NUMBER_SYSTEMS:
        raise ValueError("not a number system")
    return text


def _who(text: str) -> str:
    if not 0 < len(text) <= LONGEST_OPERATOR:
        raise ValueError("not a department or operator")
    return text


def _digit(text: str) -> int | None:
    if not text:
        return None
    if len(text) != 1 or not text.isascii() or not text.isdigit():
        raise ValueError("not one digit")
    return int(text)


def _organisation_or_none(text: str) -> OrganisationCode | None:
    return OrganisationCode(text) if text.strip("0") else None
