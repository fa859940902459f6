"""What the desk shows, as tables with headers in both languages; it shows what it is given and decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nakadachi.desk.answers import Finding, Linked, LinkOrder, LinkStands, Loaded, Waiting
from nakadachi.intermediate.files.results import Result, Status
from nakadachi.refusal import Reason
from nakadachi.telegrams.oversight import FindingKind
from nakadachi.terms import JAPAN

WIDE = 160
"""Columns of a table that no terminal limits (a pipe or a file)."""

STATUS_WORDS = {
    Status.ANSWERED: "回答あり / answered",
    Status.REFUSED: "回答なし / refused",
    Status.CANCELLED: "取消 / cancelled",
    Status.TIMED_OUT: "期限切れ / timed out",
    Status.PENDING: "回答待ち / pending",
    Status.REJECTED: "差戻し / rejected",
    Status.UNKNOWN: "結果不明 / unknown",
}
CHANGE_WORDS = {"pending": "処理待ち / pending", "done": "変更済み / done"}
LINK_WORDS = {
    "linked": "利用中 / linked",
    "suspended": "停止中 / suspended",
    "unlinked": "解除済み / unlinked",
    "none": "未付番 / never linked",
}
FINDING_WORDS = {kind.value: f"{kind.japanese} / {kind.english}" for kind in FindingKind}


def console(*, stderr: bool = False) -> Console:
    """Where tables go. Text from elsewhere is shown as it is: no markup, no highlighting."""
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = WIDE
    return made


def reason_words(reason: str, *, ja: str = "", en: str = "") -> str:
    """A reason in both languages: the closed list's words, else those that came with it."""
    known = Reason.__members__.get(reason)
    if known is None:
        return f"{ja} / {en}" if ja or en else reason
    return f"{known.japanese} / {known.english}"


def rejects(loaded: Loaded) -> Table:
    """差戻し一覧: line, column, why, and what to do."""
    table = _table("行 / Line", "列 / Column", "理由 / Reason", "直し方 / What to do", numbers=2)
    for one in loaded.rejects:
        column = str(one.column) if one.column else "–"
        table.add_row(str(one.line), column, f"{one.reason_ja}\n{one.reason_en}", one.mend.replace(" / ", "\n"))
    return table


_GOES_ON = (
    "注文は残り、つながり次第続きます。このコマンドは終了してもかまいません /"
    " the order is kept and goes on by itself once it can; this command may be ended and run again"
)
WAITS = {
    "": "接続が回復し、続行しています / it can be reached again; the order goes on",
    "registry": f"機構(住民基本台帳)が応答しません / the registry organisation does not answer. {_GOES_ON}",
    "interface": (
        f"自機関のインターフェイスシステムが応答しません / the own interface system does not answer. {_GOES_ON}"
    ),
}
"""付番の待ち: what a clerk is told where an order waits for somebody, and when it waits no more."""


def link_order(order: LinkOrder) -> Table:
    """付番・再確認の結果: how many people of an order ended how."""
    table = _table("件数 / Count", "結果 / Outcome", numbers=1)
    done = "一致 / as it should be" if order.checking else "付番済み / linked"
    refused = "確認事項あり / not found, or several" if order.checking else "付番できず / refused"
    counts = (
        (order.done, done),
        (order.refused, refused),
        (order.unanswered, "回答なし / not answered"),
        (order.rejected, "差戻し / lines rejected"),
    )
    for count, words in counts:
        table.add_row(str(count), words)
    return table


def changed_links(lines: Iterable[Linked]) -> Table:
    """変更結果: how many lines ended how."""
    table = _table("件数 / Count", "結果 / Outcome", numbers=1)
    for outcome, count in Counter(one.outcome for one in lines).most_common():
        table.add_row(str(count), CHANGE_WORDS.get(outcome) or f"{outcome}: {reason_words(outcome)}")
    return table


