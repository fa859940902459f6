"""How link codes are made in this network: the scheme of the configuration, held against that of the founding (C5).

The reversible scheme stands in `codes`, since it needs no database; the conversion table stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nakadachi.core import code_store
from nakadachi.core.codes import (
    BLOCK_BYTES,
    TABLE,
    LinkCodeScheme,
    LinkKeys,
    Meaning,
    ReversibleScheme,
    Scheme,
    head_of,
    need_generation,
    parts_of,
    refused,
)
from nakadachi.kit.config import ConfigError
from nakadachi.refusal import Refusal
from nakadachi.terms import LinkCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nakadachi.kit.database import Connection, Database
    from nakadachi.kit.entropy import Entropy
    from nakadachi.terms import OrganisationCode


class TableScheme:
    """案3 (コード変換テーブル方式): a link code is 16 random bytes, and what it stands for is looked up in a table.

    Its bytes: scheme 3, key index (2, big-endian), the 16 bytes. There is no key: the table is the secret. Asked twice,
    or by two instances at once, for the same meaning, it gives the same code.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    async def issue(self, connection: Connection, wanted: Sequence[Meaning]) -> list[LinkCode]:
        """See `LinkCodeScheme`. One look-up for all, and where codes are new, one more after they were kept."""
        for one in wanted:
            need_generation(one.generation)
        heads = {index: head_of(TABLE, index) for index in {one.key_index for one in wanted}}
        found = await code_store.codes(connection, wanted)
        fresh = {one: self._entropy.bytes(BLOCK_BYTES) for one, code in zip(wanted, found, strict=True) if code is None}
        if fresh:
            await code_store.keep_codes(connection, fresh)
            # What another instance kept meanwhile counts, not what was drawn here.
            found = await code_store.codes(connection, wanted)
        return LinkCode.of_all([heads[one.key_index] + _kept(code) for one, code in zip(wanted, found, strict=True)])

    async def read(
        self, connection: Connection, shown: Sequence[tuple[OrganisationCode, LinkCode]]
    ) -> list[Meaning | Refusal]:
        """See `LinkCodeScheme`. One look-up for all."""
        parts = [parts_of(link_code, TABLE, organisation) for organisation, link_code in shown]
        found = await code_store.meanings(connection, [one[1] for one in parts if not isinstance(one, Refusal)])
        return [
            one if isinstance(one, Refusal) else self._judge(found.get(one[1]), one[0], organisation)
            for one, (organisation, _) in zip(parts, shown, strict=True)
        ]

    @staticmethod
    def _judge(found: Meaning | None, key_index: int, organisation: OrganisationCode) -> Meaning | Refusal:
        if found is None or (found.organisation, found.key_index) != (organisation, key_index):
            return refused(organisation)
        return found


def _kept(code: bytes | None) -> bytes:
    if code is None:
        raise RuntimeError("a code was kept by another transaction that this one cannot see: issue in READ COMMITTED")
    return code


async def open_scheme(scheme: Scheme, database: Database, keys: LinkKeys, entropy: Entropy) -> LinkCodeScheme:
    """The scheme of this network. Raises ConfigError where its database was founded with another one."""
    async with database.acquire() as connection:
        founded = await code_store.founded_with(connection, scheme)
    if founded is not scheme:
        raise ConfigError(
            f'scheme = "{scheme}": this network was founded with link codes of the scheme "{founded}", and every code'
            f' that its organisations hold is one; write scheme = "{founded}" into the core\'s configuration'
            " (a network cannot change its scheme: found a new one, or issue anew what was issued)"
        )
    return TableScheme(entropy) if scheme is Scheme.TABLE else ReversibleScheme(keys)
