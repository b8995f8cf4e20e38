"""segments/current.json: which files count. Replaced as a whole; a file that it does not list does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
from isal import isal_zlib

from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.durable import replaced_file, sync_folder
from headrace.store.embedded.files.names import CURRENT
from headrace.store.embedded.segments.files.meta import UNKNOWN_OTHERS, OtherStores, SegmentMeta

CURRENT_FORMAT = 3
"""From 2 on it may list segments of format 2, from 3 on it has a checksum and knows those of the files that it lists. 1
and 2 are read as well."""

FORMAT_WITH_CHECKSUM = 3


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """A file with the names of `series` series.   footer_crc: see SegmentMeta."""

    file: str
    series: int
    footer_crc: int | None = None


@dataclass(frozen=True, slots=True)
class DamagedFile:
    """A file that was set aside and no longer counts, and why.   meta: of a segment that can be restored from a sound
    copy; deletes since then are kept for it, and what lies before it is not merged with what lies behind it."""

    file: str
    reason: str
    meta: SegmentMeta | None = None


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file of rows that were dropped for their age, which may count again while its grace lasts.

    file: its name in the folder of dropped files.   source: its name beside the segments, under which it lies until it
    is moved; "": it is no longer looked for there.
    meta: as it was, or would be, listed among the segments.   age_s: how long it has been kept, in seconds while a
    server ran, as far as that was noted.
    """

    file: str
    source: str
    meta: SegmentMeta
    age_s: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """What an opening found lost beside segments, or the operator has given up.

    where: the file or folder, in the data directory.   what: a sentence.   found: when, ms since 1970 UTC.
    """

    where: str
    what: str
    found: int


@dataclass(frozen=True, slots=True)
class Current:
    """The content of current.json. File names are relative to its folder.

    sealed_through: every journal record up to this sequence is in the segments, or in `deletes`.
    deletes: the file of the deletes up to sealed_through under which rows of the segments may still fall; "" before
    there was any.   deletes_crc: of its footer, as SegmentMeta.footer_crc.
    dropped: what was dropped for its age and is kept for its grace, in the order in which it was dropped: of two that
    hold the same series and time, the later one is right, and all that counts is later than both.
    losses: whatever was lost beside segments, ever.
    has_tokens: whether there was a file of tokens: a database that has lost it must not be open to everybody.
    clock_ms: the moment of the last seal, ms since 1970 UTC, by a clock that was not doubted.
    crc: CRC-32 of this as JSON without blanks, with crc 0.
    """

    database: str
    format: int = CURRENT_FORMAT
    sealed_through: int = 0
    segments: tuple[SegmentMeta, ...] = ()
    series: tuple[SeriesFile, ...] = ()
    damaged: tuple[DamagedFile, ...] = field(default=())
    dropped: tuple[DroppedFile, ...] = field(default=())
    deletes: str = ""
    deletes_crc: int | None = None
    losses: tuple[Loss, ...] = ()
    others: OtherStores = UNKNOWN_OTHERS
    clock_ms: int = 0
    has_tokens: bool = False
    crc: int = 0

    @property
    def restorable(self) -> tuple[SegmentMeta, ...]:
        """Of the segments that are set aside those that can be restored."""
        return tuple(damaged.meta for damaged in self.damaged if damaged.meta is not None)

    @property
    def may_come_back(self) -> tuple[SegmentMeta, ...]:
        """What does not count and may count again: deletes are kept for it."""
        return (*self.restorable, *(dropped.meta for dropped in self.dropped))

    @property
    def latest_ms(self) -> int:
        """The latest moment that is known, ms since 1970 UTC, 0 when none is."""
        return self.clock_ms or max((meta.created for meta in self.segments), default=0)


def _checksum(content: bytes) -> int:
    """What `crc` must be in a current.json, also in one whose members are not all known here."""
    return isal_zlib.crc32(msgspec.json.encode(msgspec.json.decode(content) | {"crc": 0}))


class _Format(msgspec.Struct):
    format: int


def read_current(folder: Path) -> Current | None:
    """What counts in `folder`, or None when it has no current.json. Raises Corrupt when it cannot be understood or its
    checksum is wrong, Unavailable when the disk does not give it."""
    path = folder / CURRENT
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as failure:
        raise Unavailable(f"cannot read {path}: {failure.strerror}") from failure
    try:
        written_format = msgspec.json.decode(content, type=_Format).format
        if not 1 <= written_format <= CURRENT_FORMAT:
            raise Corrupt(path, f"format {written_format}, this version of headrace reads 1 to {CURRENT_FORMAT}")
        current = msgspec.json.decode(content, type=Current)
        checksum = _checksum(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(path, str(error)) from error
    if written_format >= FORMAT_WITH_CHECKSUM and current.crc != checksum:
        raise Corrupt(path, "its checksum is wrong: it is not what was written")
    return replace(current, format=CURRENT_FORMAT, crc=0)


def write_current(folder: Path, current: Current) -> None:
    """On return `current` is what counts, also after a power cut. Raises OSError; then it may or may not count."""
    sync_folder(folder)  # the files it lists must be there before it is
    with replaced_file(folder / CURRENT) as file:
        checked = replace(current, crc=_checksum(msgspec.json.encode(current)))
        file.write(msgspec.json.format(msgspec.json.encode(checked), indent=1))
    sync_folder(folder)
