"""What the desk asks about links and changes (C8, C17). All raise DeskError with a text for the person at the desk."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from nakadachi.desk.answers import Change, Changes, Linked, LinkStands, Loaded, Subscribed, read_answer, read_links
from nakadachi.desk.client import LOAD_SECONDS, STREAM_SECONDS

if TYPE_CHECKING:
    from datetime import date
    from typing import BinaryIO

    from nakadachi.desk.client import DeskClient
    from nakadachi.telegrams.link import LinkChange


async def change_links(
    desk: DeskClient, file: BinaryIO, change: LinkChange, on: date | None
) -> tuple[Linked, ...] | Loaded:
    """符号状態変更: unlink, suspend or resume the people of a list, from a day on; today where none is said."""
    query = {"change": change.value} | ({"on": on.isoformat()} if on else {})
    status, raw = await desk.whole("POST", "links/change", query=query, file=file, seconds=LOAD_SECONDS)
    return read_answer(raw, Loaded) if status == HTTPStatus.UNPROCESSABLE_ENTITY else read_links(raw)


async def links(desk: DeskClient, file: BinaryIO) -> tuple[LinkStands, ...] | Loaded:
    """符号の状態: how the links of the people of a list stand."""
    status, raw = await desk.whole("POST", "links/state", file=file, seconds=LOAD_SECONDS)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return read_answer(raw, Loaded)
    return read_answer(raw, tuple[LinkStands, ...])


async def special_links(desk: DeskClient) -> tuple[LinkStands, ...]:
    """停止・解除一覧: the links that are, were or will be suspended or over."""
    return read_answer((await desk.whole("GET", "links"))[1], tuple[LinkStands, ...])


async def subscribe(desk: DeskClient, scope: str, file: BinaryIO | None) -> Subscribed | Loaded:
    """変更通知の登録: whose changes are wanted; `file` lists people where those listed are."""
    status, raw = await desk.whole("POST", "changes/subscription", query={"scope": scope}, file=file)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return read_answer(raw, Loaded)
    return read_answer(raw, Subscribed)


async def changes(desk: DeskClient, after: int, wait: int) -> tuple[Change, ...]:
    """変更通知: what came after a number, waited for up to so many seconds where nothing did."""
    query = {"after": str(after), "wait": str(wait)}
    return read_answer((await desk.whole("GET", "changes", query=query))[1], Changes).changes


async def changes_of(desk: DeskClient, day: date, to: BinaryIO) -> None:
    """変更通知ファイル: all that came on a day, as CSV."""
    async with desk.ask("GET", "changes", query={"day": day.isoformat()}, seconds=STREAM_SECONDS) as answer:
        async for chunk in answer.content.iter_any():
            to.write(chunk)