def link_states(found: Iterable[LinkStands]) -> Table:
    """符号の状態: how each link stands, days in Japan."""
    table = _table(
        "宛名番号 / Addressee",
        "状態 / State",
        "付番日 / Linked",
        "停止日 / Suspended",
        "再開日 / Resumed",
        "解除日 / Unlinked",
        unbroken=1,
    )
    for one in found:
        state = LINK_WORDS.get(one.state) or f"{one.state}: {reason_words(one.state)}"
        table.add_row(one.addressee, state, one.linked, one.suspended, one.resumed, one.unlinked)
    return table


def waiting(held: Sequence[Waiting]) -> Table:
    """保留一覧: what waits for staff, times in Japan's."""
    table = _table("処理通番 / Serial", "照会 / Inquiry", "照会日時 / Asked", "回答期限 / Answer by", unbroken=1)
    for one in held:
        what = f"{one.inquirer_name} ({one.inquirer})\n{one.affair}\n{one.information}"
        table.add_row(one.serial, what, _moment(one.asked_at), _moment(one.answer_by))
    return table


def findings(found: Sequence[Finding]) -> Table:
    """確認事項: what staff should look at, times in Japan's; of a link its addressee number, and what to do."""
    table = _table("処理通番・宛名番号 / Serial, addressee", "内容 / What", "日時 / When", unbroken=1)
    for one in found:
        what = FINDING_WORDS.get(one.kind, one.kind)
        if one.addressee:
            what = "\n".join([f"{one.reason_ja} / {one.reason_en}", *one.mend.split(" / ")])
        table.add_row(one.addressee or one.serial, what, _moment(one.at))
    return table


def result(one: Result) -> Table:
    """照会結果: one inquiry with its items."""
    table = _table("項目 / Item", "値 / Value")
    table.add_row("処理通番 / Serial", one.serial.value if one.serial else "–")
    table.add_row("結果 / Status", STATUS_WORDS[one.status])
    if one.reason_ja or one.reason_en:
        table.add_row("理由 / Reason", f"{one.reason_ja} / {one.reason_en}")
    for item in one.items:
        table.add_row(item.item.value, item.value if item.value is not None else f"（{item.reason_of_null}）")
    return table


class Summary:
    """集計: results by status and reason, as they come."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Status, str]] = Counter()
        self._words: dict[tuple[Status, str], str] = {}

    @property
    def total(self) -> int:
        """How many results were counted."""
        return self._counts.total()

    def add(self, one: Result) -> None:
        """Count one result. Of a rejected line only that it was: each has words of its own, in the file."""
        key = (one.status, one.reason)
        self._counts[key] += 1
        if key not in self._words:
            self._words[key] = reason_words(one.reason, ja=one.reason_ja, en=one.reason_en)

    def table(self) -> Table:
        """The counts, in the order of the statuses and the most frequent reason first."""
        table = _table("件数 / Count", "結果 / Status", "理由 / Reason", numbers=1)
        order = list(Status)
        counts = sorted(self._counts.items(), key=lambda one: (order.index(one[0][0]), -one[1], one[0][1]))
        for (status, reason), count in counts:
            words = self._words[status, reason]
            table.add_row(str(count), STATUS_WORDS[status], f"{reason}: {words}" if reason else words)
        return table


def stacked(*headers: tuple[str, str], numbers: range) -> Table:
    """A table with many columns: a header's two languages stand one above the other; the first column stays whole."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, (japanese, english) in enumerate(headers):
        right = place in numbers
        table.add_column(
            f"{japanese}\n{english}", justify="right" if right else "left", no_wrap=place == 0, overflow="fold"
        )
    return table


def _table(*headers: str, numbers: int = 0, unbroken: int = 0) -> Table:
    """A table whose first `numbers` columns are flush right, and whose first `unbroken` ones can be copied whole."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for place, header in enumerate(headers):
        right = place < numbers
        table.add_column(header, justify="right" if right else "left", no_wrap=place < unbroken, overflow="fold")
    return table


def _moment(moment: datetime) -> str:
    return moment.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M")
