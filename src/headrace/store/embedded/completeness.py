"""Whether a data directory is one database or what is left of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headrace.errors import Incomplete
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import CURRENT
from headrace.store.embedded.journal.format import JOURNAL_PATTERN, file_name
from headrace.store.embedded.journal.reader import JournalFile
from headrace.store.embedded.parts import ACCESS, CATALOG, DOCUMENTS, JOURNAL, SEGMENTS
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.tokens.file import is_there


def check_catalog_is_there(data_dir: Path) -> None:
    """Nothing else says what the database is, so it cannot be given up. Raises Incomplete when the catalog is missing
    beside other files of a database. Changes nothing."""
    catalog = data_dir / CATALOG
    if catalog.exists() and catalog.stat().st_size:
        return
    others = [data_dir / SEGMENTS / CURRENT, *matching(data_dir / JOURNAL, JOURNAL_PATTERN), data_dir / DOCUMENTS]
    if left := [path for path in others if path.exists()]:
        raise Incomplete(f"{CATALOG}, which has the database's id and secret, is missing beside {left[0]}")


def missing_tokens(data_dir: Path, current: Current) -> str | None:
    """A sentence, when there was a file of tokens and is none: without it the server might be open to everybody. Raises
    Unavailable when that cannot be told."""
    if not current.has_tokens or is_there(data_dir / ACCESS):
        return None
    return "is missing, by whose tokens senders are known; headrace token create begins a new one"


def missing_file(files: Sequence[JournalFile], current: Current) -> str | None:
    """A sentence about the journal's newest file, when `files`, which are there, lack it and it held records that are
    not sealed. No file follows it, so nothing else tells of it."""
    newest = current.others.journal_first
    if not files or newest <= current.sealed_through or any(file.first == newest for file in files):
        return None
    return f"{JOURNAL}/{file_name(newest)} is missing"
