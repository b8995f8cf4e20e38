"""Segments: what is written comes back bit for bit, only what is needed is read, and damage is named."""

from __future__ import annotations

import contextlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from point_batches import METRICS, NAN_BITS, Point, Value, batch, double, metric_ids, value_at

from headrace import limits
from headrace.errors import Corrupt
from headrace.model.points import NEVER, Kind
from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.files.columns import COLUMN_OF_KIND, SCHEMA
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.segments.files.meta import RowGroups, SegmentKind, SegmentMeta
from headrace.store.embedded.segments.files.segment import Segment, open_segment
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.making.sealing import sealed_row_groups, sorted_winners
from headrace.store.rows import want

MANY = 1_000_000


def written(folder: Path, points: list[Point], sequence: int = 7) -> SegmentMeta:
    recent = Recent(len(points))
    recent.append(batch(points), sequence)
    view = recent.view()
    row_groups = sealed_row_groups(view, sorted_winners(view, metric_ids))
    return write_segment(folder, row_groups, (sequence, sequence), metric_ids, "database")


def segment(folder: Path, points: list[Point]) -> Segment:
    return open_segment(folder, written(folder, points), "database")


def read(opened: Segment, ordinals: list[int], start_ms: int = -MANY, end_ms: int = MANY) -> list[Point]:
    wanted = want(np.array(ordinals, dtype=np.uint32), metric_ids)
    return [
        Point(
            int(rows.series[row]),
            int(rows.times[row]),
            value_at(rows.values, row),
            NEVER if rows.expires is None else int(rows.expires[row]),
        )
        for rows in opened.read(wanted, start_ms, end_ms)
        for row in range(len(rows))
    ]


EXTREMES: list[Value] = [
    *((Kind.DOUBLE, bits) for bits in NAN_BITS),
    *map(double, (0.0, -0.0, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), 0.1)),
    *((Kind.INT64, number) for number in (-(2**63), 2**63 - 1, 0, -1, 2**53 + 1)),
    *((Kind.BOOL, flag) for flag in (0, 1)),
    *((Kind.TEXT, text) for text in ("", "ä€😀", "with\0nul", "long" * 1000)),
    *((Kind.CUSTOM, text) for text in ('complex\0{"re":1}', "\0", 'later\0"a\0b"')),
]


@pytest.mark.parametrize("kind", [None, *Kind])
@pytest.mark.parametrize("copies", [1, 50])
def test_every_bit_of_every_kind_comes_back(tmp_path: Path, kind: Kind | None, copies: int) -> None:
    """Alone in their row group (the short way of decoding) and mixed; often enough for the dictionary to be used."""
    values = [value for value in EXTREMES if kind is None or value[0] == kind] * copies
    points = [Point(1, time, value) for time, value in enumerate(values)]
    assert read(segment(tmp_path, points), [1]) == points


def test_extreme_times_and_expiries(tmp_path: Path) -> None:
    points = [Point(1, time, double(1), expires) for time, expires in [(-(2**62), 0), (0, -5), (2**62, NEVER - 1)]]
    assert read(segment(tmp_path, points), [1], -(2**63), 2**63 - 1) == points
    assert read(segment(tmp_path, points), [1], 0, 0) == points[1:2]


