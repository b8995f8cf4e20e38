"""When each file was seen last: in memory, and in scrub.json over restarts. Without it all count as never seen."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import structlog
from isal import isal_zlib

from headrace.store.embedded.files.durable import replaced_file

log = structlog.get_logger(__name__)

RECORD = "scrub.json"

RECORD_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Seen:
    """Of one file. Times are ms since 1970 UTC.

    seen: when all of it was read last, and was whole; None for never.   failed: when a later reading went wrong last,
    None when none has.   reason: what was wrong.   damaged: whether that was the file, and not the reading of it.
    """

    seen: int | None = None
    failed: int | None = None
    reason: str = ""
    damaged: bool = False


NEVER_SEEN = Seen()


@dataclass(frozen=True, slots=True)
class _Content:
    """crc: CRC-32 of this as JSON without blanks, with crc 0."""

    database: str
    files: dict[str, Seen] = field(default_factory=dict)
    format: int = RECORD_FORMAT
    crc: int = 0

    def checksum(self) -> int:
        return isal_zlib.crc32(msgspec.json.encode(replace(self, crc=0)))


class ScrubRecord:
    """By names of files in the data directory. Any thread."""

    def __init__(self, folder: Path, database: str) -> None:
        """Takes what the record in `folder` says, if it can be understood and is of this database."""
        self._path = folder / RECORD
        self._lock = threading.Lock()
        self._content = _read(self._path, database) or _Content(database)

    def of(self, file: str) -> Seen:
        """What is known of a file."""
        return self._content.files.get(file, NEVER_SEEN)

    def note(self, file: str, seen: Seen, counted: Collection[str]) -> None:
        """From now on this is known of it, and of files that are not `counted` nothing."""
        with self._lock:
            kept = {name: known for name, known in self._content.files.items() if name in counted}
            self._content = replace(self._content, files=kept | {file: seen})

    def write(self) -> None:
        """Raises OSError, and then the earlier record is there."""
        content = self._content
        with replaced_file(self._path) as file:
            file.write(msgspec.json.encode(replace(content, crc=content.checksum())))


def _read(path: Path, database: str) -> _Content | None:
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_Content)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("when files were seen last is not known: its record cannot be read", file=path.name, reason=error)
        return None
    if (content.database, content.format, content.crc) != (database, RECORD_FORMAT, content.checksum()):
        log.warning("when files were seen last is not known: its record is not what was written", file=path.name)
        return None
    return replace(content, crc=0)
