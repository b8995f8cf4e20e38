"""Points as the inside of a JSON object or array: times and values woven into bytes, without the GIL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, i64_in, int64, kernel, u8, u8_in

DOUBLE = 0
INT64 = 1
"""Kinds of values (model.points.Kind); every other one is a boolean here."""

POINT_BYTES_MAX = 64
"""A time of 20 characters, a value of at most 25, and five of punctuation, rounded up."""

COMMA = ord(",")
QUOTE = ord('"')
COLON = ord(":")
OPEN = ord("[")
CLOSE = ord("]")
MINUS = ord("-")
ZERO = ord("0")
N = ord("n")

_ONE, _TEN, _HUNDRED, _THOUSAND = (np.uint64(10**power) for power in range(4))
_DIGIT_ZERO = np.uint64(ZERO)


@borrowing_kernel(int64(int64, u8, int64))
def write_integer(number: Index, out: NDArray[np.uint8], at: Index) -> Index:
    """The decimal digits of a 64-bit integer from out[at] on; returns where they end."""
    rest = np.uint64(max(number, 0))
    if number < 0:
        out[at] = MINUS
        at += 1
        rest = np.uint64(-(number + 1)) + _ONE  # -(-2^63) would be too large
    digits: Index = 1
    above = rest
    while above >= _THOUSAND:
        above //= _THOUSAND
        digits += 3
    if above >= _TEN:
        digits += 2 if above >= _HUNDRED else 1
    place = at + digits - 1
    while rest >= _TEN:
        tenth = rest // _TEN
        out[place] = _DIGIT_ZERO + (rest - tenth * _TEN)
        rest = tenth
        place -= 1
    out[place] = _DIGIT_ZERO + rest
    return at + digits


@kernel(int64(i64_in, u8_in, i64_in, u8_in, boolean, u8_in, u8))
def weave(
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    doubles: NDArray[np.uint8],
    in_arrays: bool,
    nan: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> Index:
    """`"time":value,...`, or with in_arrays `[time,value],...`, into `out` (POINT_BYTES_MAX a point); returns the
    length.

    times[n], kinds[n], bits[n]: integers and booleans are in `bits`.   doubles: a JSON array of the values of kind
    DOUBLE alone, in order, with null for NaN; each null is written as `nan`.
    """
    at: Index = 0
    source = 1
    for row in range(len(times)):
        if row > 0:
            out[at] = COMMA
            at += 1
        out[at] = OPEN if in_arrays else QUOTE
        at = write_integer(times[row], out, at + 1)
        if not in_arrays:
            out[at] = QUOTE
            at += 1
        out[at] = COMMA if in_arrays else COLON
        at += 1
        if kinds[row] == INT64:
            at = write_integer(bits[row], out, at)
        elif kinds[row] != DOUBLE:
            for letter in b"true" if bits[row] else b"false":
                out[at] = letter
                at += 1
        else:
            if doubles[source] == N:
                for letter in nan:
                    out[at] = letter
                    at += 1
                source += 4
            while doubles[source] != COMMA and doubles[source] != CLOSE:
                out[at] = doubles[source]
                at += 1
                source += 1
            source += 1
        if in_arrays:
            out[at] = CLOSE
            at += 1
    return at
