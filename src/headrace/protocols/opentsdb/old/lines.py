"""Points as lines of text, `metric seconds value tag=value ...`: what check_tsd and shell scripts cut apart at
blanks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from headrace.limits import ANSWER_PIECE_VALUES
from headrace.model.points import Values
from headrace.protocols.opentsdb.reading.answer import DOUBLE, NAN_AS_TEXT, TEXT, Element, points
from headrace.protocols.opentsdb.reading.last import value_of

_BLANKS: Final = re.compile(r"\s")
_WITHOUT_POINT: Final = re.compile(rb",(-?[0-9]+)e")


def lines(elements: Sequence[Element]) -> Iterator[bytes]:
    """All points, element by element, in pieces. Times are whole seconds, also of several points within one (OpenTSDB:
    GraphHandler.respondAsciiQuery). A NaN is a missing value and has no line; a text is written as JSON. Blanks in the
    names of other dialects become "_", so that a line has its words."""
    for element in elements:
        before = f"{_word(element.head['metric'])} ".encode()
        tags = element.head["tags"].items()
        after = "".join(f" {_word(key)}={_word(value)}" for key, value in tags).encode() + b"\n"
        for first in range(0, len(element.times), ANSWER_PIECE_VALUES):
            rows = slice(first, first + ANSWER_PIECE_VALUES)
            seconds = element.times[rows] // 1000
            if element.values.kinds[rows].max() >= TEXT:
                yield _with_texts(before, seconds, element.values, first, after)
            else:
                yield _numbers(before, seconds, element.values, rows, after)


def _numbers(before: bytes, seconds: NDArray[np.int64], values: Values, rows: slice, after: bytes) -> bytes:
    """One line of text for each number: JSON pairs with the joints between them changed."""
    kinds, bits = values.kinds[rows], np.ascontiguousarray(values.bits[rows])
    there = (kinds != DOUBLE) | ~np.isnan(bits.view(np.float64))
    if not there.any():
        return b""
    pairs = points(seconds[there], kinds[there], bits[there], values, 0, True, NAN_AS_TEXT)
    # check_tsd takes a value without a point for an integer: 1e16 is 1.0e16, as Java writes it.
    pairs = _WITHOUT_POINT.sub(rb",\1.0e", pairs)
    joined = pairs[1:-1].replace(b"],[", b"\n").replace(b",", b" ").replace(b"\n", after + before)
    return before + joined + after


def _with_texts(before: bytes, seconds: NDArray[np.int64], values: Values, first: int, after: bytes) -> bytes:
    rows = ((time, value_of(values, row)) for row, time in enumerate(seconds.tolist(), first))
    return b"".join(b"%b%d %b%b" % (before, time, orjson.dumps(value), after) for time, value in rows)


def _word(name: str) -> str:
    return _BLANKS.sub("_", name)
