"""Settings with a structure of their own; the table of all settings is headrace.config."""
