"""How the system behind a door fares, as a test says."""

from dataclasses import dataclass
from datetime import datetime

from nakadachi.terms import NodeName


@dataclass
class Faring:
    """A health that is as told (`nakadachi.kit.web.Watched`)."""

    name: NodeName
    moment: datetime
    fit: bool = True

    def now(self):
        return self.moment

    async def readiness(self):
        return self.fit, {"ready": self.fit, "名": "仲立ち"}

    async def status(self):
        return {"node": self.name.value, "名": "仲立ち"}

    async def exposition(self):
        return b"nakadachi_check 1.0"
