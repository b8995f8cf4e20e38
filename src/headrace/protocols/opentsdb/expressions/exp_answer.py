"""The answer of /api/query/exp as JSON bytes, in pieces: no piece holds the interpreter for more than some
milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from headrace.limits import ANSWER_PIECE_VALUES
from headrace.protocols.opentsdb.expressions.table import Table

_TIME_AS_DOUBLE = re.compile(rb"\[(-?[0-9]+)\.0")
_NULL = re.compile(rb"null")


def pieces(outputs: Sequence[tuple[str, str | None, Table]], echo: dict[str, Any]) -> Iterator[bytes]:
    """The whole answer. outputs: each with its id and alias.   echo: the request."""
    before = b'{"outputs":['
    for name, alias, table in outputs:
        head = {"id": name} if alias is None else {"id": name, "alias": alias}
        yield before + orjson.dumps(head)[:-1] + b',"dps":['
        yield from _rows(table)
        yield from _tail(table)
        before = b","
    if not outputs:
        yield before
    yield b'],"query":' + orjson.dumps(echo) + b"}"


def _tail(table: Table) -> Iterator[bytes]:
    """From the end of the values to that of the output; without a series there is no `meta`, as in OpenTSDB. The names
    of all metrics stand in it once for each series, so that it may be far longer than all else."""
    times = table.times
    meta = {
        "firstTimestamp": int(times[0]) if len(times) else 0,
        "lastTimestamp": int(times[-1]) if len(times) else 0,
        "setCount": len(times),
        "series": len(table.rows),
    }
    yield b'],"dpsMeta":' + orjson.dumps(meta)
    if table.rows:
        yield b',"meta":[{"index":0,"metrics":["timestamp"]}'
        metrics = orjson.Fragment(orjson.dumps(sorted(frozenset().union(*(series.metrics for series in table.rows)))))
        for index, series in enumerate(table.rows, 1):
            described = {
                "index": index,
                "metrics": metrics,
                "commonTags": dict(series.tags),
                "aggregatedTags": sorted(series.aggregated),
            }
            yield b"," + orjson.dumps(described)
        yield b"]"
    yield b"}"


def _rows(table: Table) -> Iterator[bytes]:
    """`[time,value,...],...`."""
    width = len(table.rows) + 1
    at_once = max(ANSWER_PIECE_VALUES // width, 1)
    for first in range(0, len(table.times), at_once):
        last = min(first + at_once, len(table.times))
        block = np.empty((last - first, width))
        block[:, 0] = table.times[first:last]
        block[:, 1:] = table.values[:, first:last].T
        yield (b"," if first else b"") + _written(block)


def _written(block: NDArray[np.float64]) -> bytes:
    """The rows of a block whose first column are times, which as doubles are exact."""
    text: bytes = orjson.dumps(block, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
    text = _TIME_AS_DOUBLE.sub(rb"[\1", text)
    strange = block[~np.isfinite(block)]
    if not len(strange):
        return text
    if np.isnan(strange).all():
        return text.replace(b"null", b'"NaN"')
    words = iter(strange.tolist())
    return _NULL.sub(lambda _: _word(next(words)), text)


def _word(value: float) -> bytes:
    """As Jackson writes what JSON has no number for."""
    if np.isnan(value):
        return b'"NaN"'
    return b'"Infinity"' if value > 0 else b'"-Infinity"'
