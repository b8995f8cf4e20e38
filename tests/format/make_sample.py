"""Write a data directory with something of everything: `python tests/format/make_sample.py tests/format/v2`.

Run once for each format; what it wrote is then kept for ever, and tests/format/test_format.py reads it back. Beside the
directory goes what must be read, <name>.json: `points`, by series rows of time, kind, bits or text, and then the
moment of arrival (ms) and the UTC offset (minutes) where the point has them; `documents`, rows of kind, key, and the
body in hex; `metrics`, those that still show.

v1 has no arrivals, documents and merged files: what wrote it had none.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.arrivals import NO_ARRIVAL, pack
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.store import RETENTION_DOCUMENT, Document, DocumentChange, DocumentRange
from headrace.store.embedded.store import EmbeddedStore, open_store

Value = tuple[Kind, int | str]
Contents = dict[str, Any]

NOW_MS = 1_800_000_000_000
T = 1_700_000_000_000
RETENTION_MS = 1_000_000_000_000


class Point(NamedTuple):
    """came: the moment of arrival and the UTC offset."""

    name: SeriesName
    time: int
    value: Value
    expires: int = NEVER
    came: tuple[int, int] | None = None


class Commit(NamedTuple):
    points: Sequence[Point] = ()
    changes: Sequence[DocumentChange] = ()
    deleted: Sequence[SeriesName] = ()


class Deletion(NamedTuple):
    name: SeriesName
    start_ms: int
    end_ms: int


class Seal(NamedTuple):
    """merged: wait until that many files have become one."""

    merged: int = 0


def double(number: float) -> Value:
    return Kind.DOUBLE, int(np.float64(number).view(np.int64))


ROOM = series_name("room.temperature", {"floor": "1", "room": "Küche"})
HALL = series_name("room.temperature", {"floor": "0", "room": "hall"})
DOOR = series_name("door.state", {"door": "front"})
COUNTER = series_name("net.bytes", {"host": "a", "if": "eth0"})
GONE = series_name("old.metric", {"host": "a"})
NOTES = series_name("notes", {"by": "operator"})
SAMPLES = series_name("51922b39-8cd3-9ae3-d42f-6c8fde777e9c", {"collection": "raw"})
REPLACED = series_name("form.numbers", {"form": "a"})
NEW = series_name("new.metric", {"only": "in the journal"})

STEPS: list[Commit | Deletion | Seal] = [
    Commit(
        [
            *(Point(ROOM, T + i * 60_000, double(20 + i / 10)) for i in range(50)),
            *(Point(COUNTER, T + i * 1000, (Kind.INT64, 2**62 + i)) for i in range(50)),
            *(Point(GONE, T + i, double(i)) for i in range(5)),
            *(Point(SAMPLES, T + i, double(i), came=(T + 60_000 + i, [0, 120, -1439, 1439][i % 4])) for i in range(8)),
            Point(COUNTER, -5, (Kind.INT64, -(2**63))),
            Point(COUNTER, 0, (Kind.INT64, 2**63 - 1)),
            Point(HALL, T, double(-0.0)),
            Point(HALL, T + 1, (Kind.DOUBLE, 0x7FF8000000000123)),
            Point(HALL, T + 2, double(5e-324)),
            Point(HALL, T + 3, double(1.5), NOW_MS + 1),
            Point(HALL, T + 4, double(2.5), NOW_MS),
            Point(DOOR, T, (Kind.BOOL, 1)),
            Point(DOOR, T + 1, (Kind.BOOL, 0)),
            Point(NOTES, T, (Kind.TEXT, "Zürich \N{SNOWMAN} 😀")),
            Point(NOTES, T + 1, (Kind.TEXT, "")),
            Point(NOTES, T + 2, (Kind.CUSTOM, 'complex\0{"re":1,"im":-1}')),
        ],
        [Document("note", key, key.encode()) for key in ("a", "b", "c", "Ü\0", "🚰")],
    ),
    Seal(),
    Deletion(GONE, T + 1, T + 2),
    Commit(
        [
            Point(ROOM, T, (Kind.TEXT, "overwritten by a text")),
            Point(ROOM, T + 60_000, double(-1.0), NOW_MS - 1),  # hides what it overwrote
            *(Point(HALL, T + 10 + i, double(3.5)) for i in range(50)),
            Point(SAMPLES, T, double(9.5)),  # its arrival goes with what it overwrote
            Point(SAMPLES, T + 1, (Kind.BOOL, 1), came=(T + 99_999, -300)),
        ],
        [Document("note", "a", b"changed"), Document("note", "b", None)],
    ),
    Seal(),
    Commit([Point(COUNTER, T + i * 1000, (Kind.INT64, i)) for i in range(40, 90)], deleted=[GONE]),
    Seal(),
    Commit([Point(REPLACED, T + i, double(i)) for i in range(50)], [Document("form", "a", bytes(range(256)))]),
    Seal(merged=4),
    Commit([Point(SAMPLES, T + 5, double(5.5), came=(T + 70_000, 0)), Point(DOOR, T + 2, (Kind.BOOL, 1), NOW_MS + 1)]),
    Deletion(COUNTER, T + 10_000, T + 19_000),
    Seal(),
    Commit(
        [Point(ROOM, T + 2 * 60_000, (Kind.INT64, 7)), Point(NEW, T, double(0.1), came=(T + 1, 60))],
        [
            Document("form", "b", b""),
            DocumentRange("note", "c", "d"),
            Document(*RETENTION_DOCUMENT, b"%d" % RETENTION_MS),
        ],
    ),
    Deletion(COUNTER, T + 30_000, T + 31_000),
    Commit([Point(REPLACED, T + 1, double(1.5))], [Document("form", "a", None)], [REPLACED, NOTES]),
]


def main(folder: Path) -> None:
    settings = Settings(data_dir=folder, disk_reserve_bytes=0)
    store = open_store(settings, Metrics(), lambda: NOW_MS)
    asyncio.run(fill(store))
    store.close()
    (folder / "lock").unlink()
    folder.with_suffix(".json").write_text(json.dumps(expected(), ensure_ascii=False, indent=1) + "\n")


async def fill(store: EmbeddedStore) -> None:
    for step in STEPS:
        match step:
            case Commit():
                deleted = np.array([ordinal(store, name) for name in step.deleted], dtype=np.uint32)
                await store.commit(step.changes, admitted(store, step.points), deleted)
            case Deletion():
                await store.delete(np.array([ordinal(store, step.name)], dtype=np.uint32), step.start_ms, step.end_ms)
            case Seal():
                store._writer.freeze()
                wait_until(lambda: not store._parts.visible.recent_points)
                if step.merged:
                    wait_until(lambda: len(store._parts.folder.current.segments) == 1)


def wait_until(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.01)


def ordinal(store: EmbeddedStore, name: SeriesName) -> int:
    return store.table.register(store.table.key_of(name), name, 0)


def admitted(store: EmbeddedStore, points: Sequence[Point]) -> Admitted:
    heap = bytearray()
    bits = []
    for point in points:
        _, payload = point.value
        if isinstance(payload, str):
            bits.append(len(heap) << HEAP_LENGTH_BITS | len(payload.encode()))
            heap += payload.encode()
        else:
            bits.append(payload)
    arrivals = [int(pack(p.came[0], np.array([p.came[1]]))[0]) if p.came else NO_ARRIVAL for p in points]
    return Admitted(
        np.array([ordinal(store, point.name) for point in points], dtype=np.uint32),
        np.array([point.time for point in points], dtype=np.int64),
        Values(
            np.array([point.value[0] for point in points], dtype=np.uint8), np.array(bits, dtype=np.int64), bytes(heap)
        ),
        np.array([point.expires for point in points], dtype=np.int64),
        np.array(arrivals, dtype=np.int64),
    )


def expected() -> Contents:
    """By the rules of the store, from the steps alone."""
    winners: dict[tuple[SeriesName, int], Point] = {}
    documents: dict[tuple[str, str], bytes] = {}
    for step in STEPS:
        match step:
            case Deletion(name, start_ms, end_ms):
                winners = {key: p for key, p in winners.items() if key[0] != name or not start_ms <= key[1] <= end_ms}
            case Commit(points, changes, deleted):
                winners = {key: point for key, point in winners.items() if key[0] not in deleted}
                winners |= {(point.name, point.time): point for point in points}
                for change in changes:
                    documents = changed(documents, change)
    found: dict[str, list[list[int | str]]] = {}
    for (name, time_ms), point in sorted(winners.items()):
        if point.expires > NOW_MS and time_ms >= NOW_MS - RETENTION_MS:
            found.setdefault(spelled(name), []).append(
                [time_ms, point.value[0].name, point.value[1], *(point.came or ())]
            )
    return {
        "points": found,
        "documents": [[kind, key, body.hex()] for (kind, key), body in sorted(documents.items())],
        "metrics": sorted({name.metric for name, _ in winners}),
    }


def changed(documents: dict[tuple[str, str], bytes], change: DocumentChange) -> dict[tuple[str, str], bytes]:
    match change:
        case DocumentRange(kind, first, end):
            return {name: body for name, body in documents.items() if name[0] != kind or not first <= name[1] < end}
        case Document(kind, key, body):
            others = {name: other for name, other in documents.items() if name != (kind, key)}
            return others if body is None else {**others, (kind, key): body}


def spelled(name: SeriesName) -> str:
    return " ".join([name.metric, *(f"{key}={value}" for key, value in name.tags)])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    main(target)
