"""A body to columns: the reference decoder of /api/v1/datapoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.model.json_pieces import pieces_of
from headrace.model.points import NEVER, Points
from headrace.model.spelling import Hashing, KeyCache, SpelledNames, Spelling, key_column
from headrace.model.time import SECOND_MS
from headrace.model.values import ValuesBuilder
from headrace.protocols.kairosdb.faults import Failure, Failures
from headrace.protocols.kairosdb.types.registry import Types
from headrace.protocols.kairosdb.writing.bodies import metrics_of
from headrace.protocols.kairosdb.writing.metric import MetricReader, plainly_wrong
from headrace.protocols.kairosdb.writing.wire import read_name


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as columns. points: what the gate may judge, a run of points a metric object, placed by its index."""

    points: Points
    failures: Failures


Decode = Callable[[bytes, int], Decoded]
"""From a body in valid UTF-8, and the moment of the write in ms since 1970, to columns. Refuses nothing as a whole.
Any thread."""


class ReferenceDecoder:
    """The decoder that decides what every body means (a Decode). Faster ones must equal it."""

    def __init__(self, table: Hashing, types: Types) -> None:
        self._cache = KeyCache(table, read_name)
        self._types = types

    def __call__(self, body: bytes, now_ms: int) -> Decoded:
        """The body as columns."""
        check_metrics(body)
        failures, values = Failures(), ValuesBuilder()
        times: list[NDArray[np.int64]] = []
        spellings: list[Spelling] = []
        places: list[int] = []
        ttls_s: list[int] = []
        for place, metric in metrics_of(body):
            if isinstance(metric, Failure):
                failures.add(metric)
                continue
            if failures.is_full and (rule := plainly_wrong(metric)):
                failures.count(rule, 1, 1)
                continue
            reader = MetricReader(place, metric, self._types, failures)
            if not reader.is_sound():
                continue
            read = reader.read(values)
            if len(read):
                times.append(read)
                spellings.append((bytes(metric.name), bytes(metric.tags)))
                places.append(place)
                ttls_s.append(reader.ttl_s)
        runs = np.array([len(run) for run in times], dtype=np.int64)
        points = Points(
            key_column(self._cache[spelling] for spelling in spellings),
            np.concatenate(times) if times else np.empty(0, dtype=np.int64),
            values.build(),
            SpelledNames(spellings, read_name),
            np.array(places, dtype=np.int64),
            expiries(np.array(ttls_s, dtype=np.int64), runs, now_ms),
            runs,
        )
        return Decoded(points, failures)


def check_metrics(body: bytes) -> None:
    """Raises Refused (rule "body-too-large") for more metric objects than anybody means."""
    array = body.lstrip()
    if len(array) > limits.JSON_PIECE_BYTES and array.startswith(b"["):
        pieces_of(array, limits.KAIROSDB_METRICS_MAX)


def expiries(ttls_s: NDArray[np.int64], runs: NDArray[np.int64], now_ms: int) -> NDArray[np.int64] | None:
    """When points written now expire (model.points.Points.expires).   ttls_s: of each run of points, 0 for none."""
    if not ttls_s.any():
        return None
    return np.repeat(np.where(ttls_s == 0, NEVER, now_ms + ttls_s * SECOND_MS), runs)
