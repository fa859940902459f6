"""The desk: how an existing system or a clerk works with an intermediate server, over its HTTPS door only (M7)."""
