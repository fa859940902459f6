"""Authorities and keys for the tests of the public certification service: made once, since RSA keys take time."""

from __future__ import annotations

import pytest

from nakadachi.neighbours.jpki.authority import Authority
from nakadachi.neighbours.jpki.profile import Kind
from tests.certified import NOW, an_authority


@pytest.fixture(scope="session")
def signing() -> Authority:
    return an_authority(Kind.SIGNATURE)


@pytest.fixture(scope="session")
def authenticating() -> Authority:
    return an_authority(Kind.AUTHENTICATION)


@pytest.fixture
def now():
    return NOW
