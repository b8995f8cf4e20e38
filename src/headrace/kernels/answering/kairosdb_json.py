"""Points as KairosDB writes them: [time,value],... with doubles spelled as Java spells them, without the GIL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64_in, int64, kernel, u8, u8_in
from headrace.kernels.answering.datapoints import write_integer

DOUBLE = 0
INT64 = 1
"""Kinds of values (model.points.Kind); every other one is a gap here."""

POINT_BYTES_MAX = 64
"""A time of 20 characters, a value of at most 26, and four of punctuation, rounded up."""

_ZERO, _POINT, _MINUS, _COMMA, _OPEN, _CLOSE = (ord(sign) for sign in "0.-,[]")
_LITTLE_E, _BIG_E = ord("e"), ord("E")

_PLAIN_POWER_MIN, _PLAIN_POWER_MAX = -3, 6
"""Powers of ten of the first digit between which Java writes no exponent: 0.001 to 9999999 (Java: Double.toString)."""


@borrowing_kernel(int64(u8_in, int64, int64, u8, u8, int64))
def write_double(
    text: NDArray[np.uint8],
    start: int,
    end: int,
    digits: NDArray[np.uint8],
    out: NDArray[np.uint8],
    at: Index,
) -> Index:
    """Spell the JSON number text[start:end], the shortest of its double, as KairosDB does, from out[at] on; returns
    where it ends. digits: scratch of end - start bytes.

    5.0 is 5, 1e10 is 1.0E10, 5e-5 is 5.0E-5 (Java: Double.toString; JSONObject.numberToString cuts zeros).
    """
    if text[start] == _MINUS:
        out[at] = _MINUS
        at += 1
        start += 1
    count = 0
    power: Index = -1
    exponent: Index = 0
    after_point = False
    place = start
    while place < end and text[place] != _LITTLE_E and text[place] != _BIG_E:
        if text[place] == _POINT:
            after_point = True
        elif count > 0 or text[place] != _ZERO:
            digits[count] = text[place]
            count += 1
            power += not after_point
        elif after_point:
            power -= 1
        place += 1
    if place < end:
        place += 1
        negative = text[place] == _MINUS
        for figure in range(place, end):
            if text[figure] >= _ZERO:
                exponent = exponent * 10 + (np.int64(text[figure]) - _ZERO)
        power += -exponent if negative else exponent
    while count > 0 and digits[count - 1] == _ZERO:
        count -= 1
    if count == 0:
        out[at] = _ZERO
        return at + 1
    plain = _PLAIN_POWER_MIN <= power <= _PLAIN_POWER_MAX
    before_point = power + 1 if plain else 1
    if plain and power < 0:
        out[at] = _ZERO
        out[at + 1] = _POINT
        at += 2
        for _ in range(-power - 1):
            out[at] = _ZERO
            at += 1
    for figure in range(max(count, before_point)):
        if figure == before_point and before_point > 0:
            out[at] = _POINT
            at += 1
        out[at] = digits[figure] if figure < count else _ZERO
        at += 1
    if plain:
        return at
    if count == 1:
        out[at] = _POINT
        out[at + 1] = _ZERO
        at += 2
    out[at] = _BIG_E
    return write_integer(power, out, at + 1)


@kernel(int64(i64_in, u8_in, i64_in, u8_in, u8))
def weave_pairs(
    times: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    bits: NDArray[np.int64],
    doubles: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> Index:
    """`[time,value],...` into `out` (POINT_BYTES_MAX a point); returns the length.

    times[n], kinds[n], bits[n]: integers are in `bits`.   doubles: a JSON array of the finite values of kind DOUBLE
    alone, in order.
    """
    at: Index = 0
    source = 1
    digits = np.empty(POINT_BYTES_MAX, dtype=np.uint8)
    for row in range(len(times)):
        if row > 0:
            out[at] = _COMMA
            at += 1
        out[at] = _OPEN
        at = write_integer(times[row], out, at + 1)
        out[at] = _COMMA
        at += 1
        if kinds[row] == INT64:
            at = write_integer(bits[row], out, at)
        elif kinds[row] == DOUBLE:
            end = source
            while doubles[end] != _COMMA and doubles[end] != _CLOSE:
                end += 1
            at = write_double(doubles, source, end, digits, out, at)
            source = end + 1
        else:
            for letter in b"null":
                out[at] = letter
                at += 1
        out[at] = _CLOSE
        at += 1
    return at
