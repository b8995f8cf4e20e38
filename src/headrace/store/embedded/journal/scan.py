"""One journal file taken apart into sound records and unsound stretches, in bounded memory. Decides nothing about
them. Small records of points that follow one another are taken apart together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.kernels.storing.journal import CRC_TABLES, take_points
from headrace.model.points import Admitted, Values
from headrace.store.embedded.journal.format import (
    ALIGNMENT,
    FILE_HEADER_BYTES,
    MARKER,
    RECORD_HEADER_BYTES,
    RecordHeader,
    decode_record_header,
    payload_is_sound,
)
from headrace.store.embedded.journal.records import RecordType, ingested_ms_of
from headrace.store.embedded.journal.window import Window

NO_RUNS = range(0)
"""Each record comes by itself."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A record whose CRCs are right, at `begin` in its file."""

    begin: int
    header: RecordHeader
    payload: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SoundRun:
    """Records `first` to `last`, which lie side by side in their file: each is a whole commit of points alone.
    ingested_ms: when the writer took those of the first one, ms since 1970 UTC."""

    begin: int
    end: int
    first: int
    last: int
    points: Admitted
    ingested_ms: int


@dataclass(frozen=True, slots=True)
class Unsound:
    """Bytes begin .. end - 1 of a file, which are no record that belongs there."""

    begin: int
    end: int


def scan(window: Window, first_sequence: int, seed: int, runs: range = NO_RUNS) -> Iterator[Sound | SoundRun | Unsound]:
    """What follows the file header, from front to back without gaps. Sequences of sound records rise from
    `first_sequence`.   runs: sequences of records that may come as part of a run."""
    at = FILE_HEADER_BYTES
    sequence = first_sequence
    unsound_begin = None
    small = False
    while at < window.size:
        if small and sequence in runs:
            small = False
            run = _run(window.loaded(at), at, sequence, runs.stop, seed)
            if run is not None:
                yield run
                sequence, at = run.last + 1, run.end
                continue
        small = False
        header = decode_record_header(window.view(at, RECORD_HEADER_BYTES).tobytes(), seed)
        if header is not None and header.sequence >= sequence and header.payload_bytes <= limits.RECORD_BYTES_MAX:
            payload = window.view(at + RECORD_HEADER_BYTES, header.payload_bytes)
            if payload_is_sound(payload, header, seed):
                if unsound_begin is not None:
                    yield Unsound(unsound_begin, at)
                    unsound_begin = None
                yield Sound(at, header, payload)
                sequence = header.sequence + 1
                at += header.frame_bytes
                small = header.type == RecordType.POINTS and header.payload_bytes <= limits.REPLAY_RUN_PAYLOAD_BYTES
                continue
            # The header's own CRC is right, so the length is, too, and the next record is where it says.
            after = at + header.frame_bytes
        else:
            after = _next_header(window, at + ALIGNMENT, seed)
        unsound_begin = at if unsound_begin is None else unsound_begin
        at = after
    if unsound_begin is not None:
        yield Unsound(unsound_begin, window.size)


def _run(loaded: NDArray[np.uint8], begin: int, first: int, end_sequence: int, seed: int) -> SoundRun | None:
    """The run that begins with record `first` at `begin` in the file, where `loaded` begins, too."""
    rows = limits.REPLAY_RUN_ROWS
    series, kinds = np.empty(rows, dtype=np.uint32), np.empty(rows, dtype=np.uint8)
    times, bits, expires = (np.empty(rows, dtype=np.int64) for _ in range(3))
    taken = np.empty(3, dtype=np.int64)
    whole = loaded[: len(loaded) // ALIGNMENT * ALIGNMENT]
    records = take_points(
        loaded,
        whole.view(np.uint32),
        whole.view(np.int64),
        CRC_TABLES,
        seed,
        first,
        end_sequence,
        limits.REPLAY_RUN_PAYLOAD_BYTES,
        series,
        times,
        kinds,
        bits,
        expires,
        taken,
    )
    if not records:
        return None
    size, rows, expiring = taken.tolist()
    values = Values(kinds[:rows], bits[:rows])
    points = Admitted(series[:rows], times[:rows], values, expires[:rows] if expiring else None)
    ingested_ms = ingested_ms_of(loaded[RECORD_HEADER_BYTES:])
    return SoundRun(begin, begin + size, first, first + records - 1, points, ingested_ms)


def _next_header(window: Window, begin: int, seed: int) -> int:
    """Where the next sound record header is, or the end of the file."""
    while begin < window.size:
        stretch = window.view(begin, limits.JOURNAL_WINDOW_BYTES)
        words = stretch[: len(stretch) // ALIGNMENT * ALIGNMENT].view(np.uint32)[::2]
        for word in np.flatnonzero(words == MARKER).tolist():
            at = begin + word * ALIGNMENT
            if decode_record_header(window.view(at, RECORD_HEADER_BYTES).tobytes(), seed) is not None:
                return at
        begin += limits.JOURNAL_WINDOW_BYTES
    return window.size
