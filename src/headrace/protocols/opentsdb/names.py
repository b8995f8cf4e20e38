"""Names of series: what this dialect asks of them, and the keys of the spellings that a decoder has met before."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.gate import RuleSet
from headrace.model.series import SeriesName

ILLEGAL_CHARACTER: Final = re.compile(r"[^\w\-./():,\[\]=#]")
"""Letters and digits of any script and "_" are \\w (OpenTSDB: Tags.validateString takes any Unicode letter); the rest
is the set that Alibaba TSDB documents."""

OPENTSDB_RULES: Final = RuleSet(
    name="opentsdb",
    bit=0,
    illegal_character=ILLEGAL_CHARACTER,
    tags_min=1,
    tags_max=limits.OPENTSDB_TAGS_MAX,
    name_bytes_max=limits.OPENTSDB_NAME_BYTES_MAX,
)
"""What the gate asks of the names of this room, over HTTP and telnet alike."""

Spelling = tuple[bytes, bytes]
"""A metric and its tags as they were sent: byte for byte, with their order, blanks and escapes."""

_KEY = struct.Struct("=QQ")


class Hashing(Protocol):
    """What this room needs of a series table."""

    def key_of(self, name: SeriesName) -> tuple[int, int]:
        """The (low, high) halves of the 128-bit key of a name."""
        ...


class KeyCache(dict[Spelling, bytes]):
    """The 16 bytes of a key by the spelling of its name; at most limits.OPENTSDB_CACHED_NAMES_MAX. Any thread.

    read: the name that a spelling means; raises Refused, and then nothing is remembered.
    """

    def __init__(self, table: Hashing, read: Callable[[Spelling], SeriesName]) -> None:
        super().__init__()
        self._table = table
        self._read = read

    def __missing__(self, spelling: Spelling) -> bytes:
        key = _KEY.pack(*self._table.key_of(self._read(spelling)))
        if len(self) >= limits.OPENTSDB_CACHED_NAMES_MAX:
            self.clear()
        self[spelling] = key
        return key

    def keys_of(self, spellings: Iterable[Spelling]) -> NDArray[np.uint64]:
        """uint64[n, 2] of n spellings. Raises Refused when one of them is no name."""
        return key_column(map(self.__getitem__, spellings))


def key_column(keys: Iterable[bytes]) -> NDArray[np.uint64]:
    """uint64[n, 2], writable, of n keys of 16 bytes."""
    return np.frombuffer(bytearray(b"".join(keys)), dtype=np.uint64).reshape(-1, 2)


class SpelledNames:
    """The names of a batch (model.points.Names), read from their spellings when the gate asks."""

    def __init__(self, spellings: Sequence[Spelling], read: Callable[[Spelling], SeriesName]) -> None:
        self._spellings = spellings
        self._read = read

    def name(self, row: int) -> SeriesName:
        """The name of the series of point `row`."""
        return self._read(self._spellings[row])
