"""Questions of the engine for one group of series, in seconds after a fixed time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memorystore import MemoryStore, Value

from headrace.model.points import Kind, Values
from headrace.model.query import (
    Downsampling,
    Fill,
    FixedBuckets,
    Selection,
    SeriesQuery,
)
from headrace.model.time import TimeRange
from headrace.query.aggregation import engine

T = 1356998400


def plain(values: Values) -> list[Any]:
    doubles = values.doubles()
    as_python: dict[int, Any] = {
        Kind.DOUBLE: lambda row: float(doubles[row]),
        Kind.INT64: lambda row: int(values.bits[row]),
        Kind.BOOL: lambda row: bool(values.bits[row]),
        Kind.TEXT: values.text,
    }
    return [as_python[int(kind)](row) for row, kind in enumerate(values.kinds)]


def ask(
    series: Sequence[Mapping[int, Value]], aggregator: str, span: tuple[int, int] = (0, 3600), **parts: Any
) -> dict[float, Any]:
    """Seconds after T -> value, for one group of series given in seconds after T."""
    store = MemoryStore()
    for number, points in enumerate(series):
        store.put("m", {"host": str(number)}, {(T + t) * 1000: v for t, v in points.items()})
    asked = TimeRange((T + span[0]) * 1000, (T + span[1]) * 1000)
    results = list(engine.run(store, SeriesQuery(Selection("m"), asked, aggregator, **parts)))
    assert len(results) <= 1
    return {t / 1000 - T: v for r in results for t, v in zip(r.times.tolist(), plain(r.values), strict=True)}


def every(seconds: int, *values: Value) -> dict[int, Value]:
    return {i * seconds: value for i, value in enumerate(values)}


def fixed(seconds: int, function: str, fill: Fill = Fill.NONE) -> Downsampling:
    return Downsampling(FixedBuckets(seconds * 1000), function, fill)
