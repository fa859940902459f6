"""Programs for those who work on this project; nothing of a running system is here."""
