"""The folder: sealing with a crash at every step, opening after anything, and damage set aside."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from open_and_sweep import open_and_sweep
from point_batches import SERIES_MAX, Found, Point, batch, double, expected, metric_ids, names, plain

from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.store.embedded.files import durable
from headrace.store.embedded.files.names import CURRENT, DAMAGED_SUFFIX
from headrace.store.embedded.gaps import Gaps
from headrace.store.embedded.reading.selection import select
from headrace.store.embedded.recent.recent import Recent, RecentView
from headrace.store.embedded.segments.current import CURRENT_FORMAT, read_current
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.embedded.segments.folder import SegmentFolder, open_folder
from headrace.store.rows import want

ALL_SERIES = np.arange(SERIES_MAX + 1, dtype=np.uint32)
NO_SERIES = np.empty(0, dtype=np.uint32)

JOURNAL = {
    sequence: [
        Point(series, (sequence * 7 + series * i) % 9, double(sequence)) for i in range(5) for series in range(8)
    ]
    for sequence in range(1, 10)
}
"""Every record overwrites points of earlier ones."""


def generation(first_sequence: int, last_sequence: int) -> RecentView:
    recent = Recent(1000)
    for sequence in range(first_sequence, last_sequence + 1):
        recent.append(batch(JOURNAL[sequence]), sequence)
    return recent.view()


def seal(folder: SegmentFolder, first_sequence: int, last_sequence: int) -> Segment:
    new = ALL_SERIES if first_sequence == 1 else NO_SERIES
    segment = folder.seal(generation(first_sequence, last_sequence), metric_ids, new, names)
    assert segment is not None
    return segment


def everything(segments: list[Segment], recent: list[RecentView]) -> dict[int, list[Found]]:
    return plain(select(segments, recent, want(ALL_SERIES, metric_ids), 0, 99, 0, 10**6))


RIGHT = expected((point for points in JOURNAL.values() for point in points), range(8), 0, 99, 0)


class Crash(BaseException):
    """The power is gone: nothing after it runs but what no crash could undo."""


@contextmanager
def crash_at(moment: int, *, after: bool, error: BaseException) -> Iterator[list[str]]:
    """Raise before or after the n-th durable step; gives the steps that were done."""
    done: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("sync_file", "rename"):
            patch.setattr(durable, name, _counted(name, getattr(durable, name), done, moment, after, error))
        folder_step = _counted("sync_folder", durable.sync_folder, done, moment, after, error)
        for module in ("current", "folder"):
            patch.setattr(f"headrace.store.embedded.segments.{module}.sync_folder", folder_step)
        if isinstance(error, Crash):  # who is dead tidies nothing up
            patch.setattr(Path, "unlink", lambda path, missing_ok=False: None)
        yield done


def _counted(
    name: str, step: Callable[..., None], done: list[str], moment: int, after: bool, error: BaseException
) -> Callable[..., None]:
    def counted(*arguments: object) -> None:
        if len(done) == moment and not after:
            raise error
        step(*arguments)
        done.append(name)
        if len(done) == moment + 1 and after:
            raise error

    return counted


def test_the_order_of_the_steps(tmp_path: Path) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    with crash_at(99, after=False, error=Crash()) as done:
        seal(folder, 1, 3)
    file = ["sync_file", "rename"]
    assert done == [*file, *file, "sync_folder", *file, "sync_folder"]  # points, series, then current.json


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", range(8))
def test_a_crash_at_any_step_of_sealing_loses_and_doubles_nothing(tmp_path: Path, moment: int, after: bool) -> None:
    path = tmp_path / "segments"
    folder, first, _ = open_and_sweep(path, "d")
    first.append(seal(folder, 1, 3))
    with crash_at(moment, after=after, error=Crash()), pytest.raises(Crash):
        folder.seal(generation(4, 6), metric_ids, ALL_SERIES[:1], names)
    folder, segments, findings = open_and_sweep(path, "d")
    sealed_through = folder.current.sealed_through
    assert sealed_through in {3, 6}
    assert not findings
    # The journal still has what is not sealed.
    assert everything(segments, [generation(sealed_through + 1, 9)]) == RIGHT
    listed = {meta.file for meta in folder.current.segments} | {series.file for series in folder.current.series}
    assert {file.name for file in path.iterdir()} == {CURRENT, folder.current.deletes, *listed}
    if sealed_through == 3:
        segments.append(seal(folder, 4, 6))
    segments.append(seal(folder, 7, 9))
    assert everything(segments, []) == RIGHT
    assert everything(open_and_sweep(path, "d")[1], []) == RIGHT


@pytest.mark.parametrize("moment", range(8))
def test_a_full_disk_at_any_step_leaves_the_seal_to_be_tried_again(tmp_path: Path, moment: int) -> None:
    path = tmp_path / "segments"
    folder, segments, _ = open_and_sweep(path, "d")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with crash_at(moment, after=False, error=full), pytest.raises(OSError, match="No space"):
        seal(folder, 1, 5)
    assert not list(path.glob("*.tmp"))
    segments.append(seal(folder, 1, 5))
    segments.append(seal(folder, 6, 9))
    assert everything(segments, []) == RIGHT
    reopened, segments, _ = open_and_sweep(path, "d")
    assert everything(segments, []) == RIGHT
    assert reopened.current.sealed_through == 9


def test_a_crash_while_the_folder_is_made_leaves_it_to_be_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    for moment in range(5):
        with crash_at(moment, after=False, error=Crash()), pytest.raises(Crash):
            open_and_sweep(path, "d")
    assert open_and_sweep(path, "d")[0].current.segments == ()


@pytest.mark.parametrize("damage", ["footer", "foreign"])
def test_a_damaged_segment_is_set_aside_and_the_rest_served(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "segments"
    folder, _, _ = open_and_sweep(path, "d")
    broken, _ = seal(folder, 1, 3), seal(folder, 4, 9)
    if damage == "footer":
        broken.path.write_bytes(broken.path.read_bytes()[:-9])
    else:
        broken.path.write_bytes(b"PAR1 nonsense PAR1")
    folder, segments, findings = open_and_sweep(path, "d")
    assert [finding.file for finding in findings] == [broken.path]
    assert [segment.meta.min_sequence for segment in segments] == [4]
    assert not broken.path.exists()
    assert (path / (broken.path.name + DAMAGED_SUFFIX)).exists()
    assert folder.current.sealed_through == 9
    # From now on it is known, and outside readers do not meet it.
    folder, segments, findings = open_and_sweep(path, "d")
    assert findings == []
    assert [damaged.file for damaged in folder.current.damaged] == [broken.path.name]
    listed = json.loads((path / CURRENT).read_text())
    assert broken.path.name not in {segment["file"] for segment in listed["segments"]}


def test_a_missing_segment_ends_the_opening_unless_it_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    folder, _, _ = open_and_sweep(path, "d")
    missing, _ = seal(folder, 1, 3), seal(folder, 4, 9)
    missing.path.unlink()
    before = (path / CURRENT).read_bytes()
    with pytest.raises(Incomplete, match=rf"segments/{missing.path.name} is missing"):
        open_folder(path, "d")
    assert (path / CURRENT).read_bytes() == before
    gaps = Gaps(accept_loss=True)
    opened = open_folder(path, "d", gaps)
    assert gaps.accepted == [("segments", f"segments/{missing.path.name} is missing")]
    assert [segment.meta.min_sequence for segment in opened.segments] == [4]
    assert [damaged.file for damaged in opened.folder.current.damaged] == [missing.path.name]


def test_damage_met_by_a_query_is_set_aside(tmp_path: Path) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    broken, whole = seal(folder, 1, 3), seal(folder, 4, 9)
    damaged = bytearray(broken.path.read_bytes())
    damaged[60:90] = bytes(30)
    broken.path.write_bytes(damaged)
    with pytest.raises(Corrupt) as met:
        everything([broken, whole], [])
    folder.set_aside(met.value)
    assert [meta.file for meta in folder.current.segments] == [whole.meta.file]
    folder.set_aside(met.value)  # two queries may meet the same damage
    assert len(folder.current.damaged) == 1


def test_a_segment_that_cannot_be_read_back_is_not_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, segments, _ = open_and_sweep(tmp_path / "segments", "d")
    with monkeypatch.context() as patch:
        # A disk that says yes and keeps nothing.
        patch.setattr(durable, "rename", lambda source, target: target.write_bytes(source.read_bytes()[:-1]))
        with pytest.raises(Corrupt):
            seal(folder, 1, 9)
    assert folder.current.sealed_through == 0
    segments.append(seal(folder, 1, 9))
    assert len(folder.current.segments) == len(folder.current.series) == 1
    assert everything(segments, []) == RIGHT


def test_files_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    folder, _, _ = open_and_sweep(path, "d")
    seal(folder, 1, 9)
    for name in ("notes.txt", "backup.parquet", "points-1.parquet.damaged"):
        (path / name).touch()
    (path / "points-0000000000000010-0000000000000011.parquet").touch()
    (path / "current.json.tmp").touch()
    open_and_sweep(path, "d")
    assert {"notes.txt", "backup.parquet", "points-1.parquet.damaged"} < {file.name for file in path.iterdir()}
    assert not (path / "points-0000000000000010-0000000000000011.parquet").exists()
    assert not (path / "current.json.tmp").exists()


def test_without_current_json_nothing_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "segments"
    folder, _, _ = open_and_sweep(path, "d")
    segment = seal(folder, 1, 9)
    (path / CURRENT).unlink()
    with pytest.raises(Corrupt, match="missing"):
        open_and_sweep(path, "d")
    assert segment.path.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format":1}', b'{"format":3,"database":"d"}'])
def test_a_current_json_that_is_not_understood_stops_the_opening(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "segments"
    folder, _, _ = open_and_sweep(path, "d")
    segment = seal(folder, 1, 9)
    (path / CURRENT).write_bytes(content)
    with pytest.raises(Corrupt):
        open_and_sweep(path, "d")
    assert segment.path.exists()
    assert (path / CURRENT).read_bytes() == content


def test_another_database_is_not_opened(tmp_path: Path) -> None:
    open_and_sweep(tmp_path / "segments", "d")
    with pytest.raises(Corrupt, match="another database"):
        open_and_sweep(tmp_path / "segments", "e")


def test_what_is_listed_is_read_back(tmp_path: Path) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    segment = seal(folder, 1, 4)
    current = read_current(tmp_path / "segments")
    assert current == folder.current
    assert current is not None
    assert (current.format, current.sealed_through, current.segments) == (CURRENT_FORMAT, 4, (segment.meta,))
    assert [(series.file, series.series) for series in current.series] == [("series-0000000000-0000000008.parquet", 8)]


def test_a_disk_that_gives_nothing_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _ = open_and_sweep(tmp_path / "segments", "d")
    segment = seal(folder, 1, 9)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("headrace.store.embedded.segments.files.segment.pq.read_metadata", fail)
    with pytest.raises(Unavailable):
        open_and_sweep(tmp_path / "segments", "d")
    assert segment.path.exists()


def test_while_it_stands_still_nothing_is_changed(tmp_path: Path) -> None:
    """As a backup needs it between the list and the links."""
    folder, _, _ = open_and_sweep(tmp_path, "aa")
    seal(folder, 1, 3).close()
    changed = threading.Event()

    def change() -> None:
        folder.write_down()
        changed.set()

    thread = threading.Thread(target=change)
    with folder.standing_still() as current:
        thread.start()
        assert not changed.wait(0.2)
        assert folder.current is current
    thread.join()
    assert changed.is_set()
