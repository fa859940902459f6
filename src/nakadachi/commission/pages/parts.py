"""What a page of the Commission may touch, and who its people are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nakadachi.kit.web.ground import About
from nakadachi.kit.web.staff import Staff
from nakadachi.kit.web.text import Text

if TYPE_CHECKING:
    from nakadachi.commission.pages.systems import Systems
    from nakadachi.commission.parts import Commission

ROLES = {
    "officer": Text("監視担当", "Officer"),
    "chief": Text("責任者", "Chief"),
    "auditor": Text("監査人", "Auditor"),
    "administrator": Text("利用者管理者", "Administrator of users"),
}
"""役割. An administrator of users sees no record, and nobody else decides who may enter."""
WATCHERS = frozenset({"officer", "chief", "auditor"})
"""Who sees evidence."""
STAFF = Staff(ROLES, administrators=frozenset({"administrator"}), auditors=frozenset({"chief", "auditor"}))
ABOUT = About(
    "commission",
    Text("個人情報保護委員会 監視システム", "Commission oversight system"),
    Path(__file__).parent / "templates",
    ROLES,
)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The parts of the Commission's pages: the Commission, and its eye on the systems."""

    commission: Commission
    systems: Systems
