"""Deletes that some stored row may still fall under, and which rows those are (docs/decisions/deletes.md).

A row is deleted if its series is in a delete's set, its time in the range, and its version lower. No row carries its
version: a delete knows how many rows the newest generation of recent held when it came, and a segment through which
sequence deletes were applied to it, which is never before the last of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.storing.deletes import keep_undeleted
from headrace.kernels.storing.rows import NOT_WANTED
from headrace.model.points import Values, take_optional
from headrace.model.time import ALL_TIME
from headrace.store.rows import Rows, Wanted

ALL_ROWS = np.iinfo(np.int64).max

NO_GENERATION = -1
"""Of a delete that was read back: every generation in memory is newer."""

_COLUMNS = np.dtype(
    [(name, np.int64) for name in ("sequence", "start", "end", "lowest", "highest", "generation", "rows")]
)


@dataclass(frozen=True, slots=True)
class Delete:
    """What one delete asks for. series: uint32[k], ascending and distinct, not empty. Both ends of the range are in
    it."""

    series: NDArray[np.uint32]
    start_ms: int
    end_ms: int

    @property
    def is_of_all_time(self) -> bool:
        """Whether no point can lie outside of the range."""
        return self.start_ms <= ALL_TIME.start_ms and self.end_ms >= ALL_TIME.end_ms


class Deletes:
    """Pending deletes in rising order of sequence. Never changes: what adds or drops one makes another."""

    def __init__(self) -> None:
        self._table = np.empty(0, dtype=_COLUMNS)
        self._series: tuple[NDArray[np.uint32], ...] = ()

    def __len__(self) -> int:
        return len(self._series)

    @property
    def is_full(self) -> bool:
        """Whether no more may be added until segments have been rewritten."""
        return (
            len(self) >= limits.PENDING_DELETES_MAX or sum(map(len, self._series)) >= limits.PENDING_DELETE_SERIES_MAX
        )

    @property
    def last_sequence(self) -> int:
        """Of the latest delete, 0 when there is none."""
        return int(self._table["sequence"][-1]) if len(self) else 0

    @property
    def _sequences(self) -> NDArray[np.int64]:
        column: NDArray[np.int64] = self._table["sequence"]
        return column

    def __iter__(self) -> Iterator[tuple[Delete, int]]:
        """Each with its sequence."""
        for index in range(len(self)):
            yield self._delete(index), int(self._sequences[index])

    def _delete(self, index: int) -> Delete:
        return Delete(self._series[index], int(self._table["start"][index]), int(self._table["end"][index]))

    def with_delete(self, delete: Delete, sequence: int, generation: int = NO_GENERATION, rows: int = 0) -> Deletes:
        """These and a later one, without those that it covers: whatever they delete, it deletes too.

        generation, rows: the newest generation of recent and how many rows it held when the delete came.
        """
        kept = np.flatnonzero(~self._covered_by(delete))
        ends = int(delete.series[0]), int(delete.series[-1])
        added = np.array([(sequence, delete.start_ms, delete.end_ms, *ends, generation, rows)], dtype=_COLUMNS)
        return self._made_of(np.append(self._table[kept], added), (*self._at(kept), delete.series))

    def are_those_of(self, other: Deletes) -> bool:
        """Whether both hold the same deletes, of one database."""
        return np.array_equal(self._sequences, other._sequences)

    def through(self, sequence: int) -> Deletes:
        """Only those up to `sequence`."""
        return self._keeping(np.flatnonzero(self._sequences <= sequence))

    def idle(self, held: Callable[[Delete, int], bool]) -> NDArray[np.int64]:
        """The sequences of those under which no row of any segment falls.

        held: whether a segment to which the delete of this sequence was not applied may hold such a row.
        """
        return np.array([sequence for delete, sequence in self if not held(delete, sequence)], dtype=np.int64)

    def without(self, idle: NDArray[np.int64], oldest_generation: int) -> Deletes:
        """These without those of the sequences `idle` that are later than no row of recent either."""
        table = self._table
        in_recent = (table["generation"] > oldest_generation) | (
            (table["generation"] == oldest_generation) & (table["rows"] > 0)
        )
        return self._keeping(np.flatnonzero(in_recent | ~np.isin(self._sequences, idle)))

    def touching(self, wanted: Wanted, start_ms: int, end_ms: int) -> Touching | None:
        """What these delete of the wanted series between start_ms and end_ms; None when that is nothing."""
        if not len(self) or not len(wanted):
            return None
        table = self._table
        near = np.flatnonzero(
            (table["start"] <= end_ms)
            & (table["end"] >= start_ms)
            & (table["lowest"] < wanted.lowest + len(wanted.places))
            & (table["highest"] >= wanted.lowest)
        )
        places = [_places_in(self._series[index], wanted) for index in near.tolist()]
        stretches = np.repeat(near, [len(found) for found in places])
        if not len(stretches):
            return None
        place_of = np.concatenate(places)
        by_place = np.argsort(place_of, kind="stable")
        starts = np.zeros(len(wanted) + 1, dtype=np.int64)
        np.cumsum(np.bincount(place_of, minlength=len(wanted)), out=starts[1:])
        return Touching(self, wanted, starts, stretches[by_place])

    def _covered_by(self, delete: Delete) -> NDArray[np.bool_]:
        table = self._table
        covered: NDArray[np.bool_] = (
            (table["start"] >= delete.start_ms)
            & (table["end"] <= delete.end_ms)
            & (table["lowest"] >= delete.series[0])
            & (table["highest"] <= delete.series[-1])
        )
        for index in np.flatnonzero(covered).tolist():
            covered[index] = bool(np.isin(self._series[index], delete.series, assume_unique=True).all())
        return covered

    def _rows_of(self, generation: int, stretches: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of the first rows of a generation each of the given deletes is later than."""
        deletes = self._table[stretches]
        rows: NDArray[np.int64] = np.where(deletes["generation"] == generation, deletes["rows"], 0)
        rows[deletes["generation"] > generation] = ALL_ROWS
        return rows

    def _keeping(self, indices: NDArray[np.int64]) -> Deletes:
        return self if len(indices) == len(self) else self._made_of(self._table[indices], self._at(indices))

    def _at(self, indices: NDArray[np.int64]) -> tuple[NDArray[np.uint32], ...]:
        return tuple(self._series[index] for index in indices.tolist())

    @staticmethod
    def _made_of(table: NDArray[np.void], series: tuple[NDArray[np.uint32], ...]) -> Deletes:
        made = Deletes()
        made._table, made._series = table, series
        return made


