"""What goes wrong with keys at rest, in words for whoever has to mend it; never a key, a PIN or a secret."""

from __future__ import annotations


class KeyStoreError(Exception):
    """A key is missing or cannot be opened; the message names the file or token and what to do, never the key."""


class MonthDestroyedError(KeyStoreError):
    """The key of a month is not there, or not there any more: what it wrapped opens for nobody."""
