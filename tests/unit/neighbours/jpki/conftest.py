"""Authorities and keys for the tests of the public certification service: made once, since RSA keys take time."""

from __future__ import annotations

import pytest

from nakadachi.neighbours.jpki.authority import Authority
from nakadachi.neighbours.jpki.profile import Kind
from nakadachi.neighbours.jpki.reading import read_signature_certificate
from nakadachi.neighbours.jpki.verifying import Anchors
from tests.certified import an_authority, signature_of


@pytest.fixture(scope="session")
def signing() -> Authority:
    return an_authority(Kind.SIGNATURE)


@pytest.fixture(scope="session")
def authenticating() -> Authority:
    return an_authority(Kind.AUTHENTICATION)


@pytest.fixture(scope="session")
def certificate(signing):
    return read_signature_certificate(signature_of(signing))


@pytest.fixture(scope="session")
def anchors(signing, authenticating):
    return Anchors([signing.certificate, authenticating.certificate])
