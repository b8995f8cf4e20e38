"""Decimal text to int64 or to the nearest double, exactly, or not at all.

Three ways to a double of w x 10^q, for at most 19 digits w: nothing to round, when w and the power are doubles and one
operation rounds once (Clinger, "How to Read Floating Point Numbers Accurately", 1990); a 128-bit product with a power
of five (Lemire, "Number Parsing at a Gigabyte per Second", 2021; that it needs no fallback: Mushtak and Lemire, "Fast
Number Parsing Without Fallback", 2022); more digits than 19 are not read here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, int64, tuple_of, u8_in, uint64
from headrace.kernels.bits import high_product, leading_zeros
from headrace.kernels.hashing import byte_at, word_at

INTEGER = 1
DOUBLE = 0
"""Kinds of a number as read_number says them; they are model.points.Kind's."""

NOT_PLAIN = -1
"""In place of the end of what was read: it is not plain enough to be certain."""

SIGNIFICANT_DIGITS_MAX = 19
"""10^19 - 1 is the greatest number of nines that a uint64 holds."""

EXPONENT_DIGITS_MAX = 4
"""Of an exponent as written; beyond 10^9999 all is 0 or infinite, and rare enough for the reference decoder."""

LEAST_POWER, GREATEST_POWER = -342, 308
"""w x 10^q with 1 <= w < 10^19 is 0 below and infinite above these q."""

EXACT_MANTISSA_MAX = np.uint64(1 << 53)
EXACT_POWER_MAX = 22
"""10^22 is the greatest power of ten that is a double."""

INFINITE = np.uint64(0x7FF << 52)
SIGN = np.uint64(1 << 63)
INT64_MAX = np.uint64(2**63 - 1)

_FRACTION_BITS = 52
_EXPONENT_BIAS = 1023
_TIE_LEAST_POWER, _TIE_GREATEST_POWER = -4, 23
"""Only for these q can w x 10^q lie exactly between two doubles (Lemire 2021, section 8)."""

_ONE, _TWO, _THREE, _NINE = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(9)
_TEN = np.uint64(10)
_PRECISION_MASK = np.uint64(0x1FF)
"""Bits of the product's high word below the 55 that decide; all ones: the low half may carry into them."""

_HIDDEN_BIT = np.uint64(1 << _FRACTION_BITS)
_ASCII_ZEROS = np.uint64(0x3030303030303030)
_HIGH_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES, _THREES = np.uint64(0x0606060606060606), np.uint64(0x3333333333333333)


def _powers_of_five() -> NDArray[np.uint64]:
    """uint64[2 x 651]: for each q from LEAST_POWER the 128 leading bits of 5^q, high word first; above it for q < 0."""
    words = []
    for power in range(LEAST_POWER, GREATEST_POWER + 1):
        five = 5 ** abs(power)
        length = five.bit_length()
        leading = five << 128 >> length if power >= 0 else (1 << (length + 127)) // five + 1
        assert leading.bit_length() == 128, "normalized"
        words += [leading >> 64, leading & (2**64 - 1)]
    return np.array(words, dtype=np.uint64)


_FIVES = _powers_of_five()
_TENS = np.array([10.0**power for power in range(EXACT_POWER_MAX + 1)])


@borrowing_kernel(uint64(uint64, int64))
def nearest_double(mantissa: np.uint64, power: Index) -> np.uint64:
    """The IEEE bits (uint64) of the double nearest to mantissa x 10^power, ties to even; INFINITE when there is none.

    mantissa: uint64 of at most 19 decimal digits, exact.
    """
    if mantissa == 0 or power < LEAST_POWER:
        return np.uint64(0)
    if power > GREATEST_POWER:
        return INFINITE
    zeros = leading_zeros(mantissa)
    normal = mantissa << zeros
    at = 2 * (power - LEAST_POWER)
    low = normal * _FIVES[at]
    high = high_product(normal, _FIVES[at])
    if high & _PRECISION_MASK == _PRECISION_MASK:
        carry = high_product(normal, _FIVES[at + 1])
        low += carry
        if low < carry:
            high += _ONE
    upper = high >> np.uint64(63)
    kept = upper + np.uint64(64 - _FRACTION_BITS - 3)
    rounded = high >> kept
    # 217706 / 2^16 approximates log2(10) well enough for every q in range.
    exponent = ((217706 * power) >> 16) + 63 + np.int64(upper) - np.int64(zeros) + _EXPONENT_BIAS
    if exponent <= 0:
        if exponent <= -63:
            return np.uint64(0)
        rounded >>= np.uint64(1 - exponent)
        rounded += rounded & _ONE
        # A carry into the hidden bit makes it the least normal number, whose bits are these very ones.
        return rounded >> _ONE
    is_tie = low <= _ONE and _TIE_LEAST_POWER <= power <= _TIE_GREATEST_POWER and rounded & _THREE == _ONE
    if is_tie and rounded << kept == high:
        rounded -= _ONE
    rounded = (rounded + (rounded & _ONE)) >> _ONE
    if rounded >= _HIDDEN_BIT << _ONE:
        rounded = _HIDDEN_BIT
        exponent += 1
    if exponent >= 0x7FF:
        return INFINITE
    return (rounded & (_HIDDEN_BIT - _ONE)) | np.uint64(exponent) << np.uint64(_FRACTION_BITS)


