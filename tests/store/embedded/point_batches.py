"""Points as plain tuples, to columns and back, for tests that compare the store with a dict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.model.arrivals import NO_ARRIVAL, pack
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Admitted, Kind, Values
from headrace.model.series import EncodedNames, SeriesName, encode_name, series_name
from headrace.store import Columns

Value = tuple[Kind, int | str]
"""DOUBLE: its bits; INT64: the number; BOOL: 0 or 1; TEXT: the text; CUSTOM: type, NUL, JSON."""

METRICS = 3


class Point(NamedTuple):
    series: int
    time: int
    value: Value
    expires: int = NEVER
    arrival: int = NO_ARRIVAL


def double(number: float) -> Value:
    return Kind.DOUBLE, int(np.float64(number).view(np.int64))


def batch(points: Sequence[Point]) -> Admitted:
    heap = bytearray()
    bits = []
    for point in points:
        payload = point.value[1]
        if isinstance(payload, str):
            text = payload.encode()
            bits.append(len(heap) << HEAP_LENGTH_BITS | len(text))
            heap += text
        else:
            bits.append(payload)
    kinds = np.array([point.value[0] for point in points], dtype=np.uint8)
    expires = np.array([point.expires for point in points], dtype=np.int64)
    arrivals = np.array([point.arrival for point in points], dtype=np.int64)
    return Admitted(
        np.array([point.series for point in points], dtype=np.uint32),
        np.array([point.time for point in points], dtype=np.int64),
        Values(kinds, np.array(bits, dtype=np.int64), bytes(heap)),
        expires if np.any(expires != NEVER) else None,
        arrivals if np.any(arrivals != NO_ARRIVAL) else None,
    )


def value_at(values: Values, row: int) -> Value:
    kind = Kind(values.kinds[row])
    return kind, values.text(row) if kind in (Kind.TEXT, Kind.CUSTOM) else int(values.bits[row])


Found = tuple[int, Value] | tuple[int, Value, int]
"""A point as a query gives it back: time, value, and how it came if that was kept."""


def _found(time: int, value: Value, arrival: int) -> Found:
    return (time, value) if arrival == NO_ARRIVAL else (time, value, arrival)


def plain(columns: Columns) -> dict[int, list[Found]]:
    """series -> its points, as they stand in the columns."""
    arrivals = [NO_ARRIVAL] * len(columns) if columns.arrivals is None else columns.arrivals.tolist()
    found = {}
    for i, series in enumerate(columns.series.tolist()):
        rows = range(int(columns.starts[i]), int(columns.starts[i + 1]))
        found[series] = [_found(int(columns.times[row]), value_at(columns.values, row), arrivals[row]) for row in rows]
    return found


def expected(
    writes: Iterable[Point], wanted: Sequence[int], start_ms: int, end_ms: int, now_ms: int
) -> dict[int, list[Found]]:
    """What a select must find after these writes: last write first, then its expiry, then its value."""
    winners = {(point.series, point.time): point for point in writes}
    found = {}
    for series in wanted:
        points = sorted(
            _found(point.time, point.value, point.arrival)
            for point in winners.values()
            if point.series == series and start_ms <= point.time <= end_ms and point.expires > now_ms
        )
        if points:
            found[series] = points
    return found


def metric_ids(ordinals: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Ordinals 0, 3, 6 … are of one metric, 1, 4, 7 … of the next: the order in files is not that of the ordinals."""
    return (ordinals % METRICS).astype(np.uint32)


def name(ordinal: int) -> SeriesName:
    return series_name(f"metric.{ordinal % METRICS}", {"host": f"h{ordinal}", "dc": "Zürich"})


def names(ordinals: NDArray[np.uint32]) -> EncodedNames:
    return encoded([name(ordinal) for ordinal in ordinals.tolist()])


def encoded(names: Iterable[SeriesName]) -> EncodedNames:
    each = [encode_name(name) for name in names]
    lengths = np.array([len(one) for one in each], dtype=np.uint32)
    return EncodedNames(lengths, np.frombuffer(bytearray(b"".join(each)), dtype=np.uint8))


INT64 = st.integers(-(2**63), 2**63 - 1)
NAN_BITS = [0x7FF8000000000001, -1, 0x7FF0000000000001, int(np.float64("nan").view(np.int64))]

values = st.one_of(
    st.floats(allow_nan=False).map(double),
    st.sampled_from([double(0.0), double(-0.0), *((Kind.DOUBLE, bits) for bits in NAN_BITS)]),
    INT64.map(lambda number: (Kind.INT64, number)),
    st.integers(0, 1).map(lambda flag: (Kind.BOOL, flag)),
    st.text(max_size=9).map(lambda text: (Kind.TEXT, text)),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=4).map(
        lambda name: (Kind.CUSTOM, f'{name}\0{{"x":1}}')
    ),
)

SERIES_MAX = 7
TIMES_MAX = 12
NOW_MS = 100

points = st.builds(
    Point,
    st.integers(0, SERIES_MAX),
    st.integers(0, TIMES_MAX),
    values,
    st.sampled_from([NEVER, NEVER, NEVER, NOW_MS - 1, NOW_MS, NOW_MS + 1]),
    st.sampled_from([NO_ARRIVAL, NO_ARRIVAL, 0, (1 << 51) - 1]).map(
        lambda moment: moment if moment == NO_ARRIVAL else int(pack(moment, np.array([-330]))[0])
    ),
)
