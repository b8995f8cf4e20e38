"""A small database with something of everything in every file of it, and what it must hold when it is opened again."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
from law import Facts, Outcome, judged, read_until_named, refused

from headrace import limits
from headrace.config import Settings
from headrace.errors import Corrupt, Incomplete, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.model.time import ALL_TIME
from headrace.store import Document
from headrace.store.embedded.store import EmbeddedStore, open_store

NAMES = [series_name(f"m{number % 3}", {"host": f"h{number}"}) for number in range(6)]
GONE = series_name("gone", {"host": "h"})
LATE = series_name("late", {"host": "new"})
SENT: dict[SeriesName, set[object]] = {
    NAMES[0]: {*range(10), *range(15, 18), 60, 61},
    NAMES[1]: {*range(1, 11), *range(60, 65)},
    NAMES[2]: {f"text {number}" for number in (*range(2, 12), 30, 31)},
    NAMES[3]: {*range(3, 13), 40, 41, 62, 63},
    NAMES[4]: {*range(4, 14), *range(60, 65)},
    NAMES[5]: {f"text {number}" for number in range(5, 15)},
    GONE: {0, 1, 2},
    LATE: {1, 2, 60, 61},
}
"""Every value that was ever sent, deleted and overwritten ones too."""

KEYS = [f"note-{number}" for number in range(5)]


class Contents(NamedTuple):
    """points: by series, the value at each time.   documents: by key.   names: what is suggested as metrics."""

    points: dict[SeriesName, dict[int, object]]
    documents: dict[str, bytes]
    names: tuple[str, ...]


def make(folder: Path) -> None:
    """Two seals, a pending delete, a hidden series, documents, and points that only the journal has."""
    with quick_disk(), closing(opened(folder)) as store:
        for number, name in enumerate(NAMES):
            put(store, name, number, range(10))
        put(store, GONE, 0, range(3))
        keep(store, KEYS[:3])
        seal(store)
        put(store, NAMES[0], 10, range(5, 8))
        asyncio.run(store.delete(np.array([1], dtype=np.uint32), 2, 4))
        asyncio.run(store.commit([], None, np.array([len(NAMES)], dtype=np.uint32)))
        seal(store)
        put(store, NAMES[2], 20, range(10, 12))
        put(store, LATE, 1, range(2))
        keep(store, KEYS[3:])
        put(store, NAMES[3], 30, range(10, 12))


def put(store: EmbeddedStore, name: SeriesName, add: int, times: range) -> None:
    """One point a time, its value the time and `add`; of every third series a text."""
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    count = len(times)
    if ordinal % 3 == 2:
        texts = [f"text {add + time}" for time in times]
        starts = np.cumsum([0, *map(len, texts)])[:-1]
        bits = np.array([int(at) << 24 | len(text) for at, text in zip(starts, texts, strict=True)], dtype=np.int64)
        values = Values(np.full(count, Kind.TEXT, dtype=np.uint8), bits, "".join(texts).encode())
    else:
        values = Values(np.full(count, Kind.INT64, dtype=np.uint8), np.array([add + time for time in times]))
    series = np.full(count, ordinal, dtype=np.uint32)
    asyncio.run(store.append(Admitted(series, np.array(times, dtype=np.int64), values)))


def keep(store: EmbeddedStore, keys: list[str]) -> None:
    asyncio.run(store.commit([Document("note", key, f"of {key}".encode() * 3) for key in keys]))


def seal(store: EmbeddedStore) -> None:
    store._writer.freeze()
    deadline = time.monotonic() + 20
    while store._parts.visible.recent_points or store._parts.documents.recent_bytes or store._parts.visible.seal_waits:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def opened(folder: Path) -> EmbeddedStore:
    return open_store(Settings(data_dir=folder, disk_reserve_bytes=0), Metrics(), lambda: 1_700_000_000_000)


@contextmanager
def quick_disk() -> Iterator[None]:
    """Nothing here ends in a power cut, so no sync is waited for."""
    with (
        mock.patch.object(os, "fsync", return_value=None),
        mock.patch.object(os, "fdatasync", return_value=None),
        mock.patch.object(limits, "SEALER_TICK_S", 0.002),
    ):
        yield


def contents_of(store: EmbeddedStore) -> Contents:
    """Raises as the store's reads do."""
    points: dict[SeriesName, dict[int, object]] = {}
    names = tuple(store.suggest("metrics", "", 99))
    with store.snapshot() as snapshot:
        for metric in names:
            columns = snapshot.select(snapshot.find(metric, {}), *ALL_TIME)
            for place, name in enumerate(snapshot.names(columns.series)):
                rows = range(int(columns.starts[place]), int(columns.starts[place + 1]))
                points[name] = {int(columns.times[row]): value_of(columns.values, row) for row in rows}
    return Contents(points, dict(store.documents("note", "", "\x7f")), names)


def value_of(values: Values, row: int) -> object:
    return values.text(row) if values.kinds[row] == Kind.TEXT else int(values.bits[row])


def judge(folder: Path, expected: Contents) -> Outcome:
    """Open what is left of a database. Raises AssertionError when it shows what never was, or lacks something and says
    that all is well; and whatever a start should not raise."""
    try:
        store = opened(folder)
    except (Corrupt, Incomplete, Unavailable) as refusal:
        return refused(refusal)
    try:
        found, told = read_until_named(lambda: facts_of(contents_of(store)))
        return judged(
            found, facts_of(expected), lambda fact, shown: was_sent(expected, fact, shown), [*store.damaged, *told]
        )
    finally:
        store.close()


def facts_of(contents: Contents) -> Facts:
    """Of a database, one by one."""
    facts: dict[object, object] = dict.fromkeys(contents.names, True)
    facts |= {(name, time): value for name, points in contents.points.items() for time, value in points.items()}
    return facts | {("document", key): body for key, body in contents.documents.items()}


def was_sent(expected: Contents, fact: object, shown: object) -> bool:
    """Whether anybody ever sent it, deleted or overwritten since then or not."""
    match fact:
        case ("document", key):
            return expected.documents.get(str(key)) == shown
        case (SeriesName() as name, _):
            return shown in SENT.get(name, ())
        case _:
            return fact in {name.metric for name in SENT}


def copied(folder: Path, target: Path) -> Path:
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(folder, target)
    return target
