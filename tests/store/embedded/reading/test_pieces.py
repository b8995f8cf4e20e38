"""Pieces of a select: each series in one of them, and about as many points in each as there may be."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from test_embedded_store import opened, points

from headrace import limits
from headrace.store import Piece, Snapshot
from headrace.store.embedded.reading.pieces import cut
from headrace.store.embedded.segments.files.segment import Segment
from headrace.store.rows import want


async def test_pieces_hold_all_series_once_and_about_as_many_points_as_they_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pieces(snapshot: Snapshot, series: NDArray[np.uint32], end_ms: int, halved: int, most: int) -> list[Piece]:
        monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", halved)
        monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", most)
        return snapshot.pieces(series, 0, end_ms)

    hosts = [f"h{number:02d}" for number in range(20)]
    async with opened(tmp_path, seal_points=4000) as store:
        for begin in range(0, 1000, 200):
            for host in hosts:
                await store.append(points(store, host, range(begin, begin + 200)))
        with store.snapshot() as snapshot:
            series = snapshot.find("m", {})[::-1].copy()
            [whole] = pieces(snapshot, series, 999, 40_000, 40_000)
            assert whole.series.tolist() == series.tolist()
            assert len(pieces(snapshot, series, 999, 15_000, 40_000)) == 2
            parts = pieces(snapshot, series, 999, 5000, 5000)
            assert 4 <= len(parts) <= 10
            assert len(parts) % 2 == 0
            assert sorted(np.concatenate([piece.series for piece in parts]).tolist()) == sorted(series.tolist())
            lengths = [len(snapshot.select(piece.series, 0, 999)) for piece in parts]
            assert sum(lengths) == 20_000
            assert max(lengths) <= 5000
            assert {piece.stretches for piece in parts} == {1}
            assert pieces(snapshot, series[:0], 999, 10, 10)[0].series.tolist() == []
            single = pieces(snapshot, series, 999, 10, 10)
            assert [len(piece.series) for piece in single] == [1] * 20
            assert all(100 <= piece.stretches <= 250 for piece in single)
            assert len(pieces(snapshot, series, 99, 1000, 1000)) < len(pieces(snapshot, series, 999, 1000, 1000))


class Expecting:
    """As much of a segment as is asked how many points it has of each series."""

    def __init__(self, *expected: int) -> None:
        self._expected = np.array(expected, dtype=np.float64)

    def add_expected(self, keys: NDArray[np.uint64], start_ms: int, end_ms: int, steps: NDArray[np.float64]) -> None:
        steps += np.diff(self._expected, prepend=0, append=0)


def test_a_series_with_more_points_than_a_piece_has_is_one_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "QUERY_HALVED_POINTS", 1000)
    monkeypatch.setattr(limits, "QUERY_PIECE_POINTS", 1000)
    segment = cast(Segment, Expecting(10, 200, 9000, 300, 20, 700, 650))
    wanted = want(np.arange(7, dtype=np.uint32), np.zeros_like)
    assert [(piece.series.tolist(), piece.stretches) for piece in cut([segment], [], wanted, 0, 1)] == [
        ([0, 1], 1),
        ([2], 10),
        ([3, 4, 5], 1),
        ([6], 1),
    ]