NO_DELETES = Deletes()


class Touching:
    """The stretches of time that deletes cut out of wanted series. Made by Deletes.touching."""

    def __init__(
        self, deletes: Deletes, wanted: Wanted, starts: NDArray[np.int64], stretches: NDArray[np.int64]
    ) -> None:
        """Those of the series at place p are stretches[starts[p]:starts[p + 1]], each a place in `deletes`."""
        self._deletes = deletes
        self._wanted = wanted
        self._starts = starts
        self._stretches = stretches
        self._from_ms = np.ascontiguousarray(deletes._table["start"][stretches])
        self._through_ms = np.ascontiguousarray(deletes._table["end"][stretches])

    def keep_of_generation(
        self, number: int, rows: NDArray[np.uint32], series: NDArray[np.uint32], times: NDArray[np.int64]
    ) -> NDArray[np.uint32]:
        """Those of the given rows (row numbers, uint32, which are overwritten) of a generation that are not deleted.

        series, times: the generation's columns. Every row is of a wanted series.
        """
        return self._keep(rows, series, times, self._deletes._rows_of(number, self._stretches))

    def keep_of_segment(self, deletes_through: int, rows: Rows) -> Rows:
        """Those of a segment's rows, all of wanted series, that are not deleted.

        deletes_through: deletes up to this sequence were applied to the segment (SegmentMeta.deletes_applied).
        """
        later = self._deletes._sequences[self._stretches] > deletes_through
        if not later.any():
            return rows
        numbers = np.arange(len(rows), dtype=np.uint32)
        kept = self._keep(numbers, rows.series, rows.times, np.where(later, ALL_ROWS, 0))
        return rows if len(kept) == len(rows) else take_rows(rows, kept)

    def _keep(
        self,
        rows: NDArray[np.uint32],
        series: NDArray[np.uint32],
        times: NDArray[np.int64],
        ends_row: NDArray[np.int64],
    ) -> NDArray[np.uint32]:
        wanted = self._wanted
        stretches = (self._starts, self._from_ms, self._through_ms, ends_row)
        return rows[: keep_undeleted(rows, series, times, wanted.places, wanted.lowest, *stretches)]


def take_rows(rows: Rows, kept: NDArray[np.uint32]) -> Rows:
    """The rows with the given numbers, beside all of their texts."""
    return Rows(
        rows.series[kept],
        rows.times[kept],
        Values(rows.values.kinds[kept], rows.values.bits[kept], rows.values.heap),
        take_optional(rows.expires, kept),
        take_optional(rows.arrivals, kept),
    )


def _places_in(series: NDArray[np.uint32], wanted: Wanted) -> NDArray[np.int64]:
    """The places in `wanted` of those of `series` (ascending) that are wanted. Takes the way that looks at fewer."""
    if len(wanted) < len(series):
        at = np.searchsorted(series, wanted.ordinals)
        at[at == len(series)] = 0
        found: NDArray[np.int64] = np.flatnonzero(series[at] == wanted.ordinals)
        return found
    first, beyond = np.searchsorted(series, [wanted.lowest, wanted.lowest + len(wanted.places)])
    places = wanted.places[series[first:beyond] - np.uint32(wanted.lowest)].astype(np.int64)
    kept: NDArray[np.int64] = places[places != np.int64(NOT_WANTED)]
    return kept
