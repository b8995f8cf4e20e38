"""Payloads come back as they went in, and one that a stranger wrote by the page of the format is read."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Corrupt
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Admitted, Kind, Values
from headrace.model.series import NewSeries
from headrace.store.embedded.journal.records import (
    Record,
    StoredRecord,
    decode_points,
    decode_series,
    encode_new_series,
    encode_points,
    encode_series,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
FILE = Path("a.journal")


def stored(record: Record) -> StoredRecord:
    payload = b"".join(bytes(memoryview(buffer).cast("B")) for buffer in record.payload if len(buffer))
    return StoredRecord(9, record.type, np.frombuffer(bytearray(payload), dtype=np.uint8), FILE)


Value = tuple[Kind, int | str]
values_of_any_kind = (
    st.tuples(st.just(Kind.DOUBLE), INT64)
    | st.tuples(st.just(Kind.INT64), INT64)
    | st.tuples(st.just(Kind.BOOL), st.integers(0, 1))
    | st.tuples(st.just(Kind.TEXT), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    | st.tuples(st.just(Kind.CUSTOM), st.just('complex\0{"re":1}'))
)
rows = st.lists(st.tuples(st.integers(0, 2**32 - 2), INT64, values_of_any_kind, INT64), min_size=1, max_size=50)


def admitted(given_rows: list[tuple[int, int, Value, int]], expiring: bool, arriving: bool = False) -> Admitted:
    heap = b""
    bits = []
    for _, _, (_, value), _ in given_rows:
        if isinstance(value, str):
            bits.append(len(heap) << HEAP_LENGTH_BITS | len(value.encode()))
            heap += value.encode()
        else:
            bits.append(value)
    return Admitted(
        np.array([series for series, _, _, _ in given_rows], dtype=np.uint32),
        np.array([time for _, time, _, _ in given_rows], dtype=np.int64),
        Values(
            np.array([kind for _, _, (kind, _), _ in given_rows], dtype=np.uint8), np.array(bits, dtype=np.int64), heap
        ),
        np.array([expires for _, _, _, expires in given_rows], dtype=np.int64) if expiring else None,
        np.array([expires for _, _, _, expires in given_rows], dtype=np.int64)[::-1] if arriving else None,
    )


@given(rows, st.booleans(), st.booleans(), INT64)
def test_points_come_back(
    given_rows: list[tuple[int, int, Value, int]], expiring: bool, arriving: bool, moment: int
) -> None:
    points = admitted(given_rows, expiring, arriving)
    back = decode_points(stored(encode_points(points, moment)))
    assert back.ingested_ms == moment
    assert back.points.series.tolist() == points.series.tolist()
    assert back.points.times.tolist() == points.times.tolist()
    assert back.points.values.kinds.tolist() == points.values.kinds.tolist()
    assert back.points.values.bits.tolist() == points.values.bits.tolist()
    assert back.points.values.heap == points.values.heap
    for column, given_column in ((back.points.expires, points.expires), (back.points.arrivals, points.arrivals)):
        assert (None if column is None else column.tolist()) == (
            None if given_column is None else given_column.tolist()
        )


@given(st.integers(0, 2**31), st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary())))
def test_series_come_back(first: int, given_series: list[tuple[int, int, bytes]]) -> None:
    series = NewSeries(
        first,
        np.array([(low, high) for low, high, _ in given_series], dtype=np.uint64).reshape(-1, 2),
        np.array([len(name) for _, _, name in given_series], dtype=np.uint32),
        np.frombuffer(bytearray(b"".join(name for _, _, name in given_series)), dtype=np.uint8),
    )
    back = decode_series(stored(encode_series(series)))
    assert back.first == first
    assert back.keys.tolist() == series.keys.tolist()
    assert back.lengths.tolist() == series.lengths.tolist()
    assert back.heap.tobytes() == series.heap.tobytes()


def test_the_payload_of_points_is_the_documented_one() -> None:
    points = Admitted(
        np.array([7, 8], dtype=np.uint32),
        np.array([1000, 2000], dtype=np.int64),
        Values(np.array([Kind.INT64, Kind.TEXT], dtype=np.uint8), np.array([-1, 2], dtype=np.int64), b"ab"),
        np.array([NEVER, 5], dtype=np.int64),
        np.array([-1, 6], dtype=np.int64),
    )
    payload = stored(encode_points(points, 42)).payload.tobytes()
    header = struct.pack("<I B B 2x q Q", 2, 0b111, 0, 42, 2)
    columns = struct.pack("<qq qq qq qq II BB", 1000, 2000, -1, 2, NEVER, 5, -1, 6, 7, 8, 1, 3)
    assert payload == header + columns + b"ab"


def test_a_uniform_batch_holds_its_kind_once() -> None:
    points = Admitted(
        np.array([7], dtype=np.uint32),
        np.array([1000], dtype=np.int64),
        Values(np.array([Kind.BOOL], dtype=np.uint8), np.array([1], dtype=np.int64)),
    )
    payload = stored(encode_points(points, 42)).payload.tobytes()
    assert payload == struct.pack("<I B B 2x q Q q q I", 1, 0, 2, 42, 0, 1000, 1, 7)


def test_decoding_copies_no_column() -> None:
    points = Admitted(
        np.arange(100, dtype=np.uint32),
        np.arange(100, dtype=np.int64),
        Values(np.ones(100, dtype=np.uint8), np.arange(100, dtype=np.int64)),
    )
    record = stored(encode_points(points, 42))
    back = decode_points(record).points
    for column in (back.series, back.times, back.values.bits):
        assert np.shares_memory(column, record.payload)


@pytest.mark.parametrize("payload", [b"", b"\xff" * 24, struct.pack("<I B B 2x q Q", 2**32 - 1, 0, 0, 0, 2**63)])
def test_counts_that_do_not_fit_the_payload_ask_for_no_memory(payload: bytes) -> None:
    record = StoredRecord(9, 1, np.frombuffer(bytearray(payload), dtype=np.uint8), FILE)
    with pytest.raises(Corrupt, match="record 9"):
        decode_points(record)
    with pytest.raises(Corrupt, match="record 9"):
        decode_series(record)


@pytest.mark.parametrize(
    ("kind", "bits"), [(5, 0), (3, 3), (3, 1 << HEAP_LENGTH_BITS | 2), (4, -1), (3, 2**62)], ids=str
)
def test_values_that_point_nowhere_are_corrupt(kind: int, bits: int) -> None:
    values = Values(np.array([kind], dtype=np.uint8), np.array([bits], dtype=np.int64), b"ab")
    points = Admitted(np.zeros(1, dtype=np.uint32), np.zeros(1, dtype=np.int64), values)
    with pytest.raises(Corrupt, match="record 9"):
        decode_points(stored(encode_points(points, 0)))


def test_names_longer_than_their_heap_are_corrupt() -> None:
    series = NewSeries(
        0, np.zeros((1, 2), dtype=np.uint64), np.array([3], dtype=np.uint32), np.zeros(2, dtype=np.uint8)
    )
    with pytest.raises(Corrupt, match="heap"):
        decode_series(stored(encode_series(series)))


def test_long_names_are_as_many_records_as_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SERIES_RECORD_BYTES", 10)
    keys = np.arange(10, dtype=np.uint64).reshape(-1, 2)
    whole = NewSeries(3, keys, np.array([4, 6, 1, 30, 0], dtype=np.uint32), np.arange(41, dtype=np.uint8))
    parts = [decode_series(stored(record)) for record in encode_new_series(whole)]
    assert [(part.first, part.lengths.tolist()) for part in parts] == [(3, [4, 6]), (5, [1]), (6, [30]), (7, [0])]
    assert np.concatenate([part.heap for part in parts]).tolist() == whole.heap.tolist()
    assert np.concatenate([part.keys for part in parts]).tolist() == keys.tolist()
