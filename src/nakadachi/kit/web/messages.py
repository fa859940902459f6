"""What a site says in place of a page: why, and what to do next, in both languages; and what it says after a step."""

from __future__ import annotations

from collections.abc import Mapping

from nakadachi.kit.web.text import Text


class Message(Exception):  # noqa: N818  an answer, most often to a person's slip
    """An answer in place of a page; `leads_to` goes on to another page without a word."""

    def __init__(self, status: int, title: Text, advice: Text, *, leads_to: str = "", **headers: str) -> None:
        super().__init__(title.english)
        self.status = status
        self.title = title
        self.advice = advice
        self.leads_to = leads_to
        self.headers: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}


_NONE = Text("", "")


class Leads(Message):
    """Go on to another page."""

    def __init__(self, to: str) -> None:
        super().__init__(303, _NONE, _NONE, leads_to=to)


def elsewhere(origin: str) -> Message:
    """Asked by another name: where these pages are."""
    return Message(
        421,
        Text("このアドレスでは表示できません", "Not at this address"),
        Text(f"次のアドレスを開いてください: {origin}/", f"Open {origin}/ instead."),
    )


DENIED = Message(
    403,
    Text("この画面を見る権限がありません", "You may not see this page"),
    Text(
        "必要な場合は、利用者管理者に役割の変更を依頼してください。この操作は記録されました。",
        "Ask an administrator of users if you need it. This attempt has been logged.",
    ),
)
NO_PAGE = Message(
    404,
    Text("ページが見つかりません", "There is no such page"),
    Text("アドレスを確認するか、最初の画面に戻ってください。", "Check the address, or go back to the first page."),
)
NOT_OURS = Message(
    403,
    Text("この操作は受け付けられません", "This was not accepted"),
    Text(
        "別のサイトから送られたか、画面が古くなっています。画面を開き直して、もう一度操作してください。",
        "It came from another site, or the page was too old. Open the page again and repeat what you did.",
    ),
)
BAD_FORM = Message(
    400,
    Text("送信された内容を読み取れません", "What was sent cannot be read"),
    Text("画面を開き直して、もう一度入力してください。", "Open the page again and fill it in once more."),
)
AWAY = Message(
    503,
    Text("ただいま混み合っているか、データベースに接続できません", "Busy, or the database is away"),
    Text(
        "少し待ってから、もう一度お試しください。何も変更されていません。",
        "Wait a moment and try again. Nothing was changed.",
    ),
    retry_after="5",
)
FAULT = Message(
    500,
    Text("システムの内部でエラーが起きました", "Something went wrong inside the system"),
    Text(
        "もう一度お試しください。続く場合は運用担当者に知らせてください。",
        "Try again. If it goes on, tell whoever operates it.",
    ),
)
LIVE_ENDED = Message(401, Text("ログインが必要です", "Sign in"), _NONE, hx_refresh="true")
TOLD = {
    "expired": Text(
        "ログインしていないか、時間が過ぎたためログアウトしました。", "You are not signed in, or your time was over."
    ),
    "out": Text("ログアウトしました。", "You are signed out."),
}
"""Said on the next page, by the word in its address."""
