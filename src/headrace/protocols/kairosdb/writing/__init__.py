"""Points in: bodies of /api/v1/datapoints and telnet lines."""
