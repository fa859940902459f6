"""What the commands about keys have in common: whose store, who acts, and how it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nakadachi.kit.key_folder import FolderKeyStore

Config = Annotated[Path, typer.Option("--config", help="The system's configuration, as its `serve` takes it.")]
Operator = Annotated[
    str, typer.Option("--operator", envvar="NAKADACHI_OPERATOR", help="Who does this; it stands in the journal.")
]


def opened(config: Path, operator: str, officers: Sequence[Path] | None = None) -> FolderKeyStore:
    """A node's key store; `officers` are files that take the place of the configuration's. Raises ConfigError,
    KeyStoreError.
    """
    from nakadachi.cli.backup import node_of
    from nakadachi.node import World, open_keys

    node = node_of(config)
    if officers:
        node = replace(node, key_store=replace(node.key_store, officers=tuple(officers)))
    return open_keys(node, World(), who=operator)
