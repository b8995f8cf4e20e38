"""Points in: bodies of /api/put and telnet lines."""
