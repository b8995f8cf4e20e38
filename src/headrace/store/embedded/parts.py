"""What an embedded store is made of, once it is open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.model.series import SeriesTable
from headrace.settings.principals import TOKENS_FILE
from headrace.store.embedded.documents.catalog import Catalog
from headrace.store.embedded.documents.documents import Documents
from headrace.store.embedded.files.folder_lock import FolderLock
from headrace.store.embedded.journal.journal import Journal
from headrace.store.embedded.reading.visible import Visible
from headrace.store.embedded.recent.hidden import Hidden
from headrace.store.embedded.segments.folder import SegmentFolder
from headrace.store.embedded.series.index import SeriesIndex

JOURNAL = "journal"
SEGMENTS = "segments"
CATALOG = "catalog.sqlite"
DOCUMENTS = "documents.sqlite"
ACCESS = TOKENS_FILE
VERIFYING = "verifying"
STREAMING = "streaming"
"""What lies in the data directory (docs/operations.md)."""


@dataclass(slots=True)
class Parts:
    """What a store is made of, each part open."""

    catalog: Catalog
    table: SeriesTable
    index: SeriesIndex
    folder: SegmentFolder
    visible: Visible
    journal: Journal
    lock: FolderLock
    documents: Documents
    hidden_on_disk: Hidden

    def catalog_series(self) -> NDArray[np.uint32]:
        """Let the catalog take over the series that the journal made durable since the last time. Returns the ordinals
        (uint32, ascending) that no series file holds yet. Raises Unavailable."""
        durable = len(self.index)
        if self.catalog.series_count < durable:
            self.catalog.add_series(self.table.series(self.catalog.series_count, durable))
        listed = sum(file.series for file in self.folder.current.series)
        return np.arange(listed, durable, dtype=np.uint32)

    def close(self) -> None:
        """Nothing may append, seal or read any more."""
        self.journal.close()
        self.visible.close()
        self.documents.close()
        self.catalog.close()
        self.lock.release()