@borrowing_kernel(uint64(uint64, int64))
def exact_double(mantissa: np.uint64, power: Index) -> np.uint64:
    """As nearest_double, by one multiplication or division where that is exact."""
    if mantissa > EXACT_MANTISSA_MAX or not -EXACT_POWER_MAX <= power <= EXACT_POWER_MAX:
        return nearest_double(mantissa, power)
    exact = np.float64(mantissa)
    exact = exact / _TENS[-power] if power < 0 else exact * _TENS[power]
    return np.uint64(np.float64(exact).view(np.int64))


@borrowing_kernel(boolean(uint64))
def are_eight_digits(word: np.uint64) -> bool:
    """Whether 8 bytes, read little end first, are all ASCII digits."""
    threes = (word & _HIGH_NIBBLES) | (((word + _SIXES) & _HIGH_NIBBLES) >> np.uint64(4))
    return bool(threes == _THREES)


@borrowing_kernel(uint64(uint64))
def eight_digits(word: np.uint64) -> np.uint64:
    """The number that 8 ASCII digits, read little end first, spell: pairs, then fours, then all eight."""
    word -= _ASCII_ZEROS
    word = word * _TEN + (word >> np.uint64(8))
    return (
        (word & np.uint64(0x000000FF000000FF)) * np.uint64(0x000F424000000064)
        + ((word >> np.uint64(16)) & np.uint64(0x000000FF000000FF)) * np.uint64(0x0000271000000001)
    ) >> np.uint64(32)


@borrowing_kernel(tuple_of(uint64, int64)(u8_in, int64, uint64))
def read_digits(data: NDArray[np.uint8], at: Index, number: np.uint64) -> tuple[np.uint64, Index]:
    """(number continued by the digits from `at`, end). It wraps beyond 19 digits: the caller counts.

    8 bytes must be readable from the end of the digits on.
    """
    word = word_at(data, at)
    while are_eight_digits(word):
        number = number * np.uint64(100_000_000) + eight_digits(word)
        at += 8
        word = word_at(data, at)
    digit = np.uint64(byte_at(data, at)) - np.uint64(48)
    while digit <= _NINE:
        number = number * _TEN + digit
        at += 1
        digit = np.uint64(byte_at(data, at)) - np.uint64(48)
    return number, at


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64))
def read_exponent(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, exponent) of the sign and digits at data[at]; end is NOT_PLAIN without digits or with too many."""
    negative = byte_at(data, at) == 45
    if negative or byte_at(data, at) == 43:
        at += 1
    digits, end = read_digits(data, at, np.uint64(0))
    if end == at or end - at > EXPONENT_DIGITS_MAX:
        return NOT_PLAIN, 0
    exponent = np.int64(digits)
    return end, -exponent if negative else exponent


@borrowing_kernel(tuple_of(int64, int64, int64)(u8_in, int64))
def read_number(data: NDArray[np.uint8], at: Index) -> tuple[Index, int, Index]:
    """(end, kind, bits) of the JSON number that begins at data[at]; end is NOT_PLAIN if it is none or not certain.

    Without `.`, `e` and `E` it is INTEGER, and bits is the number; else it is DOUBLE, and bits are those of the
    nearest. Not certain: integers beyond int64, more than 19 significant digits, infinite doubles. What follows the
    number is for the caller to check; 8 bytes must be readable from its end on.
    """
    negative = byte_at(data, at) == 45
    start = at + 1 if negative else at
    mantissa, end = read_digits(data, start, np.uint64(0))
    digits = end - start
    if digits == 0 or (byte_at(data, start) == 48 and digits > 1):
        return NOT_PLAIN, 0, 0
    next_byte = byte_at(data, end)
    if next_byte != 46 and next_byte | 32 != 101:
        if digits > SIGNIFICANT_DIGITS_MAX or mantissa > INT64_MAX + np.uint64(negative):
            return NOT_PLAIN, 0, 0
        bits = np.int64(mantissa)
        return end, INTEGER, -bits if negative else bits
    if digits == 1 and mantissa == 0:
        digits = 0
    power: Index = 0
    if next_byte == 46:
        point = end + 1
        if digits == 0:
            while byte_at(data, point - power) == 48:
                power -= 1
        mantissa, end = read_digits(data, point - power, mantissa)
        if end == point:
            return NOT_PLAIN, 0, 0
        digits += end - (point - power)
        power = point - end
        next_byte = byte_at(data, end)
    if digits > SIGNIFICANT_DIGITS_MAX:
        return NOT_PLAIN, 0, 0
    if next_byte | 32 == 101:
        end, exponent = read_exponent(data, end + 1)
        if end < 0:
            return NOT_PLAIN, 0, 0
        power += exponent
    double = exact_double(mantissa, power)
    if double == INFINITE:
        return NOT_PLAIN, 0, 0
    return end, DOUBLE, np.int64(double | SIGN if negative else double)
