"""Pieces of a select: each series in one of them, and about as many points in each as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from test_embedded import opened, points


async def test_pieces_hold_all_series_once_and_about_as_many_points_as_asked(tmp_path: Path) -> None:
    hosts = [f"h{number:02d}" for number in range(20)]
    async with opened(tmp_path, seal_points=4000) as store:
        for begin in range(0, 1000, 200):
            for host in hosts:
                await store.append(points(store, host, range(begin, begin + 200)))
        with store.snapshot() as snapshot:
            series = snapshot.find("m", {})[::-1].copy()
            [whole] = snapshot.pieces(series, 0, 999, 40_000)
            assert whole.series.tolist() == series.tolist()
            assert 20_000 <= whole.points <= 40_000
            pieces = snapshot.pieces(series, 0, 999, 5000)
            assert 4 <= len(pieces) <= 10
            assert sorted(np.concatenate([piece.series for piece in pieces]).tolist()) == sorted(series.tolist())
            assert sum(len(snapshot.select(piece.series, 0, 999)) for piece in pieces) == 20_000
            assert all(piece.points <= 5000 for piece in pieces)
            assert [len(piece.series) for piece in snapshot.pieces(series, 0, 999, 10)] == [1] * 20
            assert snapshot.pieces(series[:0], 0, 999, 10)[0].series.tolist() == []
            halves = snapshot.pieces(series, 0, 99, 5000)
            assert sum(piece.points for piece in halves) < sum(piece.points for piece in pieces)
