"""`scripts/bench kairos-query`: questions over ten million raw points, from the question to the end of its answer.

The store is a real one, filled and sealed before anything is measured; what is measured is read, aggregated and worded,
without sockets. Best of some rounds, in wall time; CPU time, of all threads, is that of the best round.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from headrace.config import Settings
from headrace.gate import RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Kind, Points, Values
from headrace.model.series import SeriesName, series_name
from headrace.protocols.kairosdb.reading.answer import Answered, pieces, shown
from headrace.protocols.kairosdb.reading.wire import parse_query
from headrace.query import groups
from headrace.query.chain import engine as chained
from headrace.store.embedded.store import EmbeddedStore, open_store

SERIES = 1000
BATCH_POINTS = 200_000
START_MS = 1_700_000_000_000
STEP_MS = 10_000
QUERY_MEMORY_BYTES = 1 << 30
"""Twice the default, which is too little for ten million raw points in time order."""
RULES = RuleSet("bench", 1, None, 1, 64, 4096)

MINUTE = {"value": 1, "unit": "minutes"}
QUESTIONS: dict[str, dict[str, object]] = {
    "avg by minute, all series": {"aggregators": [{"name": "avg", "sampling": MINUTE}]},
    "avg by minute, by host": {
        "aggregators": [{"name": "avg", "sampling": MINUTE}],
        "group_by": [{"name": "tag", "tags": ["host"]}],
    },
    "p95 by hour, all series": {
        "aggregators": [{"name": "percentile", "percentile": 0.95, "sampling": {"value": 1, "unit": "hours"}}]
    },
    "max by day in Berlin": {
        "aggregators": [
            {"name": "max", "sampling": {"value": 1, "unit": "days"}, "time_zone": "Europe/Berlin"},
        ]
    },
    "last by minute, all series": {"aggregators": [{"name": "last", "sampling": MINUTE}]},
    "raw, all series in time order": {},
    "rate of one series": {"tags": {"series": "7"}, "aggregators": [{"name": "rate", "unit": "seconds"}]},
}


class Names:
    """Of the points of one batch: series after series."""

    def __init__(self, names: list[SeriesName], rows_each: int) -> None:
        self._names = names
        self._rows_each = rows_each

    def name(self, row: int) -> SeriesName:
        return self._names[row // self._rows_each]


async def fill(store: EmbeddedStore, points: int) -> None:
    """Gauges with two decimals, all series in step, in order of time."""
    rng = np.random.default_rng(1)
    names = [series_name("m", {"host": f"host{n % 100}", "series": str(n)}) for n in range(SERIES)]
    keys = np.array([store.table.key_of(name) for name in names], dtype=np.uint64)
    per_series = points // SERIES
    rows_each = max(BATCH_POINTS // SERIES, 1)
    for first in range(0, per_series, rows_each):
        count = min(rows_each, per_series - first)
        times = START_MS + (first + np.arange(count, dtype=np.int64)) * STEP_MS
        values = np.round(rng.normal(50, 5, count * SERIES), 2)
        batch = Points(
            np.repeat(keys, count, axis=0),
            np.tile(times, SERIES),
            Values(np.full(len(values), Kind.DOUBLE, dtype=np.uint8), values.view(np.int64)),
            Names(names, count),
            np.arange(len(values)),
        )
        await store.append(admit(batch, RULES, store.table).admitted)


@contextmanager
def filled(points: int) -> Iterator[EmbeddedStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Settings(data_dir=Path(folder), query_memory_bytes=QUERY_MEMORY_BYTES), Metrics())
        try:
            asyncio.run(fill(store, points))
            yield store
        finally:
            store.close()


class Taken(NamedTuple):
    """What one question took, s."""

    wall_s: float
    cpu_s: float
    select_s: float
    """Reading the points alone, once more."""


class Answer(NamedTuple):
    """points: read for it."""

    points: int
    bytes: int
    digest: str


def ask(store: EmbeddedStore, question: dict[str, object]) -> tuple[Taken, Answer]:
    """Nobody makes it faster by changing the answer: its digest is shown."""
    body = json.dumps({"start_absolute": START_MS - 5, "metrics": [{"name": "m", **question}]}).encode()
    [asked] = parse_query(body, START_MS)
    digest, length = hashlib.blake2b(digest_size=4), 0
    with store.snapshot() as snapshot:
        series = groups.find(snapshot, asked.query.selection)
        begin = time.perf_counter()
        snapshot.select(series, *asked.query.range)
        select_s = time.perf_counter() - begin
        begin, cpu = time.perf_counter(), time.process_time()
        answer = chained.run(snapshot, asked.query, str)
        results = [shown(asked, result, snapshot.names(result.series)) for result in answer.results]
        for piece in pieces([Answered(answer.sample_size, results)]):
            digest.update(piece)
            length += len(piece)
    taken = Taken(time.perf_counter() - begin, time.process_time() - cpu, select_s)
    return taken, Answer(answer.sample_size, length, digest.hexdigest())


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--points", type=int, default=10_000_000, help="(default %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the best counts (default %(default)s)")
    parser.add_argument("--settle", type=float, default=10, help="seconds for merging to come to rest")
    parser.add_argument("--quick", action="store_true", help="100,000 points once: does everything still work?")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure all questions and print the table."""
    points, rounds, settle_s = arguments.points, arguments.rounds, arguments.settle
    if arguments.quick:
        points, rounds, settle_s = 100_000, 1, 0
    with filled(points) as store:
        time.sleep(settle_s)
        print("| question | points read | wall s | CPU s | of it reading alone, wall s | answer MB | digest |")
        print("|---|---:|---:|---:|---:|---:|---|")
        for name, question in QUESTIONS.items():
            asked = [ask(store, question) for _ in range(rounds)]
            taken, answer = min(asked)
            print(
                f"| {name} | {answer.points:,} | {taken.wall_s:.3f} | {taken.cpu_s:.3f} | {taken.select_s:.3f} "
                f"| {answer.bytes / 1e6:.2f} | {answer.digest} |",
                flush=True,
            )
    return 0
