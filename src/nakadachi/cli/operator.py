"""What commands of a system's operator have in common: the door of the running system, with its own certificate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nakadachi.cli.ending import ending, stop
from nakadachi.cli.serve import KINDS, run

if TYPE_CHECKING:
    from nakadachi.kit.asking import Door

NAMES = {"core": ("コア", "the core"), "commission": ("委員会システム", "the Commission system")}
"""What a kind of system is called to its operator."""


def at_the_door(command: str, config: Path, url: str, work: Callable[[Door], Any]) -> Any:
    """Do `work` at the door of the system that `config` is of: `command` names its kind (`core`, `commission`).

    `url` where it is not asked where its configuration listens. A failure ends the command with its text.
    """
    from nakadachi.kit.asking import Door, Silent
    from nakadachi.kit.config import ConfigError, load
    from nakadachi.kit.tls import client_context

    kind = next(kind for kind in KINDS if kind.command == command)
    with ending(ConfigError):
        node = load(config, kind.configuration()).node
        try:
            context = client_context(node.certificate, node.key, node.authority)
        except OSError as wrong:
            raise ConfigError(f"{node.certificate}: the certificate and key cannot be used ({wrong})") from None
        where = url or "https://" + node.listen.replace("0.0.0.0:", "127.0.0.1:")
        try:
            return run(work(Door(context, node.name, where)))
        except Silent as silent:
            japanese, english = NAMES[command]
            stop(
                f"{where}: {japanese}が応答しません / {english} does not answer ({silent}); it must run, and this must"
                " be its configuration"
            )
