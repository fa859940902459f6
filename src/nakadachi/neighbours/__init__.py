"""Stand-ins for outside parties, speaking the real interfaces."""