def test_rows_lie_by_metric_then_series_then_time(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    points = [Point(int(o), int(t), double(t)) for o, t in generator.integers(0, 30, (3000, 2))]
    meta = written(tmp_path, points)
    table = pq.read_table(tmp_path / meta.file)
    keys = [
        (o % METRICS, o, t)
        for o, t in zip(table["series"].to_pylist(), table["time"].cast("int64").to_pylist(), strict=True)
    ]
    assert keys == sorted({(o % METRICS, o, t) for o, t, *_ in points})
    assert meta.rows == len(keys)


def test_the_meta_says_what_the_file_holds(tmp_path: Path) -> None:
    points = [Point(4, 30, double(1)), Point(9, -10, double(1)), Point(5, 20, double(2)), Point(5, 20, double(3))]
    meta = written(tmp_path, points, sequence=12)
    file = tmp_path / meta.file
    size = int.from_bytes(file.read_bytes()[-8:-4], "little") + 8
    assert meta.footer_crc == footer_crc(file) == zlib.crc32(file.read_bytes()[-size:])
    assert replace(meta, created=0, footer_crc=None) == SegmentMeta(
        "points-0000000000000012-0000000000000012.parquet",
        SegmentKind.IN_ORDER,
        3,
        file.stat().st_size,
        -10,
        30,
        4,
        9,
        12,
        12,
        0,
        12,
    )
    described = pq.read_metadata(file).metadata
    assert described[b"headrace.format"] == b"2"
    assert described[b"headrace.database"] == b"database"
    assert described[b"headrace.max_sequence"] == b"12"
    assert described[b"headrace.deletes_through"] == b"12"
    assert pq.read_schema(file).equals(SCHEMA)


def test_only_row_groups_that_may_match_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 10)
    # Series 0 to 8 in three metrics, 20 points each: two row groups a series, in the order 0 3 6 1 4 7 2 5 8.
    opened = segment(tmp_path, [Point(o, t, double(t)) for o in range(9) for t in range(20)])
    groups: list[int] = []
    read_row_group = pq.ParquetFile.read_row_group

    def spy(file: pq.ParquetFile, group: int, **options: object) -> object:
        groups.append(group)
        return read_row_group(file, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    assert len(read(opened, [3])) == 20
    assert groups == [2, 3]
    groups.clear()
    assert len(read(opened, [8, 0], 12, 15)) == 8
    assert groups == [1, 17]
    groups.clear()
    assert read(opened, [9, 100]) == []
    assert read(opened, [1], 20, 30) == []
    assert groups == []


def test_only_columns_with_values_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 2)
    values: list[Value] = [double(1), double(2), (Kind.INT64, 1), (Kind.TEXT, "a"), (Kind.BOOL, 1)]
    points = [Point(1, time, value, 5 if time == 4 else NEVER) for time, value in enumerate(values)]
    opened = segment(tmp_path, points)
    columns: list[set[str]] = []
    read_row_group = pq.ParquetFile.read_row_group

    def spy(file: pq.ParquetFile, group: int, **options: list[str]) -> object:
        columns.append(set(options["columns"]) - {"series", "time"})
        return read_row_group(file, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    assert read(opened, [1]) == points
    assert columns == [{"double"}, {"int64", "text"}, {"bool", "expires"}]


def test_long_texts_cut_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_TEXT_BYTES", 1000)
    points = [Point(1, time, (Kind.TEXT, "x" * 300)) for time in range(10)]
    opened = segment(tmp_path, points)
    assert pq.read_metadata(opened.path).num_row_groups == 4
    assert read(opened, [1]) == points


def test_many_threads_read_one_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 100)
    points = [Point(o, t, double(o * 1000 + t)) for o in range(0, 30, 3) for t in range(200)]
    opened = segment(tmp_path, points)
    with ThreadPoolExecutor(4) as pool:
        for ordinal, rows in zip([0, 3, 27] * 20, pool.map(lambda o: read(opened, [o]), [0, 3, 27] * 20), strict=True):
            assert rows == [point for point in points if point.series == ordinal]


