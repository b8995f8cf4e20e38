"""Which samples are the next page of an answer, and in which order: by the field asked for, then newest first, then by
series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.arrivals import NO_ARRIVAL, unpack
from headrace.model.points import Kind
from headrace.model.time import TimeRange
from headrace.protocols.apollo.reading.cursor import Cursor
from headrace.protocols.apollo.reading.question import Order
from headrace.store import Check, Columns, go_on

TEXT_ORDER_CHARACTERS: Final = 256
"""Texts are ordered by their beginnings, so that a token that holds one fits into a header."""

Scalar = int | float | bool | str


class Held(NamedTuple):
    """What a question finds.

    columns: the samples of k series.   ids, metrics: of each series.   ranks: of each series the place of its
    timeseriesId in the query, and that of its metric; ascending.   ingested: int64[n] ms, and offsets: int64[n]
    minutes, of each sample.
    """

    columns: Columns
    ids: list[str]
    metrics: list[str]
    ranks: list[tuple[int, int]]
    ingested: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.columns)  # not the number of fields, as a tuple has it

    def series_of_rows(self) -> NDArray[np.int64]:
        """int64[n]: which of the series each sample is of."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.columns.starts))


class Page(NamedTuple):
    """rows: int64, samples in the order of the answer.   cursor: its end, None when nothing follows."""

    rows: NDArray[np.int64]
    cursor: Cursor | None


