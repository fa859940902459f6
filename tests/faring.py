"""How the system behind a door fares, as a test says; and what a door of a country says of it."""

from dataclasses import dataclass
from datetime import datetime

from nakadachi.kit.tls import node_host
from nakadachi.terms import NodeName, Role
from tests.world import Land


@dataclass
class Faring:
    """A health that is as told (`nakadachi.kit.web.door.Watched`)."""

    name: NodeName
    moment: datetime
    fit: bool = True

    def now(self):
        return self.moment

    async def readiness(self):
        return self.fit, {"ready": self.fit, "名": "仲立ち"}

    async def stands(self):
        return self.fit

    async def status(self):
        return {"node": self.name.value, "名": "仲立ち"}

    async def exposition(self):
        return b"nakadachi_check 1.0"


async def told(land: Land, name: NodeName, path: str, by: NodeName | None = None) -> tuple[int, bytes]:
    """What a system's door says to another one, by default to the core: HTTP status and body."""
    place = land.plan.place(name)
    session = land._session(land.country.folder / land.plan.place(by or land.name(Role.CORE)).folder)
    async with session.get(place.url + path, server_hostname=node_host(name)) as response:
        return response.status, await response.read()
