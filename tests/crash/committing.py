"""A process that commits without end until it is killed: `python committing.py <folder> <first number>`. It writes each
number when its commit is acknowledged, and nothing else, to standard output."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from headrace import log
from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store import Document, DocumentRange
from headrace.store.embedded.store import EmbeddedStore, open_store

BODY = bytes(3000)
KEPT = 20
"""Numbers behind the latest whose forms are there; those before them are taken away, ten at a time."""


async def commit(store: EmbeddedStore, number: int) -> None:
    """Two forms, a token, a point; every tenth number takes the forms of ten old ones away and writes the series
    anew."""
    name = series_name("m", {})
    ordinal = np.array([store.table.register(store.table.key_of(name), name, 0)], dtype=np.uint32)
    column = np.array([number], dtype=np.int64)
    points = Admitted(ordinal, column, Values(np.array([Kind.INT64], dtype=np.uint8), column))
    key = f"{number:08d}"
    changes = [Document("form", f"{key}/{part}", BODY) for part in "ab"] + [Document("token", key, key.encode())]
    if number % 10:
        await store.commit(changes, points)
        return
    gone = DocumentRange("form", "", f"{max(number - KEPT, 0):08d}")
    await store.commit([gone, *changes], points, ordinal)


async def commit_without_end(store: EmbeddedStore, number: int) -> None:
    while True:
        await commit(store, number)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    log.configure("console", "warning")
    settings = Settings(data_dir=Path(sys.argv[1]), seal_points=30, seal_age_s=0.05, disk_reserve_bytes=0)
    asyncio.run(commit_without_end(open_store(settings, Metrics()), int(sys.argv[2])))
