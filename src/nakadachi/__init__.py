"""nakadachi (仲立ち): an open Information Provision Network System."""

__version__ = "0.2.0"

OLDEST_PEER = "0.1.0"
"""The oldest version that this one still exchanges with: the one before it (L9, decision 0021)."""
