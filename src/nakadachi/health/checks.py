"""The checks of a reading: each says how it is and, where something is to be done, what. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from nakadachi.health.reading import Checked, Grade, Reading
from nakadachi.telegrams.oversight import Check

RENEW_DAYS = 30
"""From here on a certificate is to be renewed."""
OLD_SECONDS, STUCK_SECONDS = 300.0, 3600.0
"""Ages of the oldest request that waits: from the first on it is a warning, from the second on we are not ready."""


def database(reading: Reading) -> Checked:
    """データベース: it answers in time."""
    if reading.waiting is not None:
        return Checked(Check.DATABASE, Grade.OK, "応答あり", "answers")
    return Checked(
        Check.DATABASE,
        Grade.FAILED,
        "応答なし。データベースの稼働と接続先を確認してください",
        "does not answer in time: see that it runs and is the one that the configuration names",
    )


def backlog(reading: Reading) -> Checked:
    """送信待ち: nothing waits for long. What waits is kept, and is sent once its destination answers."""
    count, seconds = reading.backlog, reading.oldest_seconds
    if count is None or seconds is None:
        return Checked(
            Check.OUTBOX, Grade.FAILED, "不明 (データベース応答なし)", "not known: the database does not answer"
        )
    if seconds < OLD_SECONDS:
        return Checked(Check.OUTBOX, Grade.OK, f"送信待ち {count} 件", f"{count} waiting")
    grade = Grade.WARNING if seconds < STUCK_SECONDS else Grade.FAILED
    return Checked(
        Check.OUTBOX,
        grade,
        f"送信待ち {count} 件、最古 {_ja(seconds)}前。送信先の稼働を確認してください",
        f"{count} waiting, the oldest for {age(seconds)}: see which system does not answer (send.waits in the log)",
    )


def certificate(reading: Reading) -> Checked:
    """証明書: the TLS certificate in use has not ended, and does not end soon."""
    days = reading.certificate_days
    until = f"{reading.certificate_until:%Y-%m-%d}"
    if days >= RENEW_DAYS:
        return Checked(Check.CERTIFICATE, Grade.OK, f"残り {int(days)} 日", f"{int(days)} days left")
    renew_ja, renew_en = "更新して再起動してください", "renew it and start again"
    if days >= 0:
        return Checked(
            Check.CERTIFICATE,
            Grade.WARNING,
            f"残り {int(days)} 日 ({until} まで)。{renew_ja}",
            f"{int(days)} days left, until {until}: {renew_en}",
        )
    return Checked(Check.CERTIFICATE, Grade.FAILED, f"{until} に失効。{renew_ja}", f"ended on {until}: {renew_en}")


def clock(reading: Reading, *, strict: bool) -> Checked:
    """時計: something keeps it right; deadlines and records rest on it. `strict`: without that we are not ready."""
    kernel = reading.kernel
    if kernel is None:
        return Checked(Check.CLOCK, Grade.OK, "この環境では確認できません", "the kernel cannot be asked here")
    if kernel.synchronised:
        error = f"{kernel.error_seconds * 1000:.0f} ms"
        return Checked(Check.CLOCK, Grade.OK, f"同期済み (誤差 {error} 以内)", f"synchronised, error at most {error}")
    return Checked(
        Check.CLOCK,
        Grade.FAILED if strict else Grade.WARNING,
        "時刻同期なし。NTP (chrony など) を動かしてください",
        "not synchronised: run an NTP client (such as chrony)",
    )


def in_force(reading: Reading) -> Checked:
    """法令データとディレクトリ: the documents in use are in force."""
    effective = reading.effective
    versions = f"{effective.lawbook} / {effective.directory}"
    if effective.in_force:
        return Checked(
            Check.EDITION, Grade.OK, f"版 {versions}", f"law book {effective.lawbook}, directory {effective.directory}"
        )
    return Checked(
        Check.EDITION,
        Grade.FAILED,
        f"施行日前の版 {versions} を使用中。時計と配布された版を確認してください",
        f"law book {effective.lawbook} or directory {effective.directory} is not in force yet: check the clock,"
        " and which pair was distributed",
    )


def program(*, changed: tuple[bool, bool], since: datetime) -> Checked:
    """プログラムと設定: both are as they were accepted; `changed` says of the program, and of the settings, if not."""
    at = f"{since:%Y-%m-%d %H:%M} UTC"
    if not any(changed):
        return Checked(Check.PROGRAM, Grade.OK, f"{at} の承認どおり", f"as accepted on {at}")
    named = (("プログラム", "the program"), ("設定", "the settings"))
    what = [pair for pair, differs in zip(named, changed, strict=True) if differs]
    japanese, english = "と".join(one for one, _ in what), " and ".join(one for _, one in what)
    return Checked(
        Check.PROGRAM,
        Grade.WARNING,
        f"{japanese}が {at} の承認後に変わりました。意図した変更なら --accept を付けて再起動し、"
        "そうでなければネットワークから切り離して調べてください",
        f"{english} changed since {at}, when it was accepted: if that was meant, start again with --accept; if not,"
        " take the system off the network and find out",
    )


def lease(*, held: bool) -> Checked:
    """ログの書込権: only its holder issues permits."""
    if held:
        return Checked(Check.LEASE, Grade.OK, "保持", "held")
    return Checked(
        Check.LEASE,
        Grade.FAILED,
        "ログの書込権なし。別のコアが動いていないか確認してください",
        "this core does not hold its log's lease: see whether another one writes that log",
    )


def own_head(reading: Reading, lag: timedelta) -> Checked:
    """連署済みヘッド at the core: one older than `lag` means that no permit is taken anywhere."""
    at = reading.heads.at
    seconds = None if at is None else (reading.now - at).total_seconds()
    if seconds is not None and seconds <= lag.total_seconds() / 2:
        return Checked(Check.HEAD, Grade.OK, f"連署 {_ja(seconds)}前", f"cosigned {age(seconds)} ago")
    grade = Grade.WARNING if seconds is not None and seconds <= lag.total_seconds() else Grade.FAILED
    ja = "連署済みヘッドなし" if seconds is None else f"最後の連署 {_ja(seconds)}前"
    en = "no cosigned head" if seconds is None else f"last cosigned {age(seconds)} ago"
    return Checked(
        Check.HEAD,
        grade,
        f"{ja}。委員会システムの稼働を確認してください",
        f"{en}: see that the Commission's system runs and is reached (witness.waits in the log)",
    )


def seen_head(reading: Reading, lag: timedelta) -> Checked:
    """連署済みヘッド at an organisation: heads come with permits, so an old one only says that none came since."""
    at = reading.heads.at
    if at is None:
        return Checked(Check.HEAD, Grade.OK, "まだ届いていません", "none seen yet; the first permit brings one")
    seconds = (reading.now - at).total_seconds()
    if seconds <= lag.total_seconds():
        return Checked(Check.HEAD, Grade.OK, f"連署 {_ja(seconds)}前", f"cosigned {age(seconds)} ago")
    return Checked(
        Check.HEAD,
        Grade.OK,
        f"連署 {_ja(seconds)}前。次の許可証とともに新しいものが届きます",
        f"cosigned {age(seconds)} ago; the next permit brings a newer one",
    )


def age(seconds: float) -> str:
    """An age in its largest unit."""
    return _age(seconds, ("s", "min", "h", "d"))


def _ja(seconds: float) -> str:
    return _age(seconds, ("秒", "分", "時間", "日"))


def _age(seconds: float, units: tuple[str, str, str, str]) -> str:
    for size, unit in ((86400, units[3]), (3600, units[2]), (60, units[1])):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} {units[0]}"
