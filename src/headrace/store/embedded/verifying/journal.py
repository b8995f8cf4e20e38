"""The journal: every record that is not in segments yet, as an opening would read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.errors import Corrupt
from headrace.model.points import Admitted
from headrace.store.embedded.completeness import missing_file
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.gaps import Gaps
from headrace.store.embedded.journal.format import JOURNAL_PATTERN
from headrace.store.embedded.journal.reader import Replay
from headrace.store.embedded.journal.records import (
    RecordType,
    StoredRecord,
    StoredRun,
    decode_delete,
    decode_document_change,
    decode_points,
    decode_series,
)
from headrace.store.embedded.segments.current import Current
from headrace.store.embedded.verifying.findings import Findings
from headrace.store.embedded.verifying.names import Names


@dataclass(frozen=True, slots=True)
class JournalRead:
    """reached: the last record that the files hold, 0 without any.   points: of those read.   damaged: whether some
    record is.   torn_bytes: at the end, of a write that nobody was told had succeeded."""

    reached: int
    points: int
    damaged: bool
    torn_bytes: int


def check_journal(
    folder: Path, database_id: bytes, current: Current, gaps: Gaps, names: Names, findings: Findings
) -> JournalRead | None:
    """Each record that is not sealed; the others are in segments, and nobody needs them. None when the reading did not
    come to its end.

    database_id: 16 bytes.   names: get those of the journal.
    """
    replay = Replay(folder, database_id, current.sealed_through, gaps, mends=False)
    points = 0
    with findings.judging(folder):
        for record in replay:
            with findings.judging(folder):
                points += _check_record(record, folder, names)
        for damage in replay.findings:
            findings.damage(damage.file, damage.detail)
        if gone := missing_file(replay.files, current):
            gaps.meet(folder.name, gone)
        return JournalRead(replay.reached, points, bool(replay.findings), replay.bytes_cut)
    return None


def _check_record(record: StoredRecord | StoredRun, folder: Path, names: Names) -> int:
    """How many points it holds. Raises Corrupt."""
    if isinstance(record, StoredRun):
        return _check_points(record.points, folder, f"records {record.first} to {record.last}", names)
    if record.type == RecordType.POINTS:
        return _check_points(decode_points(record).points, record.file, f"record {record.sequence}", names)
    if record.type == RecordType.SERIES:
        names.add(decode_series(record), record.file)
    elif record.type == RecordType.DELETE:
        decode_delete(record)
    elif record.type in (RecordType.DOCUMENT, RecordType.DOCUMENT_RANGE):
        decode_document_change(record)
    else:
        raise Corrupt(
            record.file, f"record {record.sequence} has type {record.type}, which this headrace does not know"
        )
    return 0


def _check_points(points: Admitted, file: Path, where: str, names: Names) -> int:
    highest = int(points.series.max())
    if highest >= len(names.table):
        raise Corrupt(file, f"{where}: points of series {highest}, which has no name")
    return len(points)


def journal_bytes(folder: Path) -> int:
    """Of all its files."""
    return sum(path.stat().st_size for path in matching(folder, JOURNAL_PATTERN))
