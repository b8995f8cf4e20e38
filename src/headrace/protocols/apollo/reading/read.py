"""Reading: samples page by page, and the definition of a time series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from msgspec.structs import replace
from numpy.typing import NDArray

from headrace import limits
from headrace.model.points import Kind
from headrace.model.series import UNKNOWN
from headrace.model.spelling import key_column
from headrace.model.time import SECOND_MS, TimeRange
from headrace.protocols.apollo.access import Caller
from headrace.protocols.apollo.names import RAW
from headrace.protocols.apollo.reading.cursor import Cursor, Tokens
from headrace.protocols.apollo.reading.ordering import Held, Page, ahead, arrivals_of, page, span_of, value_of
from headrace.protocols.apollo.reading.question import Question
from headrace.protocols.apollo.registrations import Registrations
from headrace.protocols.apollo.times import offset_text, spelled
from headrace.query.pool import QueryPool, Reads
from headrace.store import Check, Columns, Snapshot
from headrace.transport.http.streaming import Answer, Reply, joined

_ORDERED_SAMPLE_BYTES: Final = 8 + 8 + 8 + 8
"""Of each sample beside its columns: ingestion, offset, series and row."""

_WIDENING: Final = 4
"""Where a stretch of time has too few samples for a page, the next one tried is this many times as long."""


@dataclass(frozen=True, slots=True)
class SampleQueries:
    """Answers questions for samples from snapshots of a store, on the threads of a pool."""

    store: Reads
    registrations: Registrations
    pool: QueryPool
    tokens: Tokens

    async def read(self, question: Question, caller: Caller, token: bytes | None, reply: Reply) -> None:
        """Answer with the samples, or the page of them that follows `token`. Raises Refused before the answer begins,
        Unavailable."""
        after = None if token is None else self.tokens.cursor(token, question.identity())
        answer = await self.pool.run(lambda check: self._answer(question, caller, after, check), reply.client_leaves)
        await reply.stream(answer, self.pool.next_of)

    def _answer(self, question: Question, caller: Caller, after: Cursor | None, check: Check) -> Answer:
        """On a thread of the pool."""
        self.registrations.check(question.device, caller)
        with self.store.snapshot(check) as snapshot:
            if after is not None and question.order.by_time:
                held, (rows, cursor), total = self._next_by_time(snapshot, question, after)
            else:
                held = self._held(snapshot, question, question.range)
                check()
                rows, cursor = page(held, question.order, after, question.most, check)
                total = len(held)
            token = None
            if cursor is not None:
                cursor = replace(cursor, total=total, span_ms=span_of(held, rows))
                token = self.tokens.token(cursor, question.identity())
            chunks = joined(_pieces(held, rows, total, token))
            snapshot.memory.keep_for(chunks)
        return next(chunks), chunks

    def _next_by_time(self, snapshot: Snapshot, question: Question, after: Cursor) -> tuple[Held, Page, int]:
        """The page that follows `after`, out of as short a stretch of time as has it: a long range is not read again
        for each of its pages."""
        span_ms = max(after.span_ms, SECOND_MS)
        while True:
            stretch = ahead(question.range, question.order, after.time_ms, span_ms if question.most else None)
            held = self._held(snapshot, question, stretch)
            found = page(held, question.order, after, question.most, snapshot.check)
            if found.cursor is not None or stretch == ahead(question.range, question.order, after.time_ms, None):
                return held, found, after.total
            span_ms *= _WIDENING

    def _held(self, snapshot: Snapshot, question: Question, range_: TimeRange) -> Held:
        """Raises Refused (rules "series-unknown", "query-points")."""
        keys, named = [], []
        for place, series_id in enumerate(question.series_ids):
            known = self.registrations.of_device(question.device, series_id)
            for rank, metric in enumerate(known.series.metrics):
                if question.metric in (None, metric):
                    keys.append(known.keys[metric])
                    named.append((series_id, metric, (place, rank)))
        ordinals = snapshot.with_keys(key_column(keys))
        written = ordinals[ordinals != UNKNOWN]
        columns = snapshot.select(written, range_.start_ms, range_.end_ms)
        snapshot.memory.hold(_ORDERED_SAMPLE_BYTES * len(columns))
        by_ordinal = dict(zip(ordinals.tolist(), named, strict=True))
        present = [by_ordinal[ordinal] for ordinal in columns.series.tolist()]
        ids, metrics, ranks = (list(column) for column in zip(*present, strict=True)) if present else ([], [], [])
        return Held(columns, ids, metrics, ranks, *arrivals_of(columns))


def definition(registrations: Registrations, device: str, series_id: str, caller: Caller, org_id: str) -> Any:
    """What a time series is. Raises Refused (rules "device-access", "series-unknown")."""
    registrations.check(device, caller)
    series = registrations.of_device(device, series_id).series
    others = [metric for metric in series.metrics if metric != RAW]
    return {
        "timeseriesId": series_id.lower(),
        "orgId": org_id,
        "timeseriesType": "None",
        "dag": [
            {"metric": metric, "processingType": "raw", "dataType": "double", "validateInputData": False}
            for metric in (RAW, *others)
        ],
        "status": "active",
    }


def _pieces(held: Held, rows: NDArray[np.int64], total: int, token: str | None) -> Iterator[bytes]:
    """The whole answer, piece by piece."""
    yield b'{"status":{"message":"","code":"200"},"data":['
    series = held.series_of_rows()
    for first in range(0, len(rows), limits.APOLLO_PIECE_SAMPLES):
        part = rows[first : first + limits.APOLLO_PIECE_SAMPLES]
        yield (b"," if first else b"") + _spelled(held, part, series[part].tolist())
    paging = orjson.dumps({"totalCount": total, "continuationToken": token})
    yield b'],"paging":%b}' % paging


_SAMPLE = (
    b'{"unixTimestamp":%d,"ingestUnixTimestamp":%d,"timestamp":"%b","timeOffset":"%b","val":%b,'
    b'"timeseriesId":"%b","metric":%b}'
)


def _spelled(held: Held, rows: NDArray[np.int64], series: list[int]) -> bytes:
    times, offsets = held.columns.times[rows], held.offsets[rows]
    names = [(held.ids[one].encode(), orjson.dumps(held.metrics[one])) for one in range(len(held.ids))]
    columns = zip(
        times.tolist(),
        held.ingested[rows].tolist(),
        spelled(times, offsets),
        offsets.tolist(),
        _values(held.columns, rows),
        series,
        strict=True,
    )
    return b",".join(
        _SAMPLE % (time, taken, text.encode(), offset_text(offset).encode(), value, *names[one])
        for time, taken, text, offset, value, one in columns
    )


def _values(columns: Columns, rows: NDArray[np.int64]) -> list[bytes]:
    """Each value as JSON."""
    kinds, bits = columns.values.kinds[rows], columns.values.bits[rows]
    if (kinds == Kind.INT64).all():
        return orjson.dumps(bits.tolist())[1:-1].split(b",")
    if (kinds == Kind.DOUBLE).all():
        return orjson.dumps(np.ascontiguousarray(bits).view(np.float64).tolist())[1:-1].split(b",")
    return [
        str(value_of(columns, row)).encode()
        if columns.values.kinds[row] == Kind.CUSTOM
        else orjson.dumps(value_of(columns, row))
        for row in rows.tolist()
    ]
