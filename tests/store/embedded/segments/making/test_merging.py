"""Merging: what comes out of neighbours is what a dict would keep, in row groups like those of a seal."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chance import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from point_batches import METRICS, Point, batch, double, metric_ids, points, value_at

from headrace import limits
from headrace.errors import Corrupt
from headrace.model.arrivals import NO_ARRIVAL
from headrace.model.points import NEVER, Kind
from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.files.segment import Segment, open_segment
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.making.forgetting import KEEP_ALL
from headrace.store.embedded.segments.making.merging import Merge
from headrace.store.embedded.segments.making.sealing import sealed_row_groups, sorted_winners
from headrace.store.rows import Rows


def segment(folder: Path, written: list[Point], sequence: int) -> Segment:
    recent = Recent(len(written))
    recent.append(batch(written), sequence)
    view = recent.view()
    groups = sealed_row_groups(view, sorted_winners(view, metric_ids))
    return open_segment(folder, write_segment(folder, groups, (sequence, sequence), metric_ids, "d"), "d")


def merged(segments: list[Segment]) -> list[Rows]:
    return list(Merge(segments, (), metric_ids, KEEP_ALL, lambda: None).kept())


def plain(row_groups: list[Rows]) -> list[Point]:
    return [
        Point(
            int(rows.series[row]),
            int(rows.times[row]),
            value_at(rows.values, row),
            NEVER if rows.expires is None else int(rows.expires[row]),
            NO_ARRIVAL if rows.arrivals is None else int(rows.arrivals[row]),
        )
        for rows in row_groups
        for row in range(len(rows))
    ]


def winners(files: list[list[Point]]) -> list[Point]:
    last = {(point.series % METRICS, point.series, point.time): point for points in files for point in points}
    return [last[key] for key in sorted(last)]


@pytest.fixture
def small_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 4)
    monkeypatch.setattr(limits, "ROW_GROUP_TEXT_BYTES", 20)


@pytest.mark.usefixtures("small_row_groups")
@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.lists(st.lists(points, min_size=1, max_size=30), min_size=2, max_size=4))
def test_the_last_write_of_each_series_and_time_comes_out_in_order(tmp_path: Path, files: list[list[Point]]) -> None:
    segments = [segment(tmp_path, written, sequence) for sequence, written in enumerate(files, 1)]
    row_groups = merged(segments)
    for opened in segments:
        opened.close()
    assert plain(row_groups) == winners(files)
    assert all(len(rows) <= 4 for rows in row_groups)
    for rows, following in pairwise(row_groups):
        assert len(rows) == 4 or rows.values.heap or following.values.heap, "only texts cut one short"
    assert all(len(rows.values.heap) <= 20 or np.sum(rows.values.kinds >= Kind.TEXT) == 1 for rows in row_groups)


def test_many_row_groups_of_different_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of very different width: all series in one file, one in the next, later times of all in a third."""
    per_group = 256
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", per_group)
    wide = [Point(o, t, double(1)) for o in range(40) for t in range(0, per_group // 10, 4)]
    narrow = [Point(7, t, double(2)) for t in range(0, 2 * per_group, 2)]
    later = [Point(o, t, double(3)) for o in range(40) for t in range(per_group // 20, per_group // 20 + 50)]
    files = [wide, narrow, later]
    row_groups = merged([segment(tmp_path, written, sequence) for sequence, written in enumerate(files, 1)])
    assert plain(row_groups) == winners(files)
    assert [len(rows) for rows in row_groups[:-1]] == [per_group] * (len(row_groups) - 1)


def test_a_step_takes_a_row_group_of_all_files_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROW_GROUP_ROWS", 256)
    files = [[Point(o, 8 * t + sequence, double(1)) for o in range(4) for t in range(256)] for sequence in range(8)]
    segments = [segment(tmp_path, written, sequence) for sequence, written in enumerate(files, 1)]
    steps: list[None] = []
    row_groups = list(Merge(segments, (), metric_ids, KEEP_ALL, lambda: steps.append(None)).kept())
    assert plain(row_groups) == winners(files)
    assert len(steps) >= 8 * 4 * 256 / 256


def test_memory_is_that_of_a_row_group_of_each_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's and Python's memory; Arrow's is that of the row groups being read. Texts, as nothing takes more."""
    monkeypatch.setattr(limits, "ROW_GROUP_TEXT_BYTES", 256 * 1024)
    generator = np.random.default_rng(7)
    text = generator.integers(97, 123, 4096).astype(np.uint8).tobytes().decode()
    segments = [
        segment(
            tmp_path, [Point(o, t * 4 + i, (Kind.TEXT, f"{o} {t} {text}")) for o in range(8) for t in range(256)], i
        )
        for i in range(1, 5)
    ]
    tracemalloc.start()
    rows = sum(len(group) for group in Merge(segments, (), metric_ids, KEEP_ALL, lambda: None).kept())
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 4 * 8 * 256
    assert peak_bytes < 8 * len(segments) * limits.ROW_GROUP_TEXT_BYTES < rows * len(text) / 3


def test_a_pause_that_raises_ends_the_merge(tmp_path: Path) -> None:
    segments = [segment(tmp_path, [Point(1, 1, double(i))], i) for i in (1, 2)]

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(Merge(segments, (), metric_ids, KEEP_ALL, stop).kept())


def test_rows_out_of_order_end_a_merge(tmp_path: Path) -> None:
    """As where names are lost, and metrics have other ids than they had."""
    segments = [segment(tmp_path, [Point(0, 1, double(1)), Point(1, 1, double(1))], number) for number in (1, 2)]
    with pytest.raises(Corrupt, match="out of order"):
        list(Merge(segments, (), lambda ordinals: 9 - ordinals, KEEP_ALL, lambda: None).kept())
    for opened in segments:
        opened.close()
