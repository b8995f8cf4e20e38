"""Merging in the folder: a crash at every step, a full disk, damage, and seals that go on meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from open_and_sweep import open_and_sweep
from point_batches import metric_ids, names
from test_segment_folder import ALL_SERIES, RIGHT, Crash, crash_at, everything, generation

from headrace import limits
from headrace.errors import Corrupt
from headrace.store.embedded.files import durable
from headrace.store.embedded.files.names import CURRENT, DAMAGED_SUFFIX
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.files.series_files import read_series
from headrace.store.embedded.segments.folder import SegmentFolder
from headrace.store.embedded.segments.making.forgetting import KEEP_ALL

SEALS = [(1, 3), (4, 6), (7, 7), (8, 9)]


def filled(path: Path) -> tuple[SegmentFolder, list[Segment]]:
    """Four segments that overwrite one another, and four series files."""
    folder, segments, _ = open_and_sweep(path, "d")
    for at, (first, last) in enumerate(SEALS):
        segment = folder.seal(generation(first, last), metric_ids, ALL_SERIES[2 * at : 2 * at + 2], names)
        assert segment is not None
        segments.append(segment)
    return folder, segments


def go_on() -> None:
    """No pause."""


def files_of(current: Current) -> set[str]:
    listed = {meta.file for meta in current.segments} | {series.file for series in current.series}
    return {CURRENT, current.deletes, *listed}


def series_of(folder: SegmentFolder) -> list[int]:
    files = [folder.folder / series.file for series in folder.current.series]
    return [ordinal for file in files for ordinals, _ in read_series(file) for ordinal in ordinals.tolist()]


def test_neighbours_become_one_with_the_range_of_all(tmp_path: Path) -> None:
    folder, segments = filled(tmp_path / "segments")
    merged = folder.merge(segments[1:3], metric_ids, KEEP_ALL, go_on)
    assert merged is not None
    assert [(meta.min_sequence, meta.max_sequence) for meta in folder.current.segments] == [(1, 3), (4, 7), (8, 9)]
    assert everything([segments[0], *merged, segments[3]], []) == RIGHT
    assert merged[0].meta.rows < segments[1].meta.rows + segments[2].meta.rows, "what was overwritten is gone"
    reopened, opened, findings = open_and_sweep(tmp_path / "segments", "d")
    assert everything(opened, []) == RIGHT
    assert not findings
    assert reopened.current == folder.current


MERGE_STEPS = ["sync_file", "rename", "sync_folder", "sync_file", "rename", "sync_folder"]
"""The merged file, then current.json."""


def test_the_order_of_the_steps(tmp_path: Path) -> None:
    folder, segments = filled(tmp_path / "segments")
    with crash_at(99, after=False, error=Crash()) as done:
        folder.merge(segments, metric_ids, KEEP_ALL, go_on)
    assert done == MERGE_STEPS
    with crash_at(99, after=False, error=Crash()) as done:
        folder.merge_series()
    assert done == MERGE_STEPS


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", range(len(MERGE_STEPS)))
def test_a_crash_at_any_step_of_merging_loses_and_doubles_nothing(tmp_path: Path, moment: int, after: bool) -> None:
    path = tmp_path / "segments"
    folder, segments = filled(path)
    with crash_at(moment, after=after, error=Crash()), pytest.raises(Crash):
        folder.merge(segments[:3], metric_ids, KEEP_ALL, go_on)
    folder, segments, findings = open_and_sweep(path, "d")
    assert len(segments) in {2, 4}
    assert not findings
    assert everything(segments, []) == RIGHT
    assert {file.name for file in path.iterdir()} == files_of(folder.current)
    assert folder.current.sealed_through == 9
    again = folder.merge(segments, metric_ids, KEEP_ALL, go_on)
    assert again is not None
    assert everything(again, []) == RIGHT
    assert everything(open_and_sweep(path, "d")[1], []) == RIGHT


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", range(len(MERGE_STEPS)))
def test_a_crash_at_any_step_of_merging_names_loses_and_doubles_none(tmp_path: Path, moment: int, after: bool) -> None:
    path = tmp_path / "segments"
    folder, _ = filled(path)
    with crash_at(moment, after=after, error=Crash()), pytest.raises(Crash):
        folder.merge_series()
    folder, _, _ = open_and_sweep(path, "d")
    assert series_of(folder) == ALL_SERIES.tolist()
    assert {file.name for file in path.iterdir()} == files_of(folder.current)
    folder.merge_series()
    assert len(folder.current.series) == 1
    assert folder.current.series[0].series == len(ALL_SERIES)
    assert series_of(folder) == ALL_SERIES.tolist()


@pytest.mark.parametrize("moment", range(len(MERGE_STEPS)))
def test_a_full_disk_at_any_step_leaves_the_merge_to_be_tried_again(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "segments"
    folder, segments = filled(path)
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with crash_at(moment, after=False, error=full), pytest.raises(OSError, match="No space"):
        folder.merge(segments, metric_ids, KEEP_ALL, go_on)
    assert not list(path.glob("*.tmp"))
    assert everything(segments, []) == RIGHT, "the inputs are there, whatever current.json says by now"
    assert everything(open_folder_copy(path, tmp_path), []) == RIGHT
    merged = folder.merge(segments, metric_ids, KEEP_ALL, go_on)
    assert merged is not None
    assert everything(merged, []) == RIGHT


def open_folder_copy(path: Path, tmp_path: Path) -> list[Segment]:
    """What a server that is started now would serve."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in path.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return open_and_sweep(copy, "d")[1]


