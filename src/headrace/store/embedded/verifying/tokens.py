"""access.sqlite: that it is there, and every token by its checksum."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from headrace.store.embedded.completeness import missing_tokens
from headrace.store.embedded.parts import ACCESS
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.tokens.file import TokenFile, is_there
from headrace.store.embedded.verifying.copies import check_integrity, copied
from headrace.store.embedded.verifying.findings import FindingKind, Findings


def check_tokens(data_dir: Path, copies: Path, current: Current, findings: Findings) -> None:
    """copies: a folder for a copy of the file."""
    path = data_dir / ACCESS
    with findings.judging(path):
        if gone := missing_tokens(data_dir, current):
            findings.add(FindingKind.GAP, path, gone)
        elif is_there(path):
            copy = copied(path, copies)
            check_integrity(copy)
            with closing(TokenFile(copy)) as file:
                file.read()
