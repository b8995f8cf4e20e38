"""Parsed footers of open segments, as many as may be in memory: those that were asked for last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

import pyarrow.parquet as pq

from headrace import limits

PARSED_BY_WRITTEN: Final = 11
"""Bytes in memory for each of a file: 10.3 were measured (an object for each column of each row group)."""


class Footers:
    """For any thread."""

    def __init__(self, bytes_max: int) -> None:
        """bytes_max: of memory, about."""
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[object, pq.FileMetaData] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, key: object) -> pq.FileMetaData | None:
        """None: it has to be read again."""
        with self._changing:
            footer = self._kept.get(key)
            if footer is not None:
                self._kept.move_to_end(key)
            return footer

    def keep(self, key: object, footer: pq.FileMetaData) -> None:
        """In place of those that were not asked for for the longest time."""
        with self._changing:
            self._drop(key)
            self._kept[key] = footer
            self._bytes += _size(footer)
            while self._bytes > self._bytes_max:
                self._drop(next(iter(self._kept)))

    def drop(self, key: object) -> None:
        """Its file is closed."""
        with self._changing:
            self._drop(key)

    def _drop(self, key: object) -> None:
        footer = self._kept.pop(key, None)
        if footer is not None:
            self._bytes -= _size(footer)


def _size(footer: pq.FileMetaData) -> int:
    written: int = footer.serialized_size
    return written * PARSED_BY_WRITTEN


FOOTERS: Final = Footers(limits.FOOTERS_BYTES_MAX)
"""Of all segments of this process."""
