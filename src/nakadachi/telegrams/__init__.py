"""電文: the wire, whole and only: every telegram, its bytes, and who may hand what to whom."""
