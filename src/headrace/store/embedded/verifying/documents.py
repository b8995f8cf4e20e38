"""documents.sqlite: the file as a whole, and every row by its checksum."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from headrace.errors import Corrupt
from headrace.store.embedded.documents.catalog import FORMAT_WITH_DOCUMENTS, Catalog
from headrace.store.embedded.documents.file import FORMAT, DocumentFile
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.verifying.copies import check_integrity, copied
from headrace.store.embedded.verifying.findings import FindingKind, Findings


class DocumentsRead:
    """applied: through which record its changes are in the file, 0 where that cannot be told.   rows: sound ones."""

    def __init__(self) -> None:
        self.applied = 0
        self.rows = 0


def check_documents(
    path: Path, copies: Path, catalog: Catalog, current: Current, findings: Findings, progress: Callable[[int], None]
) -> DocumentsRead:
    """copies: a folder for a copy of the file."""
    read = DocumentsRead()
    _check_those_in_catalog(catalog, findings)
    if not path.exists() or not path.stat().st_size:
        if catalog.format != FORMAT_WITH_DOCUMENTS:
            findings.add(FindingKind.GAP, path, "is missing, and with it all documents")
        return read
    with findings.judging(path):
        copy = copied(path, copies)
        check_integrity(copy)
        with closing(DocumentFile(copy, catalog.database_id)) as file:
            if file.format != FORMAT:
                raise Corrupt(path, f"format {file.format}; this headrace reads format {FORMAT}")
            if file.database != catalog.database_id:
                raise Corrupt(path, "belongs to another database")
            read.applied = file.applied
            for lost in file.damage:
                findings.add(FindingKind.REMEMBERED, path, lost)
            for row in file.rows():
                if isinstance(row, Corrupt):
                    findings.damage(path, row.detail)
                else:
                    read.rows += 1
        through = current.others.documents_through
        if read.applied < through:
            what = f"has the changes through record {read.applied} only, it had them through {through}: an older copy"
            findings.add(FindingKind.GAP, path, what)
        progress(path.stat().st_size)
    return read


def _check_those_in_catalog(catalog: Catalog, findings: Findings) -> None:
    """Databases of an earlier format have them there."""
    for document in catalog.documents():
        if isinstance(document, Corrupt):
            findings.damage(document.file, document.detail)
