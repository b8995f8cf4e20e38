"""The segments folder: opening it after anything, growing it so that a crash at any step neither loses nor doubles."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Corrupt
from headrace.memory import give_back_freed_memory
from headrace.store.embedded.files.durable import discard, rename, sync_folder
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import (
    CURRENT,
    DAMAGED_SUFFIX,
    POINTS_PATTERN,
    TEMPORARY_SUFFIX,
    last_sequence_of,
    next_rewritten,
    series_file,
)
from headrace.store.embedded.gaps import NO_GAPS, Gaps
from headrace.store.embedded.recent.deletes import NO_DELETES, Deletes
from headrace.store.embedded.recent.recent import RecentView
from headrace.store.embedded.segments.current import (
    Current,
    DamagedFile,
    DroppedFile,
    Loss,
    SeriesFile,
    read_current,
    write_current,
)
from headrace.store.embedded.segments.dropped import drop_left_out, drop_whole, move, name_of_left_out, sync_dropped
from headrace.store.embedded.segments.files.delete_files import read_deletes, write_deletes
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.segments.files.meta import UNKNOWN_OTHERS, OtherStores, SegmentMeta
from headrace.store.embedded.segments.files.segment import Segment, open_segment
from headrace.store.embedded.segments.files.series_files import SeriesNames, merge_series_files, write_series
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.kept.row_group_cache import NOTHING_KEPT
from headrace.store.embedded.segments.making.forgetting import KEEP_ALL, Forgetting
from headrace.store.embedded.segments.making.merge_plan import plan_merge
from headrace.store.embedded.segments.making.merging import Merge, Pause
from headrace.store.embedded.segments.making.sealing import rows_to_seal, sealed_row_groups
from headrace.store.embedded.segments.unlisted import judge
from headrace.store.rows import MetricIds, Rows

log = structlog.get_logger(__name__)


class SegmentFolder:
    """Owns current.json. `seal` is for one thread at a time, so is `merge`, which may be another; all else for any."""

    def __init__(self, folder: Path, current: Current, deletes: Deletes) -> None:
        """deletes: what the file current.deletes holds."""
        self.folder = folder
        self.cache = NOTHING_KEPT  # of what is read of segments that are opened from now on
        self.deletes = deletes
        """Those that were pending at the last seal; later ones are in the journal."""
        self._current = current
        self._changing = threading.Lock()
        """Held from reading the state that a change rests on until the changed one is on disk."""
        self._in_doubt = False
        """Whether a change failed, so that current.json may list what does not count here."""

    @property
    def current(self) -> Current:
        """What counts now."""
        return self._current

    @contextmanager
    def standing_still(self) -> Iterator[Current]:
        """In the block these files count and no others, and each of them is there. Seals and merges wait for its end,
        so it is short. Any thread."""
        with self._changing:
            yield self._current

    def seal(
        self,
        generation: RecentView,
        metric_ids: MetricIds,
        new_series: NDArray[np.uint32],
        names: SeriesNames,
        forgetting: Forgetting = KEEP_ALL,
        others: OtherStores = UNKNOWN_OTHERS,
    ) -> Segment | None:
        """Turn a frozen generation into a segment. On return it counts, on disk and for good, and the records of the
        journal through its last sequence are no longer needed. None when it had no points, or none of them was left.

        new_series: uint32, ascending, the ordinals that no series file holds yet, at least those of this generation.
        forgetting: all deletes up to the generation's last sequence, those of later ones that have been committed.
        others: how far they are; what this generation brought them is there already.
        Raises OSError, Unavailable or Corrupt when the disk does not take it or gives back something else. Then it may
        be called again: either nothing has changed, or what it writes again is the same.
        """
        self._settle()
        database = self._current.database
        last_sequence = generation.last_sequence
        older = (*self._current.segments, *self._current.restorable)
        order, left_out = rows_to_seal(generation, metric_ids, forgetting, older)
        sequences = generation.first_sequence, last_sequence
        through = forgetting.deletes_through(last_sequence)
        metas = []
        if len(order):
            groups = sealed_row_groups(generation, order)
            metas.append(write_segment(self.folder, groups, sequences, metric_ids, database, through, others=others))
        dropped = []
        if len(left_out) and forgetting.is_kept:
            groups = sealed_row_groups(generation, left_out)
            dropped.append(self._write_left_out(groups, sequences, metric_ids, through))
        series = []
        if len(new_series):
            file = write_series(self.folder, new_series, names, database)
            series.append(SeriesFile(file, len(new_series), footer_crc(self.folder / file)))
        pending = forgetting.deletes.through(last_sequence)
        # Opened before the journal may go: is it what we wrote?
        segment = open_segment(self.folder, metas[0], database, self.cache) if metas else None
        try:
            with self._changing:
                deletes, deletes_crc = self._filed(pending, last_sequence)
                current = replace(
                    self._current,
                    sealed_through=last_sequence,
                    segments=(*self._current.segments, *metas),
                    series=(*self._current.series, *series),
                    dropped=(*self._current.dropped, *dropped),
                    deletes=deletes,
                    deletes_crc=deletes_crc,
                    others=others,
                    clock_ms=max(self._current.clock_ms, forgetting.now_ms),
                )
                self._commit(current, pending)
        except BaseException:
            if segment is not None:
                segment.close()
            raise
        return segment

    def merge(
        self, inputs: Sequence[Segment], metric_ids: MetricIds, forgetting: Forgetting, pause: Pause
    ) -> list[Segment] | None:
        """Turn neighbours, in rising order of version and pinned by the caller, into one segment. On return it counts
        instead of them, on disk and for good; their files are there until they are unlinked.

        Returns what stands for them: one segment, or none when no row was left. None when one of them has been dropped
        or set aside meanwhile: then nothing has changed.   pause: see merging.Pause; what it raises ends the merge.
        Raises OSError, Unavailable or Corrupt as `seal` does; the file that Corrupt names may be one of the inputs.
        """
        self._settle()
        metas = [segment.meta for segment in inputs]
        sequences = metas[0].min_sequence, metas[-1].max_sequence
        known = (*self._current.segments, *self._current.restorable)
        older = [meta for meta in known if meta.max_sequence < sequences[0]]
        merge = Merge(inputs, older, metric_ids, forgetting, pause)
        groups = merge.kept()
        merged = []
        through = forgetting.deletes_through(sequences[1])
        if (first := next(groups, None)) is not None:
            database = self._current.database
            # The same records with the same deletes: the name must not be that of the input.
            rewritten = next_rewritten(metas[0].file) if len(metas) == 1 and through == metas[0].deletes_applied else 0
            rows = chain([first], groups)
            others = self._current.others
            meta = write_segment(self.folder, rows, sequences, metric_ids, database, through, rewritten, others)
            merged.append(open_segment(self.folder, meta, database, self.cache))
        try:
            dropped = []
            if merge.leaves_out and forgetting.is_kept:
                dropped.append(self._write_left_out(merge.left_out(), sequences, metric_ids, through))
            with self._changing:
                if set(metas) <= set(self._current.segments):
                    self._commit(_with_merged(self._current, metas, merged, dropped), self.deletes)
                    return merged
        except BaseException:
            for segment in merged:
                segment.close()
            raise
        for segment in merged:
            segment.close()
            discard(segment.path)
        for one in dropped:
            discard(self.folder / one.source)
        return None

    def merge_series(self) -> int:
        """Turn series files into fewer, where there are too many. Returns how many series they hold, 0 when there is
        nothing to do. Raises OSError, Unavailable or Corrupt, and then nothing has changed."""
        self._settle()
        files = self._current.series
        plan = plan_merge([file.series / limits.MERGE_SERIES_MAX for file in files])
        if plan is None:
            return 0
        inputs = files[plan]
        first = sum(file.series for file in files[: plan.start])
        count = sum(file.series for file in inputs)
        listed = [(self.folder / file.file, file.footer_crc) for file in inputs]
        merged = self.folder / series_file(first, first + count)
        name = merge_series_files(listed, merged, self._current.database)
        with self._changing:
            series = self._current.series
            file = SeriesFile(name, count, footer_crc(merged))
            series = (*series[: plan.start], file, *series[plan.stop :])
            self._commit(replace(self._current, series=series), self.deletes)
        for path, _ in listed:
            discard(path)
        return count

    def drop(self, segments: Collection[Segment], is_kept: bool = False) -> None:
        """On return these count no longer, and nothing stands for them; their files are there until they are unlinked.
        is_kept: for their grace. Raises OSError."""
        files = {segment.meta.file for segment in segments}
        with self._changing:
            metas = [meta for meta in self._current.segments if meta.file in files]
            kept = tuple(meta for meta in self._current.segments if meta.file not in files)
            dropped = drop_whole(self.folder, self._current, metas) if is_kept else ()
            dropped = (*self._current.dropped, *dropped)
            self._commit(replace(self._current, segments=kept, dropped=dropped), self.deletes)

    def retire(self, path: Path) -> None:
        """The file of a segment that counts no longer and that nobody reads: gone, unless it is kept for its grace.
        Never raises."""
        if path.name not in {dropped.source for dropped in self._current.dropped}:
            discard(path)

    def note_dropped(self, age_s: Mapping[str, int], gone: Collection[str]) -> None:
        """On return it is noted how long dropped files have been kept, and that others are gone, each by its name in
        their folder. Raises OSError."""
        if gone:
            sync_dropped(self.folder)
        with self._changing:
            kept = tuple(
                replace(dropped, age_s=age_s.get(dropped.file, dropped.age_s))
                for dropped in self._current.dropped
                if dropped.file not in gone
            )
            self._commit(replace(self._current, dropped=kept), self.deletes)

    def set_aside(self, damage: Corrupt) -> bool:
        """The segment that `damage` names counts no longer; its file is kept under another name. False when no such
        segment counted. Raises OSError."""
        path = damage.file
        with self._changing:
            meta = next((meta for meta in self._current.segments if meta.file == path.name), None)
            if meta is None:
                return False
            self._commit(_without(self._current, meta, damage), self.deletes)
        if path.exists():
            rename(path, path.with_name(path.name + DAMAGED_SUFFIX))
            sync_folder(self.folder)
        return True

    def write_again(self, damage: Corrupt, names: SeriesNames) -> bool:
        """The file of series or of deletes that `damage` names is written anew, as memory has it; what was there is
        kept under another name. False when no such file counts. Seals wait for it. Raises OSError."""
        path = damage.file
        with self._changing:
            places = [place for place, file in enumerate(self._current.series) if file.file == path.name]
            if not places and path.name != self._current.deletes:
                return False
            shutil.copyfile(path, path.with_name(path.name + DAMAGED_SUFFIX))
            before = self._current
            try:
                self._write_series_again(places[0], names) if places else self._write_deletes_again()
            except BaseException:
                # What is there may be the damaged file still, which its footer gives away.
                self._current, self._in_doubt = before, True
                raise
        return True

    def _write_series_again(self, place: int, names: SeriesNames) -> None:
        """Until the new file is there its list takes any footer: a crash leaves one of the two, both with page CRCs."""
        series = self._current.series
        first = sum(file.series for file in series[:place])
        ordinals = np.arange(first, first + series[place].series, dtype=np.uint32)

        def list_with(crc: int | None) -> None:
            listed = (*series[:place], replace(series[place], footer_crc=crc), *series[place + 1 :])
            self._commit(replace(self._current, series=listed), self.deletes)

        list_with(None)
        list_with(footer_crc(self.folder / write_series(self.folder, ordinals, names, self._current.database)))

    def _write_deletes_again(self) -> None:
        """As `_write_series_again`."""
        current = self._current
        self._commit(replace(current, deletes_crc=None), self.deletes)
        _, crc = _write_deletes(self.folder, last_sequence_of(current.deletes), self.deletes, current.database)
        self._commit(replace(current, deletes_crc=crc), self.deletes)

    def write_down(self) -> None:
        """On return what counts here does so on disk, too. Raises OSError."""
        with self._changing:
            self._commit(self._current, self.deletes)

    def give_up_restoring(self) -> None:
        """What is set aside stays so: nothing needs to be kept for it any more. Raises OSError."""
        with self._changing:
            damaged = tuple(replace(one, meta=None) for one in self._current.damaged)
            self._commit(replace(self._current, damaged=damaged), self.deletes)

    def remember(self, losses: Sequence[Loss]) -> None:
        """On return the database remembers them, on disk and for good; what it remembers already, once. Raises
        OSError."""
        known = {(loss.where, loss.what) for loss in self._current.losses}
        new = tuple(loss for loss in losses if (loss.where, loss.what) not in known)
        if new:
            with self._changing:
                self._commit(replace(self._current, losses=(*self._current.losses, *new)), self.deletes)

    def note_journal(self, newest_first: int) -> None:
        """On return it is known that the journal has a file that begins with this record. Raises OSError."""
        with self._changing:
            others = replace(self._current.others, journal_first=newest_first)
            if others != self._current.others:
                self._commit(replace(self._current, others=others), self.deletes)

    def note_tokens(self) -> None:
        """On return it is known that there is a file of tokens. Raises OSError."""
        with self._changing:
            if not self._current.has_tokens:
                self._commit(replace(self._current, has_tokens=True), self.deletes)

    def _write_left_out(
        self, groups: Iterable[Rows], sequences: tuple[int, int], metric_ids: MetricIds, deletes_through: int
    ) -> DroppedFile:
        """What a new file leaves out for its age goes into one of its own, which is kept for its grace."""
        name = name_of_left_out(self.folder, self._current, sequences, deletes_through)
        database = self._current.database
        meta = write_segment(self.folder, groups, sequences, metric_ids, database, deletes_through, name=name)
        return drop_left_out(meta)

    def _filed(self, deletes: Deletes, sealed_through: int) -> tuple[str, int | None]:
        """The name of a file that holds just these deletes, and the CRC of its footer."""
        if self._current.deletes and deletes.are_those_of(self.deletes):
            return self._current.deletes, self._current.deletes_crc
        return _write_deletes(self.folder, sealed_through, deletes, self._current.database)

    def _settle(self) -> None:
        """Before a file is written: one of its name may be what current.json lists since a change that failed, and with
        other rows in it, as more has expired or was deleted meanwhile. A crash would then lose it as damaged."""
        with self._changing:
            if self._in_doubt:
                self._commit(self._current, self.deletes)

    def _commit(self, current: Current, deletes: Deletes) -> None:
        """deletes: what the file current.deletes holds."""
        self._in_doubt = True
        write_current(self.folder, current)
        self._in_doubt = False
        before, self._current, self.deletes = self._current, current, deletes
        self._tell_dropped(before)
        replaced = before.deletes
        if replaced and replaced != current.deletes:
            discard(self.folder / replaced)

    def _tell_dropped(self, before: Current) -> None:
        """And move it. Never raises: it has been dropped. What the disk does not move now is moved later."""
        known = {dropped.file for dropped in before.dropped}
        new = [dropped for dropped in self._current.dropped if dropped.file not in known]
        for dropped in new:
            log.info("dropped for its age, kept for its grace", file=dropped.file, points=dropped.meta.rows)
        try:
            move(self.folder, new)
        except OSError as error:
            files = [dropped.file for dropped in new]
            log.warning("what was dropped cannot be moved yet", files=files, error=str(error))


@dataclass(frozen=True, slots=True)
class OpenedFolder:
    """What an opening found. segments: those that can be read.   damaged: for each other one what is wrong with it.
    leftovers: files that a crash left over.   is_adopted: current.json was an older copy, and files that it does not
    list count again. Both are for `settle`."""

    folder: SegmentFolder
    segments: list[Segment]
    damaged: list[Corrupt]
    leftovers: tuple[Path, ...]
    is_adopted: bool = False

    @property
    def last_sequence(self) -> int:
        """The highest record of the journal from which anything here came."""
        left = (last_sequence_of(path.name) for path in self.leftovers)
        return max(self.folder.current.sealed_through, *left, 0)

    def settle(self) -> None:
        """Once it is certain that all stores belong together: write down what counts again, and unlink what a crash
        left over, which the journal has. Raises OSError."""
        if self.is_adopted:
            self.folder.write_down()
        move(self.folder.folder, self.folder.current.dropped)
        for path in self.leftovers:
            path.unlink(missing_ok=True)


def open_folder(
    folder: Path, database: str, gaps: Gaps = NO_GAPS, is_new: bool = True, journal_first: int | None = 1
) -> OpenedFolder:
    """Open the segments of `database` and set aside what is damaged.

    is_new: a folder that is not there is made; else it is a gap.   journal_first: see unlisted.judge.
    Raises Corrupt when current.json itself is missing or wrong: then nothing has been touched. Raises Incomplete when
    something is missing, OSError, or Unavailable when the disk does not give a segment.
    """
    current = read_current(folder)
    if current is None:
        if not is_new:
            gaps.meet(folder.name, f"{folder.name}/ has no {CURRENT}")
        current = _begin(folder, database)
    if current.database != database:
        raise Corrupt(folder / CURRENT, "belongs to another database")
    judgement = judge(folder, current, journal_first)
    is_adopted = judgement.current is not current
    current = judgement.current
    moved = {dropped.source for dropped in current.dropped}
    temporary = [path for path in matching(folder, "*" + TEMPORARY_SUFFIX) if path.name not in moved]
    for meta in current.segments:
        if not (folder / meta.file).exists():
            gaps.meet(folder.name, f"{folder.name}/{meta.file} is missing")
    opened = _open_deletes(folder, current)
    segments: list[Segment] = []
    for number, meta in enumerate(current.segments, 1):
        if number % limits.FOOTERS_OPENED_AT_ONCE == 0:
            give_back_freed_memory()
        try:
            segments.append(open_segment(folder, meta, database))
        except Corrupt as damage:
            opened.damaged.append(damage)
            opened.folder.set_aside(damage)
    return replace(opened, segments=segments, leftovers=(*judgement.leftovers, *temporary), is_adopted=is_adopted)


def _begin(folder: Path, database: str) -> Current:
    folder.mkdir(parents=True, exist_ok=True)
    sync_folder(folder.parent)
    if matching(folder, POINTS_PATTERN):
        raise Corrupt(
            folder / CURRENT, "is missing, but there are segments; without it nobody knows which of them count"
        )
    deletes, deletes_crc = _write_deletes(folder, 0, NO_DELETES, database)
    current = Current(database, deletes=deletes, deletes_crc=deletes_crc)
    write_current(folder, current)
    return current


def _open_deletes(folder: Path, current: Current) -> OpenedFolder:
    listed = folder / current.deletes
    try:
        deletes = read_deletes(listed, current.database, current.deletes_crc) if current.deletes else NO_DELETES
    except Corrupt as damage:
        return OpenedFolder(_without_deletes(folder, current, damage), [], [damage], ())
    return OpenedFolder(SegmentFolder(folder, current, deletes), [], [], ())


def _without_deletes(folder: Path, current: Current, damage: Corrupt) -> SegmentFolder:
    """Go on without the file of deletes, which is kept under another name. What it deleted in older segments shows
    again, and `damaged` says so."""
    damaged = (*current.damaged, DamagedFile(current.deletes, damage.detail))
    path = folder / current.deletes
    if path.exists():
        rename(path, path.with_name(path.name + DAMAGED_SUFFIX))
    name, crc = _write_deletes(folder, current.sealed_through, NO_DELETES, current.database)
    opened = SegmentFolder(folder, current, NO_DELETES)
    opened._commit(replace(current, deletes=name, deletes_crc=crc, damaged=damaged), NO_DELETES)
    return opened


def _write_deletes(folder: Path, sealed_through: int, deletes: Deletes, database: str) -> tuple[str, int]:
    """The name of the new file, and the CRC of its footer. Raises OSError."""
    name = write_deletes(folder, sealed_through, deletes, database)
    return name, footer_crc(folder / name)


def _with_merged(
    current: Current, inputs: Sequence[SegmentMeta], merged: Sequence[Segment], dropped: Sequence[DroppedFile]
) -> Current:
    at = current.segments.index(inputs[0])
    kept = [meta for meta in current.segments if meta not in inputs]
    segments = (*kept[:at], *(segment.meta for segment in merged), *kept[at:])
    return replace(current, segments=segments, dropped=(*current.dropped, *dropped))


def _without(current: Current, meta: SegmentMeta, damage: Corrupt) -> Current:
    segments = tuple(other for other in current.segments if other is not meta)
    return replace(current, segments=segments, damaged=(*current.damaged, DamagedFile(meta.file, damage.detail, meta)))
