"""Steps, and what is in them. A step is a word and a seed of its own, so that leaving one out changes no other."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import numpy as np

from headrace.model.arrivals import NO_ARRIVAL, OFFSET_BITS
from headrace.model.points import HEAP_LENGTH_BITS, NEVER, Kind, Points, Values
from headrace.model.series import SeriesName, SeriesTable, series_name
from headrace.model.time import ALL_TIME, DAY_MS

from hunt_model import Batch, Bundle, Deletion, Paper, Papers, Point, Value  # isort: skip

START_MS = 1_700_000_000_000
"""What the clock shows at first."""

WEIGHTS = {
    "write": 40,
    "delete": 6,
    "commit": 6,
    "register": 1,
    "freeze": 6,
    "seal": 10,
    "merge": 8,
    "query": 12,
    "pin": 2,
    "unpin": 2,
    "wait": 4,
    "outside": 1,
    "reopen": 2,
    "kill": 3,
    "die": 5,
    "power": 5,
    "fail": 5,
    "full": 2,
    "rot": 4,
    "replace": 4,
}


class Step(NamedTuple):
    word: str
    seed: int

    def __str__(self) -> str:
        return f"{self.word}:{self.seed}"


def steps(seed: int, count: int) -> list[Step]:
    chance = Random(seed)
    words = chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    return [Step(word, chance.randrange(1_000_000)) for word in words]


def parse(text: str) -> list[Step]:
    return [Step(word, int(seed)) for word, _, seed in (part.partition(":") for part in text.split())]


METRICS = ("cpu", "cpu.load", "disk", "Ünïcode.名前")
HOSTS = ("a", "b", "c", "web-01", "東京")
NAMES = tuple(
    series_name(metric, {"host": host} | ({"dc": dc} if dc else {}))
    for metric in METRICS
    for host in HOSTS
    for dc in ("", "eu", "us")
)
"""Every series of a hunt."""

KINDS = ("note", "label")
KEYS = ("a", "b", "c", "Ü", "名")

NAN_BITS = (0x7FF8000000000001, -1, 0x7FF0000000000001, -(2**51), 0x7FF8000000000000)
DOUBLES = (0.0, -0.0, 1.5, -1e308, 5e-324, float("inf"), float("-inf"), 0.1, 1e22)
INTEGERS = (0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, -(2**53) - 1, 2**31)
LETTERS = 'abcxyz019 _-"\\\n\t\0é名🚰'


def value(chance: Random) -> Value:
    kind = chance.choice(list(Kind))
    match kind:
        case Kind.DOUBLE:
            if chance.random() < 0.2:
                return Value(kind, chance.choice(NAN_BITS))
            number = chance.choice(DOUBLES) if chance.random() < 0.4 else round(chance.uniform(-100, 100), 2)
            return Value(kind, int(np.float64(number).view(np.int64)))
        case Kind.INT64:
            return Value(kind, chance.choice(INTEGERS) if chance.random() < 0.5 else chance.randrange(-(2**63), 2**63))
        case Kind.BOOL:
            return Value(kind, chance.randrange(2))
        case Kind.TEXT:
            return Value(kind, text(chance).encode())
        case Kind.CUSTOM:
            return Value(kind, f"t{chance.randrange(3)}\0".encode() + b'{"x":%d}' % chance.randrange(1000))


def arrival(chance: Random, now_ms: int) -> int:
    """As model.arrivals packs them, the least and the greatest too."""
    return chance.choice([NO_ARRIVAL, 0, 2**63 - 1, now_ms << OFFSET_BITS | chance.randrange(1 << OFFSET_BITS)])


def text(chance: Random) -> str:
    length = chance.choice([0, 0, 1, 3, 10, 200]) if chance.random() < 0.98 else chance.randrange(70_000)
    return "".join(chance.choices(LETTERS, k=length))


def time_ms(chance: Random, now_ms: int) -> int:
    """Mostly where others are too, so that writes meet."""
    match chance.randrange(10):
        case 0 | 1 | 2 | 3 | 4:
            return START_MS + 1000 * chance.randrange(40)
        case 5 | 6:
            return now_ms + chance.randint(-3, 3)
        case 7:
            return START_MS - 30 * DAY_MS * chance.randrange(120)
        case 8:
            return START_MS - chance.randrange(3000 * DAY_MS)
        case _:
            return chance.choice([0, -1, 1, *ALL_TIME, START_MS + 50 * 365 * DAY_MS])


def batches(chance: Random, now_ms: int) -> list[Batch]:
    """What comes at once, each by an append of its own."""
    return [batch(chance, now_ms) for _ in range(chance.choice([1, 1, 1, 2, 4]))]


def batch(chance: Random, now_ms: int) -> Batch:
    names = chance.sample(NAMES, k=chance.choice([1, 2, 5, 20]))
    size = chance.choice([0, 1, 1, 2, 5, 10, 30, 90]) if chance.random() < 0.97 else chance.randrange(400)
    uniform = chance.random() < 0.3
    shared = value(chance)
    expiring, arriving = chance.random() < 0.25, chance.random() < 0.3
    points = [
        Point(
            chance.choice(names),
            time_ms(chance, now_ms),
            value(chance) if not uniform else Value(shared.kind, shared.payload),
            now_ms + chance.choice([-1, 0, 1, 500, 20_000, 200_000, NEVER - now_ms]) if expiring else NEVER,
            arrival(chance, now_ms) if arriving else NO_ARRIVAL,
        )
        for _ in range(size)
    ]
    if chance.random() < 0.3:
        points.sort(key=lambda point: point.time)
    return Batch(tuple(points))


def deletion(chance: Random, now_ms: int) -> Deletion:
    if chance.random() < 0.3:
        metric = chance.choice(METRICS)
        series = [name for name in NAMES if name.metric == metric]
    else:
        series = chance.sample(NAMES, k=chance.choice([1, 2, 10]))
    return Deletion(tuple(series), *time_range(chance, now_ms))


def bundle(chance: Random, now_ms: int) -> Bundle:
    """Any of its parts may be missing, and all."""
    deleted = chance.sample(NAMES, k=chance.choice([1, 3])) if chance.random() < 0.3 else ()
    brought = batch(chance, now_ms) if chance.random() < 0.6 else Batch(())
    papers = tuple(paper(chance) for _ in range(chance.choice([0, 1, 1, 2, 5])))
    return Bundle(tuple(deleted), brought, papers)


def paper(chance: Random) -> Paper | Papers:
    if chance.random() < 0.15:
        return Papers(chance.choice(KINDS), *key_range(chance))
    body = None if chance.random() < 0.3 else chance.randbytes(chance.choice([0, 1, 20, 5000]))
    return Paper(chance.choice(KINDS), chance.choice(KEYS), body)


def key_range(chance: Random) -> tuple[str, str]:
    first, end = chance.sample(["", *KEYS, "\U0010ffff"], k=2)
    return (first, end) if chance.random() < 0.1 else (min(first, end), max(first, end))


def time_range(chance: Random, now_ms: int) -> tuple[int, int]:
    """Both ends are in it."""
    if chance.random() < 0.3:
        return ALL_TIME
    begin = time_ms(chance, now_ms)
    if chance.random() < 0.5:
        return begin, min(begin + chance.choice([0, 1, 5_000, 20_000, 90 * DAY_MS]), ALL_TIME.end_ms)
    end = time_ms(chance, now_ms)
    return min(begin, end), max(begin, end)


class ColumnNames:
    """Points.names of a batch."""

    def __init__(self, points: tuple[Point, ...]) -> None:
        self._points = points

    def name(self, row: int) -> SeriesName:
        return self._points[row].name


def columns(batch: Batch, table: SeriesTable) -> Points:
    """A batch as a room would bring it to the gate."""
    heap = bytearray()
    bits = []
    for point in batch.points:
        payload = point.value.payload
        if isinstance(payload, bytes):
            bits.append(len(heap) << HEAP_LENGTH_BITS | len(payload))
            heap += payload
        else:
            bits.append(payload)
    keys = {name: table.key_of(name) for name in {point.name for point in batch.points}}
    expires = np.array([point.expires for point in batch.points], dtype=np.int64)
    arrivals = np.array([point.arrival for point in batch.points], dtype=np.int64)
    return Points(
        np.array([keys[point.name] for point in batch.points], dtype=np.uint64).reshape(-1, 2),
        np.array([point.time for point in batch.points], dtype=np.int64),
        Values(
            np.array([point.value.kind for point in batch.points], dtype=np.uint8),
            np.array(bits, dtype=np.int64),
            bytes(heap),
        ),
        ColumnNames(batch.points),
        np.arange(len(batch.points), dtype=np.int64),
        expires if np.any(expires != NEVER) else None,
        arrivals=arrivals if np.any(arrivals != NO_ARRIVAL) else None,
    )
