"""Points as the inside of a JSON object or array: times and values woven into bytes, without the GIL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import boolean, i64_in, int64, kernel, u8, u8_in

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


@kernel(int64(int64, u8, int64))
def write_integer(number: int, out: NDArray[np.uint8], at: int) -> int:
    """The decimal digits of a 64-bit integer from out[at] on; returns where they end."""
    if number < 0:
        out[at] = MINUS
        at += 1
    # Towards -2^63 there is always room, towards 2^63 not.
    rest = -abs(number) if number != -(2**63) else number
    digits = 1
    above = rest
    while above <= -10:
        above = -(-above // 10) if above != -(2**63) else -922337203685477580
        digits += 1
    for place in range(at + digits - 1, at - 1, -1):
        tenth = -(-rest // 10) if rest != -(2**63) else -922337203685477580
        out[place] = ZERO + (tenth * 10 - rest)
        rest = tenth
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
) -> int:
    """`"time":value,...`, or with in_arrays `[time,value],...`, into `out` (POINT_BYTES_MAX a point); returns the
    length.

    times[n], kinds[n], bits[n]: integers and booleans are in `bits`.   doubles: a JSON array of the values of kind
    DOUBLE alone, in order, with null for NaN; each null is written as `nan`.
    """
    at = 0
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
