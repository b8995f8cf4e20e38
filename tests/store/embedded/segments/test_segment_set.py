"""Pins: a file that someone reads is not unlinked."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from point_batches import Point, batch, double, metric_ids

from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.files.segment import Segment, open_segment
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.making.sealing import sealed_row_groups, sorted_winners
from headrace.store.embedded.segments.segment_set import SegmentSet
from headrace.store.rows import want


def segment(folder: Path, sequence: int) -> Segment:
    recent = Recent(1)
    recent.append(batch([Point(1, sequence, double(sequence))]), sequence)
    view = recent.view()
    row_groups = sealed_row_groups(view, sorted_winners(view, metric_ids))
    meta = write_segment(folder, row_groups, (sequence, sequence), metric_ids, "d")
    return open_segment(folder, meta, "d")


def times(opened: Segment) -> list[int]:
    wanted = want(np.array([1], dtype=np.uint32), metric_ids)
    return [time for rows in opened.read(wanted, 0, 99) for time in rows.times.tolist()]


def test_pinned_segments_stay_readable_until_released(tmp_path: Path) -> None:
    first, second, merged = (segment(tmp_path, sequence) for sequence in (1, 2, 3))
    segments = SegmentSet([first, second])
    early, same = segments.pin(), segments.pin()
    segments.replace([first, second], [merged])
    late = segments.pin()
    assert early == same == (first, second)
    assert late == (merged,)
    segments.release(early)
    assert times(first) == [1]
    assert first.path.exists()
    segments.release(same)
    assert not first.path.exists()
    assert not second.path.exists()
    with pytest.raises(ValueError, match="closed"):
        first._source.read()
    segments.release(late)
    assert times(merged) == [3]


def test_what_nobody_reads_goes_at_once(tmp_path: Path) -> None:
    first, second = segment(tmp_path, 1), segment(tmp_path, 2)
    segments = SegmentSet([first])
    segments.release(segments.pin())
    segments.replace([first], [second])
    assert not first.path.exists()
    assert segments.pin() == (second,)


def test_segments_stand_in_the_order_of_versions(tmp_path: Path) -> None:
    third, first, second = (segment(tmp_path, sequence) for sequence in (3, 1, 2))
    segments = SegmentSet([third, first])
    segments.add([second])
    assert segments.pin() == (first, second, third)


def test_closing_keeps_the_files(tmp_path: Path) -> None:
    only = segment(tmp_path, 1)
    SegmentSet([only]).close()
    assert only.path.exists()


def test_whoever_lets_go_last_is_not_bothered_with_a_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, "no")

    first = segment(tmp_path, 1)
    segments = SegmentSet([first])
    pinned = segments.pin()
    segments.replace([first], [])
    monkeypatch.setattr(Path, "unlink", fail)
    segments.release(pinned)
    assert first.path.exists()
    assert segments.pin() == ()
