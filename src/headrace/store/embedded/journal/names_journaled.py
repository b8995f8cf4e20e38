"""Names of series as the journal has them, for those that the catalog has lost before they were sealed."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.model.series import NewSeries
from headrace.store.embedded.journal.reader import Replay
from headrace.store.embedded.journal.records import RecordType, StoredRecord, decode_series


def names_journaled(replay: Replay, first: int, end: int) -> Iterator[NewSeries]:
    """The records of new series of which some have first <= ordinal < end, in rising order. Raises as `replay` does."""
    for record in replay:
        if isinstance(record, StoredRecord) and record.type == RecordType.SERIES:
            series = decode_series(record)
            if series.first < end and series.end > first:
                yield series
