"""A card that was handed over, fresh for each test."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests import cards


@pytest.fixture
def town(tmp_path: Path) -> cards.Town:
    """A municipality with one card that was handed over. Keys are made away from a loop that may run here."""
    made: list[cards.Town] = []
    thread = threading.Thread(target=lambda: made.append(cards.issued_town(tmp_path / "town")))
    thread.start()
    thread.join()
    return made[0]
