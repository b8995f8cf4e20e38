"""The select over segments and recent, against a dict of the last writes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st
from open_and_sweep import open_and_sweep
from point_batches import (
    NOW_MS,
    SERIES_MAX,
    TIMES_MAX,
    Point,
    batch,
    double,
    expected,
    metric_ids,
    names,
    plain,
    points,
)

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import Kind
from headrace.store.embedded.reading.selection import select
from headrace.store.embedded.recent.recent import Recent, RecentView
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.folder import SegmentFolder
from headrace.store.rows import Wanted, want

MANY = 1_000_000
NO_SERIES = np.empty(0, dtype=np.uint32)


def sealed(folder: SegmentFolder, written: list[list[Point]], first_sequence: int) -> Segment:
    segment = folder.seal(generation(written, first_sequence), metric_ids, NO_SERIES, names)
    assert segment is not None
    return segment


def generation(written: list[list[Point]], first_sequence: int) -> RecentView:
    recent = Recent(sum(map(len, written)))
    for sequence, batch_of_points in enumerate(written, start=first_sequence):
        recent.append(batch(batch_of_points), sequence)
    return recent.view()


batches = st.lists(st.lists(points, min_size=1, max_size=25), min_size=1, max_size=3)


@examples(60)
@given(
    st.lists(batches, max_size=4),
    st.lists(batches, max_size=2),
    st.permutations(range(SERIES_MAX + 2)).flatmap(
        lambda order: st.integers(0, len(order)).map(lambda count: order[:count])
    ),
    st.integers(0, TIMES_MAX),
    st.integers(0, TIMES_MAX),
    st.sampled_from([3, 16, limits.ROW_GROUP_ROWS]),
)
def test_the_last_write_wins_then_expiry(
    seals: list[list[list[Point]]],
    recents: list[list[list[Point]]],
    wanted: list[int],
    start_ms: int,
    end_ms: int,
    row_group_rows: int,
) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "ROW_GROUP_ROWS", row_group_rows)
        folder, _, _ = open_and_sweep(Path(directory) / "segments", "d")
        sequence = 1
        segments, generations = [], []
        for written in seals:
            segments.append(sealed(folder, written, sequence))
            sequence += len(written)
        for written in recents:
            generations.append(generation(written, sequence))
            sequence += len(written)
        columns = select(
            segments,
            generations,
            want(np.array(wanted, dtype=np.uint32), metric_ids),
            start_ms,
            end_ms,
            NOW_MS,
            MANY,
        )
        writes = [point for group in (*seals, *recents) for written in group for point in written]
        right = expected(writes, wanted, start_ms, end_ms, NOW_MS)
        assert plain(columns) == right
        assert columns.series.tolist() == list(right)  # in the order asked for


def test_a_generation_beside_its_own_segment_changes_nothing(tmp_path: Path) -> None:
    """A snapshot may be taken between the two steps of replacing the one by the other."""
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    written = [[Point(o, t, double(o * t)) for o in range(4) for t in (5, 3, 5)]]
    both = select([sealed(folder, written, 1)], [generation(written, 1)], wanted_all(), 0, 9, NOW_MS, MANY)
    assert plain(both) == expected(written[0], range(4), 0, 9, NOW_MS)


def wanted_all() -> Wanted:
    return want(np.arange(SERIES_MAX + 1, dtype=np.uint32), metric_ids)


def test_a_series_asked_for_without_any_source() -> None:
    columns = select([], [], want(np.array([3], dtype=np.uint32), metric_ids), 0, 9, NOW_MS, MANY)
    assert (len(columns), columns.series.tolist(), columns.starts.tolist()) == (0, [], [0])


def test_the_limit_counts_all_sources_together(tmp_path: Path) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    segment = sealed(folder, [[Point(1, time, double(time)) for time in range(60)]], 1)
    recent = generation([[Point(1, time, double(time)) for time in range(60, 100)]], 2)
    wanted = want(np.array([1], dtype=np.uint32), metric_ids)
    assert len(select([segment], [recent], wanted, 0, 99, NOW_MS, 100)) == 100
    with pytest.raises(Refused) as refusal:
        select([segment], [recent], wanted, 0, 99, NOW_MS, 99)
    assert refusal.value.rule == "query-points"


def test_an_expired_write_hides_the_older_one_in_another_segment(tmp_path: Path) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    older = sealed(folder, [[Point(1, 5, double(1))]], 1)
    expired = sealed(folder, [[Point(1, 5, (Kind.TEXT, "gone"), expires=NOW_MS)]], 2)
    wanted = want(np.array([1], dtype=np.uint32), metric_ids)
    assert len(select([older, expired], [], wanted, 0, 9, NOW_MS, MANY)) == 0
    assert plain(select([older, expired], [], wanted, 0, 9, NOW_MS - 1, MANY)) == {1: [(5, (Kind.TEXT, "gone"))]}


@pytest.mark.parametrize("kind", [Kind.DOUBLE, Kind.INT64, Kind.TEXT])
def test_what_is_found_may_be_written(tmp_path: Path, kind: Kind) -> None:
    """The kernels of queries take writable arrays only, and a whole row group comes out of Arrow without a copy."""
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    segment = sealed(folder, [[Point(1, time, (kind, "a" if kind == Kind.TEXT else time)) for time in range(9)]], 1)
    columns = select([segment], [], want(np.array([1], dtype=np.uint32), metric_ids), 0, 9, NOW_MS, MANY)
    assert all(a.flags.writeable for a in (columns.series, columns.starts, columns.times))
    assert columns.values.kinds.flags.writeable
    assert columns.values.bits.flags.writeable
