"""KairosDB: its HTTP interface and its telnet lines."""
