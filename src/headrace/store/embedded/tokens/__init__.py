"""access.sqlite: tokens that are made while a server runs, and what was changed of them (docs/format/access.md)."""
