"""Letting rows count again that were dropped for their age, while no server runs.

All that counts was written after what was dropped, where both hold the same series and time: nothing is dropped that
hides something older (making.forgetting). So a dropped file goes below whatever counts. Where segments share its
records of the journal, as a merge left it out of one of them, it is merged with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from headrace import limits
from headrace.errors import Corrupt, HeadraceError
from headrace.model.time import ALL_TIME
from headrace.store.embedded.files.durable import copy_file, sync_folder
from headrace.store.embedded.files.names import free_points_file
from headrace.store.embedded.recent.deletes import NO_DELETES
from headrace.store.embedded.segments.current import Current, DroppedFile, write_current
from headrace.store.embedded.segments.dropped import path_of, sync_dropped
from headrace.store.embedded.segments.files.delete_files import read_deletes
from headrace.store.embedded.segments.files.description import describe_segment
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.files.segment import Segment, open_segment
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.making.forgetting import Forgetting
from headrace.store.embedded.segments.making.merging import Merge
from headrace.store.embedded.segments.making.retention import NO_RETENTION
from headrace.store.embedded.segments.names_listed import metric_ids_listed


class NotAwaited(HeadraceError):  # noqa: N818 - nothing is wrong with the file
    """The database has no place for such a segment."""


def bring_back(folder: Path, current: Current, names: Collection[str]) -> Iterator[DroppedFile]:
    """Let the dropped files of these names count again, the newest first, less what has been deleted. Yields each when
    it does so on disk.   folder: of the segments.   current: what counts.

    Raises NotAwaited when one would bring back what had been overwritten, or is not there, Corrupt when one is not what
    was dropped, Unavailable, OSError. Those that were yielded before count.
    """
    waiting = [dropped for dropped in current.dropped if dropped.file in names]
    _check_order(current.dropped, names)
    for dropped in waiting:
        _check(folder, dropped, current.database)
    while waiting:
        group = [waiting.pop()]
        live = _sharing(current, group[0].meta)
        while waiting and 0 < len(live) < limits.MERGE_INPUTS_MAX - len(group):
            if _sharing(current, waiting[-1].meta) != live:
                break
            group.insert(0, waiting.pop())
        current = _put_back(folder, current, group, live)
        yield from reversed(group)


def _check_order(dropped: Sequence[DroppedFile], names: Collection[str]) -> None:
    """What was dropped later is right, so it must not come back later. Raises NotAwaited."""
    for place, one in enumerate(dropped):
        later = [
            other.file
            for other in dropped[place + 1 :]
            if other.file not in names and one.meta.may_share_points(other.meta)
        ]
        if one.file in names and later:
            raise NotAwaited(f"{one.file} may hold what {', '.join(later)} overwrote: restore them in the same call")


def _check(folder: Path, dropped: DroppedFile, database: str) -> None:
    path = path_of(folder, dropped)
    if path is None:
        raise NotAwaited(f"{dropped.file} is gone")
    described, _ = describe_segment(path.parent, path.name, database)
    if replace(described, file=dropped.meta.file) != dropped.meta:
        raise Corrupt(path, "is sound, but not what was dropped")


def _sharing(current: Current, meta: SegmentMeta) -> list[SegmentMeta]:
    """The segments that count and share records of the journal with this one. Raises NotAwaited when one does that is
    set aside: it must come back to where it was."""
    for damaged in current.restorable:
        if _share(damaged, meta):
            raise NotAwaited(f"{damaged.file}, which was set aside, must be restored before {meta.file}")
    return [other for other in current.segments if _share(other, meta)]


def _share(one: SegmentMeta, other: SegmentMeta) -> bool:
    return one.min_sequence <= other.max_sequence and one.max_sequence >= other.min_sequence


def _put_back(folder: Path, current: Current, group: Sequence[DroppedFile], live: Sequence[SegmentMeta]) -> Current:
    """Below these segments, or where none is. Returns what counts then, without the dropped files. A crash before that
    is on disk leaves them listed, too: their rows are then twice there, and equal."""
    back = _merged(folder, current, group, live) if live else [_copied(folder, group[0])]
    others = [meta for meta in current.segments if meta not in live]
    segments = tuple(sorted((*others, *back), key=lambda meta: meta.max_sequence))
    left = [path for dropped in group if (path := path_of(folder, dropped)) is not None]
    moved = tuple(replace(dropped, source="") if dropped in group else dropped for dropped in current.dropped)
    write_current(folder, replace(current, segments=segments, dropped=moved))
    for path in (*left, *(folder / meta.file for meta in live)):
        path.unlink()
    sync_dropped(folder)
    kept = tuple(dropped for dropped in current.dropped if dropped not in group)
    current = replace(current, segments=segments, dropped=kept)
    write_current(folder, current)
    return current


def _copied(folder: Path, dropped: DroppedFile) -> SegmentMeta:
    meta = dropped.meta
    name = free_points_file(folder, meta.min_sequence, meta.max_sequence, meta.deletes_applied)
    path = path_of(folder, dropped)
    assert path is not None, "it was read before"
    copy_file(path, folder / name)
    sync_folder(folder)
    return replace(meta, file=name)


def _merged(
    folder: Path, current: Current, group: Sequence[DroppedFile], live: Sequence[SegmentMeta]
) -> list[SegmentMeta]:
    """The one segment that stands for all of them, none when everything was deleted."""
    database, metas = current.database, [*(dropped.meta for dropped in group), *live]
    sequences = min(meta.min_sequence for meta in metas), max(meta.max_sequence for meta in metas)
    deletes = NO_DELETES
    if current.deletes:
        deletes = read_deletes(folder / current.deletes, database, current.deletes_crc)
    forgetting = Forgetting(deletes, NO_RETENTION, ALL_TIME.start_ms)
    metric_ids = metric_ids_listed(folder, current.series)
    inputs: list[Segment] = []
    try:
        inputs += [_open_dropped(folder, dropped, database) for dropped in group]
        inputs += [open_segment(folder, meta, database) for meta in live]
        groups = Merge(inputs, (), metric_ids, forgetting, lambda: None).kept()
        if (first := next(groups, None)) is None:
            return []
        through = forgetting.deletes_through(sequences[1])
        name, rows = free_points_file(folder, *sequences, through), chain([first], groups)
        return [write_segment(folder, rows, sequences, metric_ids, database, through, others=current.others, name=name)]
    finally:
        for segment in inputs:
            segment.close()


def _open_dropped(folder: Path, dropped: DroppedFile, database: str) -> Segment:
    path = path_of(folder, dropped)
    assert path is not None, "it was read before"
    return open_segment(path.parent, replace(dropped.meta, file=path.name), database)
