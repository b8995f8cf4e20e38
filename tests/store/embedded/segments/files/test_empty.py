"""The files without rows that outside readers take beside those that count."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from structlog.testing import capture_logs

from headrace.store.embedded.segments.files import columns, empty, series_files
from headrace.store.embedded.segments.files.empty import keep_empty_files


def test_they_have_every_column_and_no_row(tmp_path: Path) -> None:
    keep_empty_files(tmp_path)
    points, series = (pq.read_table(tmp_path / name) for name in ("empty-points.parquet", "empty-series.parquet"))
    assert (points.schema, series.schema) == (columns.SCHEMA, series_files.SCHEMA)
    assert (len(points), len(series)) == (0, 0)


def test_those_of_another_version_are_replaced_and_the_right_ones_are_left(tmp_path: Path) -> None:
    keep_empty_files(tmp_path)
    first = {path.name: (path.read_bytes(), path.stat().st_ino) for path in tmp_path.iterdir()}
    (tmp_path / "empty-points.parquet").write_bytes(b"of another version")
    keep_empty_files(tmp_path)
    second = {path.name: (path.read_bytes(), path.stat().st_ino) for path in tmp_path.iterdir()}
    assert {name: content for name, (content, _) in second.items()} == {name: old for name, (old, _) in first.items()}
    assert second["empty-series.parquet"] == first["empty-series.parquet"]


def test_a_disk_that_does_not_take_them_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(empty, "replaced_file", full)
    with capture_logs() as told:
        keep_empty_files(tmp_path)
    assert [line["log_level"] for line in told] == ["warning"]
    assert not list(tmp_path.iterdir())