def test_a_flipped_bit_is_noticed_or_does_not_matter(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    points = [Point(1, t, double(generator.normal()), expires=t * 7) for t in range(100)]
    opened = segment(tmp_path, points)
    healthy = opened.path.read_bytes()
    row_group = pq.read_metadata(opened.path).row_group(0)
    chunks = [row_group.column(i) for i in range(row_group.num_columns)]
    pages_end = chunks[-1].data_page_offset + chunks[-1].total_compressed_size
    last_bytes = {
        (chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 1
        for chunk in chunks
        if chunk.path_in_schema in {"series", "time", "double", "expires"}
    }
    for at in {*last_bytes, *range(4, pages_end, 7)}:
        damaged = bytearray(healthy)
        damaged[at] ^= 1 << int(generator.integers(8))
        opened.path.write_bytes(damaged)
        if at in last_bytes:
            with pytest.raises(Corrupt) as damage:
                read(opened, [1])
            assert damage.value.file == opened.path
            continue
        with contextlib.suppress(Corrupt):
            assert read(opened, [1]) == points
    opened.path.write_bytes(healthy)
    assert read(opened, [1]) == points


@pytest.mark.parametrize("length", [0, 4, 100, -1, -8, -200])
def test_a_cut_file_is_corrupt(tmp_path: Path, length: int) -> None:
    meta = written(tmp_path, [Point(1, time, double(time)) for time in range(100)])
    file = tmp_path / meta.file
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(Corrupt):
        open_segment(tmp_path, meta, "database")


def test_a_file_that_is_not_the_listed_one_is_corrupt(tmp_path: Path) -> None:
    meta = written(tmp_path, [Point(1, time, double(time)) for time in range(100)])
    with pytest.raises(Corrupt, match="another database"):
        open_segment(tmp_path, meta, "other")
    with pytest.raises(Corrupt, match="rows"):
        open_segment(tmp_path, replace(meta, rows=99), "database")
    with pytest.raises(Corrupt, match="missing"):
        open_segment(tmp_path, replace(meta, file="points-no.parquet"), "database")
    foreign = pq.read_table(tmp_path / meta.file).replace_schema_metadata(None)
    pq.write_table(foreign, tmp_path / "points-foreign.parquet")
    with pytest.raises(Corrupt, match="footer"):
        open_segment(tmp_path, replace(meta, file="points-foreign.parquet"), "database")
    with pytest.raises(Corrupt, match="format"):
        open_segment(tmp_path, replace(meta, file="points-foreign.parquet", footer_crc=None), "database")


def test_any_bit_flipped_in_a_footer_is_damage(tmp_path: Path) -> None:
    meta = written(tmp_path, [Point(1, time, double(time)) for time in range(100)])
    file = tmp_path / meta.file
    healthy = file.read_bytes()
    footer_bytes = int.from_bytes(healthy[-8:-4], "little") + 8
    for at in range(len(healthy) - footer_bytes, len(healthy)):
        flipped = bytearray(healthy)
        flipped[at] ^= 1 << at % 8
        file.write_bytes(flipped)
        with pytest.raises(Corrupt):
            open_segment(tmp_path, meta, "database")


def test_row_groups_are_pruned_by_both_ends() -> None:
    def column(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array(numbers, dtype=np.int64)

    groups = RowGroups(
        first_keys=column(0, 5, 5, 9).astype(np.uint64),
        last_keys=column(4, 5, 8, 9).astype(np.uint64),
        min_times=column(0, 0, 10, 0),
        max_times=column(9, 9, 19, 9),
        kinds=column(1, 1, 1, 1).astype(np.uint8),
        expiring=column(0, 0, 0, 0).astype(np.bool_),
        arriving=column(0, 0, 0, 0).astype(np.bool_),
        gone_at=column(0, 0, 0, 0),
    )

    def matching(*keys: int, start: int = 0, end: int = 99) -> list[int]:
        return list(groups.matching(np.array(keys, dtype=np.uint64), start, end))

    assert matching() == []
    assert matching(0) == matching(4) == matching(2) == [0]
    assert matching(5) == [1, 2]
    assert matching(4, 9) == [0, 3]
    assert matching(10) == []
    assert matching(0, 5, 9, start=9, end=9) == [0, 1, 3]
    assert matching(0, 5, 9, start=10, end=10) == [2]


def test_the_columns_are_one_a_kind() -> None:
    assert [COLUMN_OF_KIND[kind] for kind in Kind] == SCHEMA.names[2:7]
