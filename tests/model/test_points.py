"""Batches joined into one: nothing moves but where texts lie."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Admitted, Kind, Values, concatenate

numbers = st.tuples(st.sampled_from([Kind.DOUBLE, Kind.INT64, Kind.BOOL]), st.integers(-(2**63), 2**63 - 1))
texts = st.tuples(st.sampled_from([Kind.TEXT, Kind.CUSTOM]), st.text(max_size=20))
rows = st.tuples(st.integers(0, 2**32 - 2), st.integers(-(2**63), 2**63 - 1), numbers | texts)
Row = tuple[int, int, tuple[Kind, int | str]]


def admitted(batch: list[Row], expires: list[int] | None) -> Admitted:
    heap = bytearray()
    bits = []
    for _, _, (_, value) in batch:
        if isinstance(value, str):
            bits.append(len(heap) << HEAP_LENGTH_BITS | len(value.encode()))
            heap += value.encode()
        else:
            bits.append(value)
    return Admitted(
        np.array([series for series, _, _ in batch], dtype=np.uint32),
        np.array([time for _, time, _ in batch], dtype=np.int64),
        Values(np.array([kind for _, _, (kind, _) in batch], dtype=np.uint8), np.array(bits, np.int64), bytes(heap)),
        None if expires is None else np.array(expires, dtype=np.int64),
    )


def read(points: Admitted) -> list[tuple[Row, int]]:
    expires = [NEVER] * len(points) if points.expires is None else points.expires.tolist()
    found: list[tuple[Row, int]] = []
    for row in range(len(points)):
        kind = Kind(int(points.values.kinds[row]))
        value = points.values.text(row) if kind >= Kind.TEXT else int(points.values.bits[row])
        found.append(((int(points.series[row]), int(points.times[row]), (kind, value)), expires[row]))
    return found


@given(st.lists(st.tuples(st.lists(rows, max_size=5), st.booleans()), min_size=1, max_size=5))
def test_concatenate_keeps_every_row(batches: list[tuple[list[Row], bool]]) -> None:
    made = [(batch, list(range(len(batch))) if expiring else None) for batch, expiring in batches]
    joined = concatenate([admitted(batch, expires) for batch, expires in made])
    assert read(joined) == [
        pair for batch, expires in made for pair in zip(batch, expires or [NEVER] * len(batch), strict=True)
    ]
