"""The answer to a question as JSON bytes, in pieces: no piece holds the interpreter for more than about a
millisecond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from headrace.kernels.answering.datapoints import POINT_BYTES_MAX, weave
from headrace.limits import ANSWER_PIECE_VALUES
from headrace.model.points import Kind, Values
from headrace.model.query import Fill
from headrace.model.time import SECOND_MS
from headrace.query.aggregation.seconds import by_second
from headrace.query.functions import NONE

DOUBLE, TEXT = int(Kind.DOUBLE), int(Kind.TEXT)
"""As plain integers for what each result asks: a member of an enumeration is slow to look up."""

NAN_AS_TEXT = np.frombuffer(b'"NaN"', dtype=np.uint8)
NAN_AS_NULL = np.frombuffer(b"null", dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Element:
    """One group of the answer. head: its members before dps.   times: int64[n] ms.   values: n values.   fill: of its
    query.   aggregator: what makes one value of several within a second, where there may be one only.   in_ms: its
    times are told in ms whatever the question says."""

    head: dict[str, Any]
    times: NDArray[np.int64]
    values: Values
    fill: Fill
    aggregator: str = NONE
    in_ms: bool = False


def pieces(
    elements: Sequence[Element], in_ms: bool, in_arrays: bool, summary: dict[str, Any] | None
) -> Iterator[bytes]:
    """The whole answer, piece by piece.

    Without in_ms, in seconds: an object has one value for each, an array all points with their second, as OpenTSDB's
    documentation and its code have it. Raises Refused (rule "infinite"), before any piece is made.
    """
    shown = elements if in_ms or in_arrays else [_by_second(element) for element in elements]
    return _pieces(shown, in_ms, in_arrays, summary)


def _by_second(element: Element) -> Element:
    combined = None if element.in_ms else by_second(element.times, element.values, element.aggregator)
    return element if combined is None else replace(element, times=combined[0], values=combined[1])


def _pieces(
    elements: Sequence[Element], in_ms: bool, in_arrays: bool, summary: dict[str, Any] | None
) -> Iterator[bytes]:
    before = b"["
    for element in elements:
        opening, closing = (b"[", b"]}") if in_arrays else (b"{", b"}}")
        yield before + orjson.dumps(element.head)[:-1] + b',"dps":' + opening
        times, values = element.times, element.values
        unit_ms = 1 if in_ms or element.in_ms else SECOND_MS
        nan = NAN_AS_NULL if element.fill is Fill.NULL else NAN_AS_TEXT
        for first in range(0, len(times), ANSWER_PIECE_VALUES):
            rows = slice(first, first + ANSWER_PIECE_VALUES)
            separator = b"," if first else b""
            told = times[rows] if unit_ms == 1 else times[rows] // unit_ms
            yield separator + points(told, values.kinds[rows], values.bits[rows], values, first, in_arrays, nan)
        yield closing
        before = b","
    if summary is not None:
        yield before + orjson.dumps({"statsSummary": summary})
        before = b","
    yield b"[]" if before == b"[" else b"]"


def points(
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    values: Values,
    first: int,
    in_arrays: bool,
    nan: NDArray[np.uint8],
) -> bytes:
    """At least one point, as the inside of an object or, in_arrays, of an array of pairs. kinds, bits: of these points.
    values: the whole that they are of, of which the first has the row `first`."""
    highest = int(kinds.max())
    if highest >= TEXT:
        return _points_with_texts(times, values, first, in_arrays)
    bits = np.ascontiguousarray(bits)
    only_doubles = bits if highest == DOUBLE else bits[kinds == DOUBLE]
    doubles = orjson.dumps(only_doubles.view(np.float64), option=orjson.OPT_SERIALIZE_NUMPY)
    out = np.empty(len(times) * POINT_BYTES_MAX, dtype=np.uint8)
    length = weave(
        np.ascontiguousarray(times),
        np.ascontiguousarray(kinds),
        bits,
        np.frombuffer(doubles, dtype=np.uint8),
        in_arrays,
        nan,
        out,
    )
    return out[:length].tobytes()


def _points_with_texts(times: NDArray[np.int64], values: Values, first: int, in_arrays: bool) -> bytes:
    """A text of any length must be escaped one by one; a custom value is its JSON."""
    form = b"[%d,%b]" if in_arrays else b'"%d":%b'
    doubles = values.doubles()
    written = []
    for row, time in enumerate(times.tolist(), first):
        match int(values.kinds[row]):
            case Kind.TEXT:
                value = orjson.dumps(values.text(row))
            case Kind.CUSTOM:
                value = values.text(row).partition("\0")[2].encode()
            case Kind.BOOL:
                value = orjson.dumps(bool(values.bits[row]))
            case Kind.INT64:
                value = orjson.dumps(int(values.bits[row]))
            case _:
                value = orjson.dumps(float(doubles[row]))
        written.append(form % (time, value))
    return b",".join(written)
