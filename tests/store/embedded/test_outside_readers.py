"""Other people's programs read the segments by the very lines that docs/format/segments.md shows."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from open_and_sweep import open_and_sweep
from point_batches import METRICS, Point, Value, batch, double, metric_ids, names

from headrace.model.arrivals import NO_ARRIVAL, pack
from headrace.model.points import NEVER, Kind
from headrace.store.embedded.recent.deletes import NO_DELETES, NO_GENERATION, Delete
from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.segments.files import columns as parquet_columns
from headrace.store.embedded.segments.files import series_files
from headrace.store.embedded.segments.files.empty import keep_empty_files
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.making.forgetting import KEEP_ALL

PAGE = Path(__file__).parents[3] / "docs" / "format" / "segments.md"
DELETED_MS = (1_700_000_001_000, 1_700_000_010_000)
DELETED = {(series, 1_700_000_000_000 + step * 1000) for series in (1, 4) for step in (1, 2)}
"""What is deleted, of series 1 and 4, and not written again by the third segment."""

SERIES = np.arange(6, dtype=np.uint32)

Row = tuple[int, datetime, str, dict[str, str], object]


def lines_for(reader: str) -> str:
    """The block of code under the reader's name."""
    block = re.search(rf"^{reader}[^\n]*:\n\n```\w+\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert block, f"no lines for {reader} in {PAGE.name}"
    return block.group(1)


def value(kind: int, number: int) -> tuple[Value, object]:
    """A value as the store takes it and as a reader shows it."""
    choices: list[tuple[Value, object]] = [
        (double(number / 4), number / 4),
        ((Kind.INT64, 2**62 + number), 2**62 + number),
        ((Kind.BOOL, number % 2), bool(number % 2)),
        ((Kind.TEXT, f"tür {number}"), f"tür {number}"),
        ((Kind.CUSTOM, f'complex\0{{"re":{number}}}'), {"type": "complex", "json": f'{{"re":{number}}}'}),
    ]
    return choices[kind]


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, int], Row]:
    """Three segments that overwrite parts of each other; the right rows by series and time.

    The file of deletes has one that the first two segments need.
    An expired row of the second is overwritten by the
    third, one of the third hides a row of the second.
    """
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    folder, _, _ = open_and_sweep(tmp_path / "data" / "segments", "d")
    keep_empty_files(folder.folder)
    past = int((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    future = past + 7_200_000
    right: dict[tuple[int, int], Row] = {}
    for sequence in (1, 2, 3):
        points = []
        for series in range(6):
            for step in range(sequence, sequence + 20):
                written, shown = value((series + sequence) % 5, step)
                expires = {(2, 5): past, (3, 7): future}.get((sequence, step), NEVER)
                time = 1_700_000_000_000 + step * 1000
                arrival = int(pack(past, np.array([-330]))[0]) if step % 3 else NO_ARRIVAL
                points.append(Point(series, time, written, expires, arrival))
                moment = datetime.fromtimestamp(time / 1000, UTC)
                tags = {"host": f"h{series}", "dc": "Zürich"}
                right[series, time] = (series, moment, f"metric.{series % METRICS}", tags, shown)
        if sequence == 3:
            hidden = (0, 1_700_000_002_000)
            points.append(Point(*hidden, double(1), past))
            del right[hidden]
        last = sequence if sequence < 3 else 4  # record 3 is a delete
        recent = Recent(len(points))
        recent.append(batch(points), last)
        new = SERIES[:3] if sequence == 1 else SERIES[3:] if sequence == 2 else SERIES[:0]
        forgetting = KEEP_ALL
        if sequence == 3:  # it came between the second and the third
            deletes = NO_DELETES.with_delete(Delete(np.array([1, 4], dtype=np.uint32), *DELETED_MS), 3, NO_GENERATION)
            forgetting = replace(KEEP_ALL, deletes=deletes)
            for key in DELETED:
                del right[key]
        folder.seal(recent.view(), metric_ids, new, names, forgetting)
        if sequence == 1:
            make_format_1(tmp_path / "data" / "segments" / "points-0000000000000001-0000000000000001.parquet")
    return right


def make_format_1(file: Path) -> None:
    """As a version from before points could keep how they came would have written it."""
    described = pq.read_metadata(file).metadata | {b"headrace.format": b"1"}
    older = pq.read_table(file).drop_columns(parquet_columns.ARRIVAL_COLUMNS)
    with pq.ParquetWriter(file, parquet_columns.SCHEMA_1, store_schema=False) as writer:
        writer.write_table(older.cast(parquet_columns.SCHEMA_1))
        writer.add_key_value_metadata(described)


def assert_rows(found: list[dict[str, Any]], right: dict[tuple[int, int], Row]) -> None:
    shown = []
    for row in found:
        values = [row[name] for name in ("double", "int64", "bool", "text", "custom") if not _is_null(row[name])]
        assert len(values) == 1
        assert row["value"] == (float(values[0]) if isinstance(values[0], int | float) else None)
        shown.append((row["series"], row["time"], row["metric"], dict(row["tags"]), values[0]))
    shown.sort(key=lambda row: row[:2])
    assert shown == [right[key] for key in sorted(right)]
    assert {type(row[4]) for row in shown} == {float, int, bool, str, dict}


def _is_null(shown: object) -> bool:
    return shown is None or (isinstance(shown, dict) and all(part is None for part in shown.values()))


def test_duckdb(history: dict[tuple[int, int], Row]) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(lines_for("DuckDB"))
        assert_rows(connection.sql("FROM points").to_arrow_table().to_pylist(), history)


def test_pandas(history: dict[tuple[int, int], Row]) -> None:
    namespace: dict[str, Any] = {}
    exec(lines_for("pandas"), namespace)
    missing = namespace["pandas"].NA
    rows = namespace["points"].to_dict("records")
    assert_rows([{name: None if cell is missing else cell for name, cell in row.items()} for row in rows], history)


def test_polars(history: dict[tuple[int, int], Row]) -> None:
    namespace: dict[str, Any] = {}
    exec(lines_for("Polars"), namespace)
    assert_rows(namespace["points"].to_dicts(), history)


def test_pyarrow(history: dict[tuple[int, int], Row]) -> None:
    namespace: dict[str, Any] = {}
    exec(lines_for("pyarrow"), namespace)
    assert_rows(namespace["points"].to_pylist(), history)


def table_under(heading: str) -> list[list[str]]:
    """The names in the first column of the first table after `heading`, a list a row."""
    rest = PAGE.read_text().split(heading, 1)[1]
    table = re.search(r"\n\|-+\|[-|]*\n((?:\|.*\n)+)", rest)
    assert table
    return [re.findall(r"`([^`]+)`", row.split("|")[1]) for row in table.group(1).splitlines()]


def flat(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in row]


def test_the_page_names_every_field_and_column() -> None:
    assert sorted(flat(table_under("## current.json"))) == sorted(field.name for field in fields(Current))
    assert sorted(flat(table_under("An element of `segments`"))) == sorted(field.name for field in fields(SegmentMeta))
    assert flat(table_under("## A segment\n")) == parquet_columns.SCHEMA.names
    assert flat(table_under("## A series file")) == series_files.SCHEMA.names


def test_the_page_names_every_key_of_the_metadata(history: dict[tuple[int, int], Row]) -> None:
    described: set[str] = set()
    for file in Path("data/segments").glob("*-0*.parquet"):
        described |= {key.decode() for key in pq.read_metadata(file).metadata}
    assert set(flat(table_under("Key-value metadata"))) == described
