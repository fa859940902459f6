"""Three nodes with keys of their own, and hands that write their telegrams."""

from datetime import UTC, datetime

import pytest

from nakadachi.crypto.signing import SigningKey
from nakadachi.kit.author import Author
from nakadachi.kit.clock import FixedClock
from nakadachi.kit.entropy import SeededEntropy
from nakadachi.refusal import Refusal
from nakadachi.terms import NodeName

A, B, C = "9901000000000001", "9901000000000002", "9910000000000001"
NOW = datetime(2026, 4, 1, 1, tzinfo=UTC)


@pytest.fixture
def author():
    """Makes the author of a node name."""

    def make(name, scalar=1):
        return Author(NodeName(name), SigningKey.from_scalar(scalar), FixedClock(NOW), SeededEntropy(scalar))

    return make


@pytest.fixture
def refused():
    """Calls, expects a refusal for the reason, and gives its detail."""

    def call(reason, function, *arguments, **named):
        with pytest.raises(Refusal) as wrong:
            function(*arguments, **named)
        assert wrong.value.reason is reason, wrong.value
        return wrong.value.detail

    return call
