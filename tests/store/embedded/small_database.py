"""A small embedded store that tests write, delete, seal and reopen, and what it must hold."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from point_batches import NOW_MS, SERIES_MAX, Point, batch, expected, plain

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.series import series_name
from headrace.store.embedded.store import EmbeddedStore, open_store

ALL_SERIES = list(range(SERIES_MAX + 1))
METRICS = 3


class Database:
    """A store whose seals come when they are asked for, without a scrub, and a dict of what it must hold."""

    def __init__(self, folder: Path, **overrides: Any) -> None:
        seldom: dict[str, Any] = {"seal_points": 10**6, "seal_age_s": 1e6, "scrub_bytes_per_s": 0}
        self.settings = Settings(data_dir=folder, **seldom | overrides)
        self.now_ms = NOW_MS
        self.store = self.open()
        self.writes: list[Point] = []

    def open(self) -> EmbeddedStore:
        store = open_store(self.settings, Metrics(), lambda: self.now_ms)
        for ordinal in ALL_SERIES:
            name = series_name(f"metric.{ordinal % METRICS}", {"host": f"h{ordinal}"})
            assert store.table.register(store.table.key_of(name), name, 0) == ordinal
        return store

    def write(self, *written: Point) -> None:
        asyncio.run(self.store.append(batch(written)))
        self.writes += written

    def delete(self, *series: int, start_ms: int, end_ms: int) -> None:
        asyncio.run(self.store.delete(np.array(series, dtype=np.uint32), start_ms, end_ms))
        self.writes = [p for p in self.writes if not (p.series in series and start_ms <= p.time <= end_ms)]

    def seal(self) -> None:
        """Wait until everything that was written is in segments."""
        visible = self.store._parts.visible
        self.store._writer.freeze()
        asyncio.run(self.store.append(batch([])))
        done = threading.Event()
        for _ in range(2000):
            if not visible.recent_points:
                return
            done.wait(0.005)
        raise AssertionError("not sealed")

    def do(self, step: str) -> None:
        if step:
            {"seal": self.seal, "reopen": self.reopen}[step]()

    def reopen(self) -> None:
        """As after `kill -9`: nothing is told to the store. The threads of the old one find nothing to do any more."""
        self.store._writer.stop()
        self.store._merger.stop()
        self.store._sealer.stop()
        self.store._parts.close()
        self.store = self.open()

    def found(self, series: list[int] = ALL_SERIES, start_ms: int = -1, end_ms: int = 99) -> object:
        with self.store.snapshot() as snapshot:
            return plain(snapshot.select(np.array(series, dtype=np.uint32), start_ms, end_ms))

    def right(self, series: list[int] = ALL_SERIES, start_ms: int = -1, end_ms: int = 99) -> object:
        return expected(self.writes, series, start_ms, end_ms, self.now_ms)

    def suggested(self) -> list[str]:
        return self.store.suggest("metrics", "", 99)


@contextmanager
def database(**overrides: Any) -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        opened = Database(Path(folder) / "data", **overrides)
        try:
            yield opened
        finally:
            opened.store.close()
