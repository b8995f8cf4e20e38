"""Files of the segments folder that current.json does not list: what a crash left over, or all that is left of points.

A seal or a merge writes its files first and lists them then, so a crash leaves files whose points the journal or the
listed files have as well: those go. But an older copy of current.json does not list what was sealed after it, and then
the journal has it no longer. Such files are never unlinked. They are listed again where that is certain.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from headrace.errors import Corrupt, Incomplete
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import DELETES_PATTERN, POINTS_PATTERN, SERIES_PATTERN, last_sequence_of
from headrace.store.embedded.segments.current import Current, SeriesFile
from headrace.store.embedded.segments.files.delete_files import read_deletes
from headrace.store.embedded.segments.files.description import describe_segment
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.segments.files.meta import SegmentMeta
from headrace.store.embedded.segments.files.series_files import count_series

log = structlog.get_logger(__name__)

_POINTS = re.compile(r"points-(\d{16})-(\d{16})(?:-(\d{16}))?(?:\.(\d+))?\.parquet")
_SERIES = re.compile(r"series-(\d{10})-(\d{10})\.parquet")
_DELETES = re.compile(r"deletes-(\d{16})\.parquet")


@dataclass(frozen=True, slots=True, order=True)
class _Points:
    """A segment by its name: the journal records first .. last, deletes applied through, times it was rewritten."""

    first: int
    last: int
    through: int
    rewritten: int
    file: str

    def overlaps(self, meta: SegmentMeta) -> bool:
        return meta.min_sequence <= self.last and meta.max_sequence >= self.first

    def holds(self, other: _Points | SegmentMeta) -> bool:
        """Whether it has every record of the other."""
        first = other.first if isinstance(other, _Points) else other.min_sequence
        last = other.last if isinstance(other, _Points) else other.max_sequence
        return self.first <= first and last <= self.last


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of the files that are not listed.

    current: what counts, with those that are listed again.   leftovers: those that may be unlinked.
    """

    current: Current
    leftovers: tuple[Path, ...]


def judge(folder: Path, current: Current, journal_first: int | None) -> Judgement:
    """journal_first: the first record that the journal still has, None when it has none.

    Raises Incomplete when files hold what nothing else holds and it is not certain how they belong together, Corrupt
    or Unavailable when such a file cannot be read. Changes nothing.
    """
    points = [_points_of(path) for path in _unlisted(folder, current, POINTS_PATTERN)]
    there = {path.name for path in matching(folder, POINTS_PATTERN)}
    missing = [meta for meta in current.segments if meta.file not in there]
    needed = [one for one in points if one and _is_needed(one, current, missing, journal_first)]
    leftovers = [folder / one.file for one in points if one and one not in needed]
    if not needed:
        unlisted = [*_unlisted(folder, current, SERIES_PATTERN), *_unlisted(folder, current, DELETES_PATTERN)]
        return Judgement(current, (*leftovers, *unlisted))
    return Judgement(_with_adopted(folder, current, needed), tuple(leftovers))


def last_sequence_in(judgement: Judgement) -> int:
    """The highest record of the journal from which anything in the folder came."""
    left = (last_sequence_of(path.name) for path in judgement.leftovers)
    return max(judgement.current.sealed_through, *left, 0)


def _unlisted(folder: Path, current: Current, pattern: str) -> list[Path]:
    """Those that are dropped and not moved yet are listed, too."""
    listed = {meta.file for meta in current.segments} | {series.file for series in current.series} | {current.deletes}
    listed |= {dropped.source for dropped in current.dropped}
    return [path for path in matching(folder, pattern) if path.name not in listed]


def _points_of(path: Path) -> _Points | None:
    """None for a name that is none of ours: such a file is left alone."""
    found = _POINTS.fullmatch(path.name)
    if found is None:
        return None
    first, last, through, rewritten = (int(part or 0) for part in found.groups())
    return _Points(first, last, max(through, last), rewritten, path.name)


def _is_needed(one: _Points, current: Current, missing: Sequence[SegmentMeta], journal_first: int | None) -> bool:
    """Whether neither the journal nor a listed file has its points."""
    if any(one.overlaps(meta) for meta in missing):
        return True
    in_journal = journal_first is not None and journal_first <= current.sealed_through + 1
    return one.last > current.sealed_through and not in_journal


def _with_adopted(folder: Path, current: Current, needed: Sequence[_Points]) -> Current:
    """`current` was an older copy: these files stand for what has been sealed or merged since."""
    database = current.database
    largest = _largest(needed)
    _check_apart(largest, current.segments)
    described = [describe_segment(folder, one.file, database) for one in largest]
    kept = [meta for meta in current.segments if not any(one.holds(meta) for one in largest)]
    segments = tuple(sorted([*kept, *(meta for meta, _ in described)], key=lambda meta: meta.min_sequence))
    sealed_through = max(current.sealed_through, *(one.last for one in largest))
    _, others = max(described, key=lambda pair: pair[0].max_sequence)
    adopted = replace(
        current,
        segments=segments,
        sealed_through=sealed_through,
        series=_series_files(folder),
        others=others,
    )
    adopted_files = sorted(one.file for one in largest)
    log.warning("current.json was an older copy; files that it did not list count again", files=adopted_files)
    return _with_newest_deletes(folder, adopted)


def _largest(needed: Sequence[_Points]) -> list[_Points]:
    """Without those whose records another one has as well, from the same merge or a later one."""
    kept: list[_Points] = []
    for one in sorted(needed, key=lambda one: (one.last - one.first, one.through, one.rewritten), reverse=True):
        if not any(other.holds(one) for other in kept):
            kept.append(one)
    return kept


def _check_apart(largest: Sequence[_Points], listed: Iterable[SegmentMeta]) -> None:
    """Raises Incomplete when ranges overlap: nobody could say which of two writes is the later one."""
    for place, one in enumerate(largest):
        if any(one.first <= other.last and other.first <= one.last for other in largest[:place]) or any(
            one.overlaps(meta) and not one.holds(meta) for meta in listed
        ):
            raise Incomplete(f"segments/current.json is older than {one.file}, and the two do not fit together")


def _series_files(folder: Path) -> tuple[SeriesFile, ...]:
    """Files that together name all series, each once: from each ordinal on, the one that reaches farthest."""
    ranges = [
        (int(found[1]), int(found[2]), path)
        for path in matching(folder, SERIES_PATTERN)
        if (found := _SERIES.fullmatch(path.name))
    ]
    files: list[SeriesFile] = []
    end = 0
    while following := [(last, path) for first, last, path in ranges if first == end]:
        end, path = max(following)
        files.append(SeriesFile(path.name, count_series(path), footer_crc(path)))
    if any(last > end for _, last, _ in ranges):
        raise Incomplete(f"segments/ has series files beyond ordinal {end}, but none for that one")
    return tuple(files)


def _with_newest_deletes(folder: Path, current: Current) -> Current:
    """The file of deletes is replaced whenever they change, so the newest one has those that are pending."""
    names = [
        (int(found[1]), path) for path in matching(folder, DELETES_PATTERN) if (found := _DELETES.fullmatch(path.name))
    ]
    newest = max((path for sequence, path in names if sequence <= current.sealed_through), default=None)
    if newest is None:
        raise Corrupt(folder / current.deletes, "is missing")
    read_deletes(newest, current.database)
    return replace(current, deletes=newest.name, deletes_crc=footer_crc(newest))