def arrivals_of(columns: Columns) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ingestion (ms) and offset (minutes) of each sample. One that came by another room has neither: its own time
    stands for the first, UTC for the second."""
    if columns.arrivals is None:
        return columns.times, np.zeros(len(columns), dtype=np.int64)
    ingested, offsets = unpack(columns.arrivals)
    absent = columns.arrivals == NO_ARRIVAL
    return np.where(absent, columns.times, ingested), np.where(absent, 0, offsets)


def span_of(held: Held, rows: NDArray[np.int64]) -> int:
    """Twice the time that a page spans, in ms: a next page of the same density lies within it."""
    first, last = held.columns.times[rows[[0, -1]]].tolist()
    return 2 * abs(int(last - first))


def ahead(range_: TimeRange, order: Order, time_ms: int, span_ms: int | None) -> TimeRange:
    """The part of a question's range that follows `time_ms` in an order by time, and includes it: `span_ms` of it, or
    all."""
    if order.descending:
        start_ms = range_.start_ms if span_ms is None else max(range_.start_ms, time_ms - span_ms)
        return TimeRange(start_ms, time_ms)
    end_ms = range_.end_ms if span_ms is None else min(range_.end_ms, time_ms + span_ms)
    return TimeRange(time_ms, end_ms)


def page(held: Held, order: Order, after: Cursor | None, most: int | None, check: Check = go_on) -> Page:
    """The next samples, at most `most`, of those that follow `after`. check: called where it may take long."""
    if order.by_time:
        rows, more = _by_time(held, order, after, most)
    else:
        rows, more = _by_field(held, order, after, most, check)
    return Page(rows, _cursor(held, order, int(rows[-1])) if more else None)


def _by_time(held: Held, order: Order, after: Cursor | None, most: int | None) -> tuple[NDArray[np.int64], bool]:
    """Of each series only as many as the page may hold are sorted."""
    times = held.columns.times
    parts: list[NDArray[np.int64]] = []
    left = 0
    for series, rank in enumerate(held.ranks):
        first, end = int(held.columns.starts[series]), int(held.columns.starts[series + 1])
        if after is not None:
            follows = rank > after.series  # at the very same instant
            side = "right" if follows == order.descending else "left"
            at = first + int(np.searchsorted(times[first:end], after.time_ms, side=side))  # type: ignore[call-overload]
            first, end = (first, at) if order.descending else (at, end)
        left += end - first
        if most is not None:
            first, end = (max(first, end - most), end) if order.descending else (first, min(end, first + most))
        part = np.arange(first, end)
        parts.append(part[::-1] if order.descending else part)
    rows = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    keys = -times[rows] if order.descending else times[rows]
    # Stable: at equal times the order of the series stays.
    rows = rows[np.argsort(keys, kind="stable")][:most]
    return rows, left > len(rows)


def _by_field(
    held: Held, order: Order, after: Cursor | None, most: int | None, check: Check
) -> tuple[NDArray[np.int64], bool]:
    series = held.series_of_rows()
    ranks = held.ranks if after is None else sorted({*held.ranks, after.series})
    rank = np.array([ranks.index(one) for one in held.ranks], dtype=np.int64)[series]
    fields, mark = _field_column(held, order.field, series, after, check)
    check()
    if order.descending:
        fields, mark = -fields, -mark
    newest = -held.columns.times
    rows = np.arange(len(held))
    if after is not None:
        same_time = (newest == -after.time_ms) & (rank > ranks.index(after.series))
        rows = np.flatnonzero((fields > mark) | ((fields == mark) & ((newest > -after.time_ms) | same_time)))
    ordered = rows[np.lexsort((rank[rows], newest[rows], fields[rows]))]
    return ordered[:most], most is not None and len(ordered) > most


def _field_column(
    held: Held, field: str, series: NDArray[np.int64], after: Cursor | None, check: Check
) -> tuple[NDArray[np.float64], float]:
    """float64[n], which order the samples as the field does, and where the cursor's value stands among them. Times are
    exact in a double (model.time.TIME_MS_MAX)."""
    mark = 0 if after is None or after.value is None else after.value
    if field == "val":
        return _values_column(held, mark, check)
    if field in ("ingestUnixTimestamp", "timeOffset"):
        numbers = held.ingested if field == "ingestUnixTimestamp" else held.offsets
        return numbers.astype(np.float64), float(mark)
    texts: Sequence[Scalar] = held.metrics if field == "metric" else held.ids
    places, place = _places(texts, mark)
    return places[series], place


def _values_column(held: Held, mark: Scalar, check: Check) -> tuple[NDArray[np.float64], float]:
    values = held.columns.values
    if (values.kinds <= Kind.INT64).all() and not isinstance(mark, str | bool):
        integers = values.kinds == Kind.INT64
        return np.where(integers, values.bits.astype(np.float64), values.doubles()), float(mark)
    found: list[Scalar] = []
    for first in range(0, len(held), limits.ANSWER_PIECE_VALUES):
        check()
        end = min(first + limits.ANSWER_PIECE_VALUES, len(held))
        found += [value_of(held.columns, row) for row in range(first, end)]
    return _places(found, mark)


def _places(values: Sequence[Scalar], mark: Scalar) -> tuple[NDArray[np.float64], float]:
    """The place of each value, and of `mark`, among all of them: numbers before booleans before texts."""
    keys = [_sort_key(value) for value in values]
    known = {key: place for place, key in enumerate(sorted({*keys, _sort_key(mark)}))}
    return np.array([known[key] for key in keys], dtype=np.float64), float(known[_sort_key(mark)])


def _sort_key(value: Scalar) -> tuple[int, float, str]:
    if isinstance(value, str):
        return 2, 0, value[:TEXT_ORDER_CHARACTERS]
    return (1 if isinstance(value, bool) else 0), float(value), ""


def value_of(columns: Columns, row: int) -> Scalar:
    """The value of one sample; of a custom value of another room its JSON."""
    values = columns.values
    kind, bits = int(values.kinds[row]), int(values.bits[row])
    if kind == Kind.DOUBLE:
        return float(values.doubles()[row])
    if kind == Kind.INT64:
        return bits
    if kind == Kind.BOOL:
        return bool(bits)
    text = values.text(row)
    return text.partition("\0")[2] if kind == Kind.CUSTOM else text


def _cursor(held: Held, order: Order, row: int) -> Cursor:
    """The end of a page whose last sample is `row`."""
    series = int(np.searchsorted(held.columns.starts, row, side="right")) - 1
    value: Scalar | None = None
    if order.field == "val":
        value = value_of(held.columns, row)
        value = value[:TEXT_ORDER_CHARACTERS] if isinstance(value, str) else value
        # Numbers are compared as doubles.
        value = float(value) if type(value) is int else value
    elif order.field == "ingestUnixTimestamp":
        value = int(held.ingested[row])
    elif order.field == "timeOffset":
        value = int(held.offsets[row])
    elif not order.by_time:
        value = (held.metrics if order.field == "metric" else held.ids)[series][:TEXT_ORDER_CHARACTERS]
    return Cursor(int(held.columns.times[row]), held.ranks[series], value)
