"""Recent: acknowledged points that are in no segment yet, in memory as columns.

One thread appends, any thread reads. A reader's view pins a number of rows; rows below it never change. The writer
stores the rows first and the new length last, as a Python attribute: in between the kernels have returned and the GIL
has been taken again, which orders the two for every thread that takes the GIL to read the length. Only the heads of
the chains are overwritten in place, by a kernel that does not hold the GIL: hence a lock while it runs or heads are
copied.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.storing.recent import NO_ROW, chain_rows, walk_chains
from headrace.kernels.storing.rows import filter_rows, gather
from headrace.kernels.storing.texts import move_texts, rebase_texts, text_bytes
from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER, Admitted, Values, take_optional
from headrace.store.embedded.recent.deletes import Touching
from headrace.store.rows import Rows, Wanted, too_many_points

CHAIN_STEP_ROWS = 16
"""One step along a chain misses the cache and costs about what a scan takes for this many rows."""

SERIES_AT_FIRST = 1024
HEAP_BYTES_AT_FIRST = 1 << 16

ROW_BYTES = 4 + 8 + 1 + 8 + 4
"""series, times, kinds, bits, previous."""


class Recent:
    """One generation. Columns are reserved for `capacity` rows; memory follows use, as pages come when touched."""

    def __init__(self, capacity: int, number: int = 0) -> None:
        """number: rises from generation to generation; deletes know by it which rows they are later than."""
        self.number = number
        self._reserve(capacity)
        self._last_row = np.full(SERIES_AT_FIRST, NO_ROW)
        self._expires = OptionalColumn(NEVER)
        self._arrivals = OptionalColumn(NO_ARRIVAL)
        self._heap = np.empty(0, dtype=np.uint8)
        self._heap_bytes = 0
        self._heads_lock = threading.Lock()
        self._length = 0
        self.first_sequence = 0
        self.last_sequence = 0
        """Through which it stands for the journal, whose records need not be points; 0 while it stands for none."""
        self.other_bytes = 0
        """Of the records that it stands for beside points and their series."""

    def _reserve(self, capacity: int) -> None:
        self._series = np.empty(capacity, dtype=np.uint32)
        self._times = np.empty(capacity, dtype=np.int64)
        self._kinds = np.empty(capacity, dtype=np.uint8)
        self._bits = np.empty(capacity, dtype=np.int64)
        self._previous = np.empty(capacity, dtype=np.uint32)

    def __len__(self) -> int:
        return self._length

    @property
    def capacity(self) -> int:
        return len(self._times)

    @property
    def text_bytes(self) -> int:
        """Of the texts of all rows."""
        return self._heap_bytes

    def bytes_used(self) -> int:
        """Bytes of memory that the rows and their texts take."""
        optional = (self._expires.here + self._arrivals.here) * 8 * self._length
        return ROW_BYTES * self._length + optional + self._last_row.nbytes + self._heap.nbytes

    def reserve(self, points: int) -> None:
        """Make room for so many points, however many appends bring them. Writer only.

        An empty generation takes any number; otherwise they must fit into the capacity.
        """
        if self._length + points > self.capacity:
            if self._length:
                raise ValueError(f"{points} points do not fit into {self.capacity - self._length} rows")
            self._reserve(points)

    def append(self, points: Admitted, sequence: int, records: int = 1) -> None:
        """Take the points of journal record `sequence`, or of so many records that end with it, for which there is room
        or can be (`reserve`); the next view sees them all. Writer only."""
        self.reserve(len(points))
        start, end = self._length, self._length + len(points)
        self._series[start:end] = points.series
        self._times[start:end] = points.times
        self._kinds[start:end] = points.values.kinds
        self._bits[start:end] = points.values.bits
        if points.values.heap:
            self._append_texts(points.values.heap, start, end)
        self._expires.put(points.expires, start, end, self.capacity)
        self._arrivals.put(points.arrivals, start, end, self.capacity)
        self._chain(start, end)
        if not start:
            self.first_sequence = sequence - records + 1
        self.last_sequence = sequence
        self._length = end

    def _append_texts(self, heap: bytes, start: int, end: int) -> None:
        needed = self._heap_bytes + len(heap)
        if needed > len(self._heap):
            # Views keep the array they saw; only bytes behind theirs are ever written.
            longer = np.empty(max(HEAP_BYTES_AT_FIRST, 2 * len(self._heap), needed), dtype=np.uint8)
            longer[: self._heap_bytes] = self._heap[: self._heap_bytes]
            self._heap = longer
        self._heap[self._heap_bytes : needed] = np.frombuffer(heap, dtype=np.uint8)
        rebase_texts(self._kinds[start:end], self._bits[start:end], self._heap_bytes)
        self._heap_bytes = needed

    def _chain(self, start: int, end: int) -> None:
        with self._heads_lock:
            needed = chain_rows(self._series, start, end, self._previous, self._last_row)
        if needed:
            # Views keep the array they saw: its heads stay true for their rows.
            longer = np.full(max(needed, 2 * len(self._last_row)), NO_ROW)
            longer[: len(self._last_row)] = self._last_row
            self._last_row = longer
            self._chain(start, end)

    def view(self) -> RecentView:
        """Pin the rows that are here now. Any thread."""
        length = self._length  # before all else: every array read after it holds at least these rows
        return RecentView(
            self.number,
            length,
            self.first_sequence,
            self.last_sequence,
            self._series,
            self._times,
            self._kinds,
            self._bits,
            self._expires.column,
            self._arrivals.column,
            self._heap,
            self._previous,
            self._last_row,
            self._heads_lock,
        )


class OptionalColumn:
    """An int64 column that takes memory only once a point has something for it."""

    def __init__(self, absent: int) -> None:
        """absent: stands in the rows of points without."""
        self.column: NDArray[np.int64] | None = None
        self._absent = absent

    @property
    def here(self) -> bool:
        return self.column is not None

    def put(self, values: NDArray[np.int64] | None, start: int, end: int, capacity: int) -> None:
        """Fill the rows from start to end. Writer only."""
        if values is None and self.column is None:
            return
        if self.column is None:
            column = np.empty(capacity, dtype=np.int64)
            column[:start] = self._absent
            self.column = column
        self.column[start:end] = self._absent if values is None else values


@dataclass(frozen=True, slots=True)
class RecentView:
    """The first `length` rows of a generation, in the order of arrival; the arrays may be longer."""

    number: int
    length: int
    first_sequence: int
    last_sequence: int
    series: NDArray[np.uint32]
    times: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    bits: NDArray[np.int64]
    expires: NDArray[np.int64] | None
    arrivals: NDArray[np.int64] | None
    heap: NDArray[np.uint8]
    previous: NDArray[np.uint32]
    last_row: NDArray[np.uint32]
    heads_lock: threading.Lock

    def __len__(self) -> int:
        return self.length

    def select(
        self, wanted: Wanted, start_ms: int, end_ms: int, points_max: int, touching: Touching | None = None
    ) -> Rows:
        """The rows of the wanted series with start_ms <= time <= end_ms; rows of one series in the order of arrival.

        touching: what pending deletes take from these series and times.
        Raises Refused (rule "query-points") when they are more than points_max.
        """
        rows = self._chained(wanted, start_ms, end_ms)
        if rows is None:
            rows = np.empty(min(self.length, points_max), dtype=np.uint32)
            found = filter_rows(
                self.series, self.times, self.length, wanted.places, wanted.lowest, start_ms, end_ms, rows
            )
            if found > points_max:
                raise too_many_points(points_max)
            rows = rows[:found]
        if len(rows) > points_max:
            raise too_many_points(points_max)
        if touching is not None:
            rows = touching.keep_of_generation(self.number, rows, self.series, self.times)
        return self.take(rows)

    def _chained(self, wanted: Wanted, start_ms: int, end_ms: int) -> NDArray[np.uint32] | None:
        """The rows found along the chains, or None where a scan is cheaper."""
        steps_max = self.length // CHAIN_STEP_ROWS
        if len(wanted) > steps_max:
            return None
        known = wanted.ordinals[wanted.ordinals < len(self.last_row)]
        with self.heads_lock:
            heads = self.last_row[known]
        rows = np.empty(steps_max, dtype=np.uint32)
        found = walk_chains(heads, self.previous, self.times, self.length, start_ms, end_ms, steps_max, rows)
        return rows[:found] if found >= 0 else None

    def take(self, rows: NDArray[np.uint32]) -> Rows:
        """Copies of the given rows, in that order, with a heap of only their texts."""
        times = np.empty(len(rows), dtype=np.int64)
        kinds = np.empty(len(rows), dtype=np.uint8)
        bits = np.empty(len(rows), dtype=np.int64)
        gather(rows, self.times, self.kinds, self.bits, times, kinds, bits)
        texts = np.empty(text_bytes(kinds, bits) if len(self.heap) else 0, dtype=np.uint8)
        if len(texts):
            move_texts(kinds, bits, self.heap, texts)
        expires, arrivals = take_optional(self.expires, rows), take_optional(self.arrivals, rows)
        return Rows(self.series[rows], times, Values(kinds, bits, texts.tobytes()), expires, arrivals)
