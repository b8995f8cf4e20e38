"""Deletes through the whole store, against a dict: what is written, deleted, sealed and read again after a crash."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chance import examples
from hypothesis import given
from hypothesis import strategies as st
from point_batches import SERIES_MAX, TIMES_MAX, Found, Point, batch, double, plain, points
from small_database import ALL_SERIES, METRICS, Database, database

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.model.time import ALL_TIME
from headrace.store.embedded.journal.records import StoredRecord, decode_delete, encode_delete
from headrace.store.embedded.recent.deletes import NO_DELETES, Delete
from headrace.store.rows import Rows, want


def delete_of(*series: int, start_ms: int = 0, end_ms: int = TIMES_MAX) -> Delete:
    return Delete(np.array(series, dtype=np.uint32), start_ms, end_ms)


@pytest.fixture(autouse=True, scope="module")
def _sealers_that_look_often() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SEALER_TICK_S", 0.005)
        yield


series_sets = st.sets(st.integers(0, SERIES_MAX), min_size=1).map(sorted)
times = st.integers(0, TIMES_MAX)
steps = st.one_of(
    st.lists(points, min_size=1, max_size=20),
    st.lists(points, min_size=1, max_size=20),
    st.tuples(series_sets, times, times),
    st.tuples(series_sets, times, times),
    st.just("seal"),
    st.just("reopen"),
)


@examples(30)
@given(st.lists(steps, min_size=2, max_size=14), series_sets, times, times)
def test_a_row_is_deleted_if_and_only_if_it_is_older(
    history: list[Any], asked: list[int], start_ms: int, end_ms: int
) -> None:
    with database() as db:
        for step in history:
            if step == "seal":
                db.seal()
            elif step == "reopen":
                db.reopen()
            elif isinstance(step, tuple):
                series, first, last = step
                db.delete(*series, start_ms=first, end_ms=last)
            else:
                db.write(*step)
            assert db.found() == db.right()
            assert db.found(asked, start_ms, end_ms) == db.right(asked, start_ms, end_ms)


def test_a_delete_survives_the_file_that_held_it() -> None:
    """Its segment is older, its record is in a journal file that a later seal unlinks."""
    with database() as db:
        db.write(*(Point(s, t, double(t)) for s in ALL_SERIES for t in range(10)))
        db.seal()
        db.delete(1, 5, start_ms=3, end_ms=4)
        db.write(Point(2, 50, double(50)))
        db.seal()
        assert db.store._parts.journal.last_sequence == db.store._parts.folder.current.sealed_through
        db.reopen()
        assert len(db.store._parts.visible.deletes) == 1
        assert db.found() == db.right()
        db.write(Point(1, 3, double(7)))
        assert db.found() == db.right()


def test_a_delete_is_forgotten_when_no_segment_may_hold_its_rows() -> None:
    with database() as db:
        db.write(*(Point(s, t, double(t)) for s in (0, 3) for t in range(10)))
        db.delete(0, start_ms=0, end_ms=5)  # applied by the seal
        db.seal()
        db.store._parts.visible.forget_deletes(db.store._parts.index.metric_ids)
        assert len(db.store._parts.visible.deletes) == 0
        db.delete(3, start_ms=0, end_ms=5)  # waits for the segment to be rewritten
        db.delete(1, start_ms=0, end_ms=5)  # of nothing
        db.delete(3, start_ms=50, end_ms=60)
        db.write(Point(2, 1, double(1)))
        db.seal()
        db.store._parts.visible.forget_deletes(db.store._parts.index.metric_ids)  # the sealer's own may be under way
        [(pending, _)] = db.store._parts.visible.deletes
        assert (pending.series.tolist(), pending.start_ms, pending.end_ms) == ([3], 0, 5)
        assert db.found() == db.right()


def test_a_generation_of_which_nothing_is_left_makes_no_segment() -> None:
    with database() as db:
        db.write(*(Point(s, t, double(t)) for s in ALL_SERIES for t in range(10)))
        db.delete(*ALL_SERIES, start_ms=0, end_ms=99)
        db.seal()
        assert db.store._parts.folder.current.segments == ()
        db.reopen()
        assert db.found() == {}


def test_a_delete_during_a_seal_applies_to_the_new_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    with database() as db:
        seal = db.store._parts.folder.seal

        def paused(*arguments: Any) -> Any:
            begun.set()
            assert go_on.wait(10)
            return seal(*arguments)

        db.write(*(Point(s, t, double(t)) for s in ALL_SERIES for t in range(10)))
        with monkeypatch.context() as patch:
            patch.setattr(db.store._parts.folder, "seal", paused)
            db.store._writer.freeze()
            assert begun.wait(10)
            db.delete(2, 4, start_ms=1, end_ms=8)
            db.write(Point(4, 5, double(500)))
            assert db.found() == db.right()
            go_on.set()
            while db.store._parts.visible.recent_points > 1:
                threading.Event().wait(0.005)
        assert db.found() == db.right()
        assert len(db.store._parts.visible.deletes) == 1
        db.seal()
        assert db.found() == db.right()
        db.reopen()
        assert db.found() == db.right()


def test_what_is_acknowledged_before_is_gone_and_what_is_sent_after_stays(tmp_path: Path) -> None:
    """Beside other writers, all on one loop: the place of a delete among the writes is the place of the calls."""
    db = Database(tmp_path / "data")

    async def write_delete_write(series: int) -> None:
        for round_ in range(40):
            await db.store.append(batch([Point(series, t, double(round_)) for t in range(10)]))
            sent: list[Awaitable[int]] = [db.store.delete(np.array([series], dtype=np.uint32), 3, 5)]
            await asyncio.gather(*sent)
            with db.store.snapshot() as snapshot:
                found = plain(snapshot.select(np.array([series], dtype=np.uint32), 0, 99))
            assert [found_point[0] for found_point in found[series]] == [0, 1, 2, 6, 7, 8, 9]
            await db.store.append(batch([Point(series, 4, double(-round_))]))
            with db.store.snapshot() as snapshot:
                again: dict[int, list[Found]] = plain(snapshot.select(np.array([series], dtype=np.uint32), 4, 4))
            assert again == {series: [(4, double(-round_))]}

    async def everybody() -> None:
        await asyncio.gather(*(write_delete_write(series) for series in ALL_SERIES))

    asyncio.run(everybody())
    db.store.close()


def test_order_of_calls_is_the_order_of_the_log(tmp_path: Path) -> None:
    """None of them waits for the one before."""
    db = Database(tmp_path / "data")
    one = np.array([1], dtype=np.uint32)

    async def calls() -> list[int]:
        return list(
            await asyncio.gather(
                db.store.append(batch([Point(1, 1, double(1))])),
                db.store.delete(one, 0, 9),
                db.store.append(batch([Point(1, 2, double(2))])),
                db.store.delete(one, 0, 1),
            )
        )

    sequences = asyncio.run(calls())
    assert sequences == sorted(sequences)
    assert db.found() == {1: [(2, double(2))]}
    db.store.close()


def test_a_metric_deleted_for_all_time_is_unknown_until_it_is_written_again() -> None:
    with database() as db:
        db.write(*(Point(s, 1, double(s)) for s in ALL_SERIES))
        of_metric = [s for s in ALL_SERIES if s % METRICS == 1]
        db.delete(of_metric[0], start_ms=ALL_TIME.start_ms, end_ms=ALL_TIME.end_ms)
        assert db.suggested() == ["metric.0", "metric.1", "metric.2"]
        with db.store.snapshot() as before:
            db.delete(*of_metric, start_ms=ALL_TIME.start_ms, end_ms=ALL_TIME.end_ms)
            assert before.find("metric.1", {}).tolist() == of_metric[1:]
        for again in ("", "reopen", "seal", "reopen"):
            db.do(again)
            assert db.suggested() == ["metric.0", "metric.2"]
            with db.store.snapshot() as snapshot, pytest.raises(KeyError):
                snapshot.find("metric.1", {})
        db.write(Point(of_metric[1], 5, double(5)))
        for again in ("", "reopen", "seal", "reopen"):
            db.do(again)
            assert db.suggested() == ["metric.0", "metric.1", "metric.2"]
            with db.store.snapshot() as snapshot:
                assert snapshot.find("metric.1", {}).tolist() == [of_metric[1]]
            assert db.found() == db.right()


def test_a_delete_of_a_part_of_time_leaves_the_names() -> None:
    with database() as db:
        db.write(Point(0, 1, double(1)))
        db.delete(0, start_ms=0, end_ms=99)
        assert db.found() == {}
        assert "metric.0" in db.suggested()


def test_too_many_pending_deletes_are_refused_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PENDING_DELETES_MAX", 2)
    with database() as db:
        db.write(*(Point(s, t, double(t)) for s in ALL_SERIES for t in range(10)))
        db.delete(1, start_ms=0, end_ms=1)
        db.delete(1, start_ms=0, end_ms=2)  # covers the first
        db.delete(1, start_ms=4, end_ms=5)
        with pytest.raises(Unavailable):
            db.delete(1, start_ms=7, end_ms=8)
        assert db.found() == db.right()


def test_a_damaged_file_of_deletes_is_set_aside_and_named() -> None:
    with database() as db:
        db.write(Point(0, 1, double(1)), Point(1, 1, double(1)))
        db.seal()
        db.delete(0, start_ms=0, end_ms=9)
        db.write(Point(2, 1, double(1)))
        db.seal()
        folder = db.store._parts.folder
        (folder.folder / folder.current.deletes).write_bytes(b"rubbish")
        db.reopen()
        [damaged] = db.store._parts.folder.current.damaged
        assert damaged.file.startswith("deletes-")
        assert (folder.folder / (damaged.file + ".damaged")).exists()
        assert set(db.found()) == {0, 1, 2}  # type: ignore[call-overload]


def stored(payload: bytes) -> StoredRecord:
    return StoredRecord(9, 3, np.frombuffer(bytearray(payload), dtype=np.uint8), Path("a.journal"))


GOLDEN = struct.pack("<I 4x q q 2I", 2, -5, 2**53, 7, 0xFFFFFFFE)


def test_the_payload_of_a_delete_is_the_documented_one() -> None:
    record = encode_delete(delete_of(7, 0xFFFFFFFE, start_ms=-5, end_ms=2**53))
    assert record.type == 3
    assert b"".join(bytes(memoryview(buffer).cast("B")) for buffer in record.payload) == GOLDEN
    back = decode_delete(stored(GOLDEN))
    assert (back.series.tolist(), back.start_ms, back.end_ms) == ([7, 0xFFFFFFFE], -5, 2**53)


@pytest.mark.parametrize(
    "payload",
    [b"", GOLDEN[:-1], GOLDEN + b"\0", struct.pack("<I4xqq", 0, 0, 1), struct.pack("<I4xqq2I", 2, 0, 1, 7, 7)],
)
def test_a_payload_that_is_no_delete_is_corrupt(payload: bytes) -> None:
    with pytest.raises(Corrupt, match="record 9"):
        decode_delete(stored(payload))


def metric_ids(ordinals: np.ndarray[Any, np.dtype[np.uint32]]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    return (ordinals % METRICS).astype(np.uint32)


@given(
    st.lists(st.tuples(series_sets, times, times), max_size=6),
    st.lists(st.tuples(st.integers(0, SERIES_MAX), times), max_size=40),
    st.permutations(ALL_SERIES),
    st.integers(0, 7),
)
def test_what_touches_a_query_and_what_it_keeps(
    asked: list[tuple[list[int], int, int]], rows: list[tuple[int, int]], order: list[int], applied: int
) -> None:
    deletes = NO_DELETES
    for sequence, (series, first, last) in enumerate(asked, start=1):
        deletes = deletes.with_delete(delete_of(*series, start_ms=first, end_ms=last), sequence)
    wanted = want(np.array(order, dtype=np.uint32), metric_ids)
    given_rows = batch([Point(s, t, double(at)) for at, (s, t) in enumerate(rows)])
    touching = deletes.touching(wanted, 0, TIMES_MAX)
    kept = Rows(given_rows.series, given_rows.times, given_rows.values, None, None)
    if touching is not None:
        kept = touching.keep_of_segment(applied, kept)
    right = [
        at
        for at, (series, time) in enumerate(rows)
        if not any(
            series in of and first <= time <= last
            for sequence, (of, first, last) in enumerate(asked, start=1)
            if sequence > applied
        )
    ]
    assert kept.values.doubles().astype(int).tolist() == right