def test_a_seal_during_a_merge_counts(tmp_path: Path) -> None:
    folder, segments, _ = open_and_sweep(tmp_path / "segments", "d")
    for first, last in SEALS[:3]:
        segment = folder.seal(generation(first, last), metric_ids, ALL_SERIES[:0], names)
        assert segment is not None
        segments.append(segment)
    sealed: list[Segment] = []

    def seal_now() -> None:
        if not sealed:
            segment = folder.seal(generation(8, 9), metric_ids, ALL_SERIES, names)
            assert segment is not None
            sealed.append(segment)

    merged = folder.merge(segments, metric_ids, KEEP_ALL, seal_now)
    assert merged is not None
    assert everything([*merged, *sealed], []) == RIGHT
    assert folder.current.sealed_through == 9
    reopened, opened, _ = open_and_sweep(tmp_path / "segments", "d")
    assert everything(opened, []) == RIGHT
    assert reopened.current == folder.current
    assert series_of(folder) == ALL_SERIES.tolist()


def test_a_merge_whose_input_goes_meanwhile_is_thrown_away(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    folder, segments = filled(path)

    def drop_now() -> None:
        folder.drop([segments[1]])

    before = {file.name for file in path.iterdir()}
    assert folder.merge(segments[:2], metric_ids, KEEP_ALL, drop_now) is None
    assert [meta.min_sequence for meta in folder.current.segments] == [1, 7, 8]
    assert {file.name for file in path.iterdir()} == before


def test_a_merge_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    folder, segments = filled(path)
    before = {file.name for file in path.iterdir()}

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        folder.merge(segments, metric_ids, KEEP_ALL, stop)
    assert {file.name for file in path.iterdir()} == before
    assert everything(segments, []) == RIGHT


def test_a_damaged_input_is_named_and_the_rest_merged(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    folder, segments = filled(path)
    broken = segments[1]
    damaged = bytearray(broken.path.read_bytes())
    damaged[60:90] = bytes(30)
    broken.path.write_bytes(damaged)
    with pytest.raises(Corrupt) as met:
        folder.merge(segments, metric_ids, KEEP_ALL, go_on)
    assert met.value.file == broken.path
    assert folder.set_aside(met.value)
    assert (path / (broken.path.name + DAMAGED_SUFFIX)).exists()
    merged = folder.merge([segments[0], *segments[2:]], metric_ids, KEEP_ALL, go_on)
    assert merged is not None
    assert everything(merged, []) == everything([segments[0], *segments[2:]], [])


def test_a_merged_file_that_cannot_be_read_back_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, segments = filled(tmp_path / "segments")
    before = folder.current
    with monkeypatch.context() as patch:
        patch.setattr(durable, "rename", lambda source, target: target.write_bytes(source.read_bytes()[:-1]))
        with pytest.raises(Corrupt):
            folder.merge(segments, metric_ids, KEEP_ALL, go_on)
    assert folder.current == before
    assert everything(segments, []) == RIGHT


def test_the_number_of_series_files_stays_small(tmp_path: Path) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    for sequence in range(1, 10):
        for _ in range(20):  # a seal that is repeated, each time with a series more
            first = sum(file.series for file in folder.current.series)
            new = np.arange(first, first + 1, dtype=np.uint32)
            folder.seal(generation(sequence, sequence), metric_ids, new, names)
            while folder.merge_series():
                pass
    assert series_of(folder) == list(range(180))
    assert len(folder.current.series) <= 4 * (limits.MERGE_FACTOR - 1)
    assert len(list((tmp_path / "segments").glob("series-*"))) == len(folder.current.series)
