"""Names as senders spell them: the keys of spellings that a decoder has met before, and the names behind a batch."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.scanning.columns import SPAN_COLUMNS, TAGS_MAX
from headrace.kernels.series.names import json_parts
from headrace.model.points import NameParts
from headrace.model.series import SeriesName

Spelling = tuple[bytes, bytes]
"""A metric and its tags as they were sent: byte for byte, with their order, blanks and escapes."""

_KEY = struct.Struct("=QQ")
KEY_BYTES: Final = _KEY.size


class Hashing(Protocol):
    """What a decoder needs of a series table."""

    def key_of(self, name: SeriesName) -> tuple[int, int]:
        """The (low, high) halves of the 128-bit key of a name."""
        ...


_ENTRY_BYTES: Final = 320
"""What Python holds for a remembered spelling beside its bytes: two texts, a tuple, a key and a place in the dict."""


class KeyCache(dict[Spelling, bytes]):
    """The 16 bytes of a key by the spelling of its name; at most limits.CACHED_NAMES_MAX, of
    limits.CACHED_NAMES_BYTES_MAX. Any thread.

    read: the name that a spelling means; raises Refused, and then nothing is remembered.
    """

    def __init__(self, table: Hashing, read: Callable[[Spelling], SeriesName]) -> None:
        super().__init__()
        self._table = table
        self._read = read
        self._bytes = 0
        self._lock = threading.Lock()

    def __missing__(self, spelling: Spelling) -> bytes:
        key = key_bytes(self._table.key_of(self._read(spelling)))
        length = len(spelling[0]) + len(spelling[1])
        if length > limits.CACHED_SPELLING_BYTES_MAX:
            return key
        with self._lock:
            self._bytes += length + _ENTRY_BYTES
            if len(self) >= limits.CACHED_NAMES_MAX or self._bytes > limits.CACHED_NAMES_BYTES_MAX:
                self.clear()
                self._bytes = length + _ENTRY_BYTES
            self[spelling] = key
        return key

    @property
    def bytes_held(self) -> int:
        """What the remembered spellings take, at most: what `clear` has freed is still counted until it is full."""
        return self._bytes

    def keys_of(self, spellings: Iterable[Spelling]) -> NDArray[np.uint64]:
        """uint64[n, 2] of n spellings. Raises Refused when one of them is no name."""
        return key_column(map(self.__getitem__, spellings))


def key_bytes(key: tuple[int, int]) -> bytes:
    """The 16 bytes of a key, as key_column takes them."""
    return _KEY.pack(*key)


def key_column(keys: Iterable[bytes]) -> NDArray[np.uint64]:
    """uint64[n, 2], writable, of n keys of 16 bytes."""
    return np.frombuffer(bytearray(b"".join(keys)), dtype=np.uint64).reshape(-1, 2)


class SpelledNames:
    """The names of a batch (model.points.Names), read from their spellings when the gate asks."""

    def __init__(self, spellings: Sequence[Spelling], read: Callable[[Spelling], SeriesName]) -> None:
        self._spellings = spellings
        self._read = read

    def name(self, row: int) -> SeriesName:
        """The name of the series of row `row`."""
        return self._read(self._spellings[row])


class ScannedNames:
    """The names of what was scanned (model.points.PartedNames), read from its bytes when the gate asks.

    spans: int64[SPAN_COLUMNS * n], offsets into `text`.   read: the name that a spelling means, as the reference
    decoder reads it.   take_apart: kernels.series.names.json_parts, or what stands in its place for another dialect.
    """

    def __init__(
        self,
        text: bytes,
        spans: NDArray[np.int64],
        read: Callable[[Spelling], SeriesName],
        take_apart: Callable[..., None] = json_parts,
    ) -> None:
        self._text = text
        self._spans = spans
        self._read = read
        self._take_apart = take_apart

    def name(self, row: int) -> SeriesName:
        """The name of the series of row `row`."""
        at = row * SPAN_COLUMNS
        metric_start, metric_end, tags_start, tags_end = self._spans[at : at + SPAN_COLUMNS].tolist()
        return self._read((self._text[metric_start:metric_end], self._text[tags_start:tags_end]))

    def parts(self, rows: NDArray[np.int64]) -> NameParts:
        """The parts of the names of `rows`. A scanner takes no name with escapes, nor more than TAGS_MAX tags."""
        text = np.frombuffer(self._text, dtype=np.uint8)
        name_ends = np.empty(len(rows), dtype=np.int64)
        # Room for the most that may come; what stays untouched costs no memory.
        begins, ends = np.empty((2, len(rows) * (1 + 2 * TAGS_MAX)), dtype=np.int64)
        self._take_apart(text, self._spans, rows, name_ends, begins, ends)
        return NameParts(text, name_ends, begins, ends)
