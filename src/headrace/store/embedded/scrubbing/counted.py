"""The files that the scrub reads: those that count now, each with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace import limits
from headrace.store.embedded.parts import DOCUMENTS, SEGMENTS
from headrace.store.embedded.scrubbing.record import ScrubRecord, Seen
from headrace.store.embedded.segments.current import Current


@dataclass(frozen=True, slots=True)
class CountedFile:
    """file: by its name in the data directory.   written: about when, ms since 1970 UTC, 0 when it is not there.
    footer_crc: see SegmentMeta.   points, first, last: of a segment, with the times in ms of its earliest and latest
    point; None of other files."""

    file: str
    bytes: int
    written: int
    seen: Seen
    footer_crc: int | None = None
    points: int | None = None
    first: int | None = None
    last: int | None = None

    def since(self, now_ms: int) -> int:
        """Since when nobody knows how it is, ms. A moment that is still to come, by a wrong clock, says nothing."""
        known = self.seen.seen
        return known if known is not None and known <= now_ms else min(self.written, now_ms)

    def is_due(self, now_ms: int) -> bool:
        """Whether it may be read again."""
        if self.seen.failed is not None:
            return not 0 <= now_ms - self.seen.failed < limits.SCRUB_RETRY_S * 1000
        known = self.seen.seen
        return known is None or not 0 <= now_ms - known < limits.SCRUB_AGAIN_S * 1000


def names_counted(current: Current) -> list[str]:
    """Of the segments in the order of the list, then of series files, the file of deletes and documents.sqlite."""
    listed = [*(meta.file for meta in current.segments), *(series.file for series in current.series)]
    listed += [current.deletes] * bool(current.deletes)
    return [*(f"{SEGMENTS}/{file}" for file in listed), DOCUMENTS]


def counted_files(data_dir: Path, current: Current, record: ScrubRecord) -> list[CountedFile]:
    """In the order of `names_counted`."""
    segments = {meta.file: meta for meta in current.segments}
    footers = {series.file: series.footer_crc for series in current.series} | {current.deletes: current.deletes_crc}
    files = []
    for name in names_counted(current):
        meta = segments.get(Path(name).name)
        size, written = _size_and_time(data_dir / name)
        if meta is None:
            files.append(CountedFile(name, size, written, record.of(name), footers.get(Path(name).name)))
        else:
            span = meta.rows, meta.min_time, meta.max_time
            files.append(CountedFile(name, meta.bytes, written, record.of(name), meta.footer_crc, *span))
    return files


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:  # reading it says why
        return 0, 0
    return found.st_size, found.st_mtime_ns // 1_000_000
