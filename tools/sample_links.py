"""Writes the telegrams by which a link code lives on after its issuance, once each; see `sample_telegrams`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nakadachi.core.codes import ReversibleScheme, id_code_of, link_key
from nakadachi.kit.author import Enclosure
from nakadachi.telegrams.codec import encode_json
from nakadachi.telegrams.envelope import Lane
from nakadachi.telegrams.link import ReplaceLinkCodes
from nakadachi.terms import NodeName


def replaced(tell: Callable[..., Any], core: NodeName, holder: NodeName, secret: bytes) -> None:
    """One person's code is replaced by that of the next key."""
    scheme = ReversibleScheme(lambda organisation, key_index: link_key(secret, organisation, key_index))
    person = id_code_of(secret, "12345678903")
    former, fresh = ([scheme.issue(person, holder.organisation, index, 0).value] for index in (1, 2))
    parts = [
        Enclosure("former codes", encode_json(former), personal=True),
        Enclosure("link codes", encode_json(fresh), personal=True),
    ]
    tell(core, ReplaceLinkCodes, holder, *parts, count=1, lane=Lane.BULK)
