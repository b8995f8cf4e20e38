"""Small records of points that are replayed many at a time say the same as one by one, whatever befell their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace import limits
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Admitted, Kind, Values, concatenate
from headrace.store.embedded.journal.format import crc_seed, encode_file_header, frame_commit
from headrace.store.embedded.journal.journal import Journal
from headrace.store.embedded.journal.reader import Replay
from headrace.store.embedded.journal.records import (
    Record,
    RecordType,
    StoredRecord,
    StoredRun,
    decode_points,
    encode_points,
)
from headrace.store.embedded.journal.scan import NO_RUNS, Sound, SoundRun, scan
from headrace.store.embedded.journal.window import Window

DATABASE = bytes(range(16))
SEED = crc_seed(DATABASE, 1)
ANY = range(1, 2**63 - 1)

Rows = list[tuple[int, int, int, int, int]]


@st.composite
def batches(draw: st.DrawFn) -> Admitted:
    count = draw(st.integers(1, 5))
    kinds = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)), dtype=np.uint8)
    bits = np.array(draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=count, max_size=count)), dtype=np.int64)
    heap = b""
    if draw(st.integers(0, 9)) == 0:
        heap = b"text"
        kinds[0], bits[0] = Kind.TEXT, (1 << HEAP_LENGTH_BITS) + 3
    expires = None
    if draw(st.integers(0, 3)) == 0:
        expires = np.array(draw(st.lists(st.sampled_from([NEVER, 5]), min_size=count, max_size=count)), dtype=np.int64)
    series = np.array(draw(st.lists(st.integers(0, 2**32 - 2), min_size=count, max_size=count)), dtype=np.uint32)
    return Admitted(series, bits[::-1].copy(), Values(kinds, bits, heap), expires)


def rows_of(points: Admitted) -> Rows:
    expires = np.full(len(points), NEVER) if points.expires is None else points.expires
    columns = (points.series, points.times, points.values.kinds, points.values.bits, expires)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def found(window: Window, runs: range) -> tuple[Rows, list[int]]:
    """The rows of all points records, and the sequences of all sound records."""
    rows: Rows = []
    sequences: list[int] = []
    for item in scan(window, 1, SEED, runs):
        if isinstance(item, SoundRun):
            rows += rows_of(item.points)
            sequences += range(item.first, item.last + 1)
        elif isinstance(item, Sound):
            sequences.append(item.header.sequence)
            if item.header.type == RecordType.POINTS:
                rows += rows_of(decode_points(StoredRecord(1, 1, item.payload, Path())).points)
    return rows, sequences


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    commits=st.lists(st.one_of(batches(), st.tuples(batches(), batches()), st.none()), min_size=2, max_size=30),
    flips=st.lists(st.tuples(st.integers(48, 3000), st.integers(1, 255)), max_size=2),
    cut=st.integers(0, 100),
    window_bytes=st.sampled_from([256, 1024, 1 << 20]),
    run_rows=st.sampled_from([5, 20, 1000]),
    end=st.sampled_from([4, 10, 2**63 - 1]),
)
def test_runs_hold_what_their_records_hold(
    tmp_path: Path,
    commits: list[Admitted | tuple[Admitted, Admitted] | None],
    flips: list[tuple[int, int]],
    cut: int,
    window_bytes: int,
    run_rows: int,
    end: int,
) -> None:
    data = bytearray(encode_file_header(DATABASE, 1))
    sequence = 1
    for commit in commits:
        records = [Record(RecordType.DOCUMENT, [b"x"])]
        if commit is not None:
            parts = [commit] if isinstance(commit, Admitted) else commit
            records = [encode_points(points, 7) for points in parts]
        data += b"".join(map(bytes, frame_commit(records, sequence, SEED)))
        sequence += len(records)
    del data[max(48, len(data) - cut) :]
    for at, bits in flips:
        if at < len(data):
            data[at] ^= bits
    file = tmp_path / "file"
    file.write_bytes(data)
    with pytest.MonkeyPatch.context() as small, file.open("rb") as opened:
        small.setattr(limits, "JOURNAL_WINDOW_BYTES", window_bytes)
        small.setattr(limits, "REPLAY_RUN_ROWS", run_rows)
        one_by_one = found(Window(file, opened.fileno()), NO_RUNS)
        assert found(Window(file, opened.fileno()), range(3, end)) == one_by_one


def one_point(number: int) -> Admitted:
    values = Values(np.zeros(1, dtype=np.uint8), np.array([number]))
    return Admitted(np.array([number % 7], dtype=np.uint32), np.array([number]), values)


def test_a_journal_of_single_points_comes_in_few_pieces_and_continues(tmp_path: Path) -> None:
    replay = Replay(tmp_path, DATABASE)
    assert not list(replay)
    journal = Journal(replay)
    for number in range(500):
        if number == 200:
            journal.rotate()
        journal.append([encode_points(one_point(number), 7)])
    journal.close()
    for applied in (0, 1, 199, 200, 250):
        again = Replay(tmp_path, DATABASE, applied)
        pieces = list(again)
        parts = [part.points if isinstance(part, StoredRun) else decode_points(part).points for part in pieces]
        assert concatenate(parts).times.tolist() == list(range(applied, 500))
        assert len(pieces) <= 4
        assert (again.last_sequence, again.findings, again.bytes_cut) == (500, [], 0)
        assert [piece.first for piece in pieces if isinstance(piece, StoredRun)][-1] > applied


def test_what_a_failed_write_left_behind_a_rotation_is_in_no_run(tmp_path: Path) -> None:
    """The file before a rotation may hold records that the next file has, too: those of the later file count."""
    replay = Replay(tmp_path, DATABASE)
    assert not list(replay)
    journal = Journal(replay)
    for number in range(20):
        journal.append([encode_points(one_point(number), 7)])
    journal.rotate()
    journal.append([encode_points(one_point(1000), 7)])
    journal.close()
    first = min(tmp_path.glob("*.journal"))
    with first.open("ab") as file:
        for sequence in (21, 22):
            file.write(b"".join(map(bytes, frame_commit([encode_points(one_point(sequence), 7)], sequence, SEED))))
    times = []
    for part in Replay(tmp_path, DATABASE):
        points = part.points if isinstance(part, StoredRun) else decode_points(part).points
        times += points.times.tolist()
    assert times == [*range(20), 1000]
