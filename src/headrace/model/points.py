"""Points: a columnar batch on its way from a room to the store, and its twin after the gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.series import SeriesName

ROW_BYTES_MAX = 4 + 8 + 1 + 8 + 8 + 8
"""A point in columns, with expiry and arrival, but for its text."""

NEVER = np.iinfo(np.int64).max
"""Expiry of a point that does not expire, in ms since 1970."""

HEAP_LENGTH_BITS = 24
"""A text value's payload is heap offset << 24 | length in bytes: texts up to 16 MiB in heaps up to 512 GiB."""


class Kind(IntEnum):
    """What a value is. The numbers are on disk; never renumber."""

    DOUBLE = 0
    INT64 = 1
    BOOL = 2
    TEXT = 3
    CUSTOM = 4


@dataclass(frozen=True, slots=True)
class Values:
    """n values of any kinds in three columns.

    kinds: uint8[n], a Kind each.
    bits: int64[n]. DOUBLE: the IEEE 754 bits; INT64: the number; BOOL: 0 or 1; TEXT and CUSTOM: offset << 24 | length
    in heap.
    heap: UTF-8 bytes of the texts; a custom value is its registered type name, NUL, then its JSON.
    """

    kinds: NDArray[np.uint8]
    bits: NDArray[np.int64]
    heap: bytes = b""

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the columns take."""
        return self.kinds.nbytes + self.bits.nbytes + len(self.heap)

    def doubles(self) -> NDArray[np.float64]:
        """The bits read as IEEE doubles (a view): meaningful where kinds == DOUBLE."""
        return self.bits.view(np.float64)

    def text(self, row: int) -> str:
        """The text of one TEXT row (for CUSTOM: type name, NUL, JSON)."""
        bits = int(self.bits[row])
        offset, length = bits >> HEAP_LENGTH_BITS, bits & ((1 << HEAP_LENGTH_BITS) - 1)
        return self.heap[offset : offset + length].decode()


class Names(Protocol):
    """Where the names of a batch's points can be had. Asked once per unknown series, never once per point."""

    def name(self, row: int) -> SeriesName:
        """The name of the series of point `row`. Raises Refused when its bytes are no UTF-8."""
        ...


class NameParts(NamedTuple):
    """Names where they stand in a text, as arrays (kernels/series/names.py).

    text: uint8, may be read-only.   name_ends: int64[n], one past the last part of each name.   begins, ends: int64[p],
    part p is text[begins[p] : ends[p]] as it means itself, no escapes: metric, key 1, value 1, key 2, value 2 …, the
    tags in any order.
    """

    text: NDArray[np.uint8]
    name_ends: NDArray[np.int64]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]


@runtime_checkable
class PartedNames(Names, Protocol):
    """Names that can also be had in bulk, without an object each."""

    def parts(self, rows: NDArray[np.int64]) -> NameParts:
        """The parts of the names of points `rows`."""
        ...


@dataclass(frozen=True, slots=True)
class Points:
    """n points as a room decoded them, in the order of the request (a later one wins over an earlier one).

    keys: uint64[k, 2], the 128-bit keyed hash of each point's name (model.series.SeriesTable.key_of).
    times: int64[n], ms since 1970 UTC.   values: n values.
    names: of each key.   places: int64[k], each key's index in the request, for refusals.
    expires: int64[n] ms since 1970 (NEVER for none), or None when no point of the batch expires.
    arrivals: int64[n], how each came (model.arrivals), or None when the room does not keep it.
    runs: int64[k], how many consecutive points each key stands for; None: one each, k = n.
    """

    keys: NDArray[np.uint64]
    times: NDArray[np.int64]
    values: Values
    names: Names
    places: NDArray[np.int64]
    expires: NDArray[np.int64] | None = None
    runs: NDArray[np.int64] | None = None
    arrivals: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Points that may live here. Only gate.admit makes one, and the store takes nothing else.

    series: uint32[n], dense ordinals of the store's SeriesTable. The rest as in Points.
    """

    series: NDArray[np.uint32]
    times: NDArray[np.int64]
    values: Values
    expires: NDArray[np.int64] | None = None
    arrivals: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.times)


def concatenate(batches: Sequence[Admitted]) -> Admitted:
    """One batch of all, in their order. `batches` is not empty; a single one is returned as it is."""
    if len(batches) == 1:
        return batches[0]
    lengths = list(map(len, batches))
    return Admitted(
        np.concatenate([batch.series for batch in batches]),
        np.concatenate([batch.times for batch in batches]),
        join_values([batch.values for batch in batches]),
        join_optional([batch.expires for batch in batches], lengths, NEVER),
        join_optional([batch.arrivals for batch in batches], lengths, NO_ARRIVAL),
    )


def join_optional(
    parts: Sequence[NDArray[np.int64] | None], lengths: Iterable[int], absent: int
) -> NDArray[np.int64] | None:
    """One column of all parts, `absent` where a part lacks it; None when all do. lengths: rows of each part."""
    if all(part is None for part in parts):
        return None
    return np.concatenate(
        [
            np.full(length, absent, dtype=np.int64) if part is None else part
            for part, length in zip(parts, lengths, strict=True)
        ]
    )


def take_optional(column: NDArray[np.int64] | None, rows: NDArray[np.integer[Any]] | slice) -> NDArray[np.int64] | None:
    """The given rows of a column that may not be there."""
    return None if column is None else column[rows]


def join_values(parts: Sequence[Values]) -> Values:
    """All values, in their order; at least one part."""
    heaps = [part.heap for part in parts]
    bits = _rebase(parts) if any(heaps) else [part.bits for part in parts]
    return Values(np.concatenate([part.kinds for part in parts]), np.concatenate(bits), b"".join(heaps))


def _rebase(parts: Sequence[Values]) -> list[NDArray[np.int64]]:
    """The bits of each part with its texts moved to where its heap begins in the joined heap."""
    rebased = []
    base = 0
    for part in parts:
        in_heap = part.kinds >= Kind.TEXT
        rebased.append(part.bits + in_heap * np.int64(base << HEAP_LENGTH_BITS))
        base += len(part.heap)
    return rebased
