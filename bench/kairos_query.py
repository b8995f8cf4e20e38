"""KairosDB questions over ten million raw points: how long from the question to the end of its answer.

The store is a real one, filled and sealed before anything is measured; what is measured is read, aggregated and worded,
without sockets, and the best of some rounds is shown. `python -m bench.kairos_query --points 1000000` is a quick look.
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

import numpy as np

from headrace.config import Settings
from headrace.gate import RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Kind, Points, Values
from headrace.model.series import SeriesName, series_name
from headrace.protocols.kairosdb.read_answer import Answered, pieces, shown
from headrace.protocols.kairosdb.read_wire import parse_query
from headrace.query import chained, groups
from headrace.store.embedded import EmbeddedStore, open_store

SERIES = 1000
BATCH_POINTS = 200_000
START_MS = 1_700_000_000_000
STEP_MS = 10_000
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
        store = open_store(Settings(data_dir=Path(folder)), Metrics())
        try:
            asyncio.run(fill(store, points))
            yield store
        finally:
            store.close()


def ask(store: EmbeddedStore, question: dict[str, object]) -> tuple[int, dict[str, float], str]:
    """(points read, seconds by step, digest of the answer)."""
    body = json.dumps({"start_absolute": START_MS - 5, "metrics": [{"name": "m", **question}]}).encode()
    [asked] = parse_query(body, START_MS)
    with store.snapshot() as snapshot:
        series = groups.find(snapshot, asked.query.selection)
        begin = time.perf_counter()
        snapshot.select(series, *asked.query.range)
        select_s = time.perf_counter() - begin
        begin = time.perf_counter()
        answer = chained.run(snapshot, asked.query, str)
        ran_s = time.perf_counter() - begin
        results = [shown(asked, result, snapshot.names(result.series)) for result in answer.results]
        whole = b"".join(pieces([Answered(answer.sample_size, results)]))
    seconds = {"all": time.perf_counter() - begin, "run": ran_s, "select alone": select_s}
    return answer.sample_size, seconds, f"{hashlib.blake2b(whole, digest_size=4).hexdigest()} {len(whole)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--settle", type=float, default=10, help="seconds for merging to come to rest")
    arguments = parser.parse_args()
    with filled(arguments.points) as store:
        time.sleep(arguments.settle)
        for name, question in QUESTIONS.items():
            rounds = [ask(store, question) for _ in range(arguments.rounds)]
            best = {step: min(seconds[step] for _, seconds, _ in rounds) for step in rounds[0][1]}
            shares = "  ".join(f"{step} {seconds:.3f} s" for step, seconds in best.items())
            print(f"{name:32} {rounds[0][0]:>9} points  {shares}  answer {rounds[0][2]}")


if __name__ == "__main__":
    main()
