"""The cryptographic parts, each behind a small interface of its own; none knows who uses it or for whom."""
