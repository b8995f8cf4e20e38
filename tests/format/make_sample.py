"""Write a data directory with something of everything: `python tests/format/make_sample.py tests/format/v1`.

Run once for each format; what it wrote is then kept for ever, and tests/format/test_format.py reads it back. Beside the
directory goes what must be read: <name>.json, by series the times and values (kind, and the bits or the text).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from pathlib import Path

import numpy as np

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.store.embedded import EmbeddedStore, open_store

Value = tuple[Kind, int | str]

NOW_MS = 1_800_000_000_000
T = 1_700_000_000_000

ROOM = series_name("room.temperature", {"floor": "1", "room": "Küche"})
HALL = series_name("room.temperature", {"floor": "0", "room": "hall"})
DOOR = series_name("door.state", {"door": "front"})
COUNTER = series_name("net.bytes", {"host": "a", "if": "eth0"})
GONE = series_name("old.metric", {"host": "a"})
NOTES = series_name("notes", {"by": "operator"})


def double(number: float) -> Value:
    return Kind.DOUBLE, int(np.float64(number).view(np.int64))


FIRST: list[tuple[SeriesName, int, Value, int]] = [
    *((ROOM, T + i * 60_000, double(20 + i / 10), NEVER) for i in range(50)),
    *((COUNTER, T + i * 1000, (Kind.INT64, 2**62 + i), NEVER) for i in range(50)),
    *((GONE, T + i, double(i), NEVER) for i in range(5)),
    (COUNTER, -5, (Kind.INT64, -(2**63)), NEVER),
    (COUNTER, 0, (Kind.INT64, 2**63 - 1), NEVER),
    (HALL, T, double(-0.0), NEVER),
    (HALL, T + 1, (Kind.DOUBLE, 0x7FF8000000000123), NEVER),
    (HALL, T + 2, double(5e-324), NEVER),
    (HALL, T + 3, double(1.5), NOW_MS + 1),
    (HALL, T + 4, double(2.5), NOW_MS),
    (DOOR, T, (Kind.BOOL, 1), NEVER),
    (DOOR, T + 1, (Kind.BOOL, 0), NEVER),
    (NOTES, T, (Kind.TEXT, "Zürich \N{SNOWMAN} 😀"), NEVER),
    (NOTES, T + 1, (Kind.TEXT, ""), NEVER),
    (NOTES, T + 2, (Kind.CUSTOM, 'complex\0{"re":1,"im":-1}'), NEVER),
]

SECOND = [
    (ROOM, T, (Kind.TEXT, "overwritten by a text"), NEVER),
    (ROOM, T + 60_000, double(-1.0), NOW_MS - 1),  # hides what it overwrote
    (HALL, T + 10, double(3.5), NEVER),
]

THIRD = [
    (ROOM, T + 2 * 60_000, (Kind.INT64, 7), NEVER),
    (series_name("new.metric", {"only": "in the journal"}), T, double(0.1), NEVER),
]

DELETED_EARLY = (GONE, T + 1, T + 2)
DELETED_LATE = (COUNTER, T + 10_000, T + 19_000)


def main(folder: Path) -> None:
    settings = Settings(data_dir=folder, disk_reserve_bytes=0)
    store = open_store(settings, Metrics(), lambda: NOW_MS)
    asyncio.run(fill(store))
    store.close()
    (folder / "lock").unlink()
    folder.with_suffix(".json").write_text(json.dumps(expected(), ensure_ascii=False, indent=1) + "\n")


async def fill(store: EmbeddedStore) -> None:
    await store.append(admitted(store, FIRST))
    seal(store)
    await delete(store, DELETED_EARLY)
    await store.append(admitted(store, SECOND))
    seal(store)
    await store.append(admitted(store, THIRD))
    await delete(store, DELETED_LATE)


def seal(store: EmbeddedStore) -> None:
    store._writer.freeze()
    while store._parts.visible.recent_points:
        time.sleep(0.01)


async def delete(store: EmbeddedStore, what: tuple[SeriesName, int, int]) -> None:
    name, start_ms, end_ms = what
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    await store.delete(np.array([ordinal], dtype=np.uint32), start_ms, end_ms)


def admitted(store: EmbeddedStore, points: list[tuple[SeriesName, int, Value, int]]) -> Admitted:
    heap = bytearray()
    bits = []
    for _, _, (_, payload), _ in points:
        if isinstance(payload, str):
            bits.append(len(heap) << HEAP_LENGTH_BITS | len(payload.encode()))
            heap += payload.encode()
        else:
            bits.append(payload)
    return Admitted(
        np.array([store.table.register(store.table.key_of(name), name, 0) for name, *_ in points], dtype=np.uint32),
        np.array([time_ms for _, time_ms, *_ in points], dtype=np.int64),
        Values(
            np.array([value[0] for *_, value, _ in points], dtype=np.uint8), np.array(bits, dtype=np.int64), bytes(heap)
        ),
        np.array([expires for *_, expires in points], dtype=np.int64),
    )


def expected() -> dict[str, list[tuple[int, str, int | str]]]:
    """By the rules of the store, from the lists above alone."""
    winners = {(name, time_ms): (value, expires) for name, time_ms, value, expires in [*FIRST, *SECOND, *THIRD]}
    for name, start_ms, end_ms in (DELETED_EARLY, DELETED_LATE):
        winners = {key: kept for key, kept in winners.items() if key[0] != name or not start_ms <= key[1] <= end_ms}
    found: dict[str, list[tuple[int, str, int | str]]] = {}
    for (name, time_ms), (value, expires) in sorted(winners.items()):
        if expires > NOW_MS:
            found.setdefault(spelled(name), []).append((time_ms, value[0].name, value[1]))
    return found


def spelled(name: SeriesName) -> str:
    return " ".join([name.metric, *(f"{key}={value}" for key, value in name.tags)])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    main(target)
