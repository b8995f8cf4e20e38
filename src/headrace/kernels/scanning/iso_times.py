"""Times in the one form of ISO 8601 that nearly every sender writes: 2018-01-27T00:00:00, maybe a fraction, then Z or
+hh:mm. What is not certain is handed over: NOT_PLAIN."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, i64, i64_in, int64, kernel, tuple_of, u8_in
from headrace.kernels.hashing import byte_at
from headrace.kernels.scanning.decimal import NOT_PLAIN

PADDING = 24
"""Zero bytes that must follow the last time."""

_DAY_MS, _HOUR_MS, _MINUTE_MS, _SECOND_MS = 86_400_000, 3_600_000, 60_000, 1_000
_NOT_DIGITS = 1_000_000
"""In place of a number, and above the greatest of each part."""

_FRACTION_DIGITS_MAX = 9
_POINT, _COLON, _DASH, _PLUS, _T, _Z = 46, 58, 45, 43, 84, 90


@borrowing_kernel(int64(u8_in, int64))
def two_digits(data: NDArray[np.uint8], at: Index) -> Index:
    """The number that the two bytes at data[at] spell, above any that may be where they do not."""
    tens, ones = np.int64(byte_at(data, at)) - 48, np.int64(byte_at(data, at + 1)) - 48
    if tens < 0 or tens > 9 or ones < 0 or ones > 9:
        return _NOT_DIGITS
    return tens * 10 + ones


@borrowing_kernel(int64(int64, int64, int64))
def day_number(year: Index, month: Index, day: Index) -> Index:
    """Days since 1970-01-01 of a date of the Gregorian calendar, its year from 1 on."""
    # A year that begins in March has its leap day at its end.
    shifted = year - (1 if month <= 2 else 0)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (9 if month <= 2 else -3)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@borrowing_kernel(int64(int64, int64))
def days_of_month(year: Index, month: Index) -> Index:
    """28 to 31."""
    if month == 2:
        return 29 if (year % 4 == 0 and year % 100 != 0) or year % 400 == 0 else 28
    return 30 if month in (4, 6, 9, 11) else 31


@borrowing_kernel(tuple_of(int64, int64, int64)(u8_in, int64))
def read_iso(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index, Index]:
    """(end, ms since 1970, minutes of offset) of the time at data[at]; end is NOT_PLAIN.

    What is finer than milliseconds is cut off. PADDING bytes must follow.
    """
    year = two_digits(data, at) * 100 + two_digits(data, at + 2)
    month, day = two_digits(data, at + 5), two_digits(data, at + 8)
    hour, minute, second = two_digits(data, at + 11), two_digits(data, at + 14), two_digits(data, at + 17)
    if year > 9999 or year < 1 or month > 12 or month < 1 or day > 31 or day < 1:
        return NOT_PLAIN, 0, 0
    if hour > 23 or minute > 59 or second > 59 or day > days_of_month(year, month):
        return NOT_PLAIN, 0, 0
    if byte_at(data, at + 4) != _DASH or byte_at(data, at + 7) != _DASH or byte_at(data, at + 10) != _T:
        return NOT_PLAIN, 0, 0
    if byte_at(data, at + 13) != _COLON or byte_at(data, at + 16) != _COLON:
        return NOT_PLAIN, 0, 0
    time = day_number(year, month, day) * _DAY_MS + hour * _HOUR_MS + minute * _MINUTE_MS + second * _SECOND_MS
    at += 19
    if byte_at(data, at) == _POINT:
        digits, scale = 0, 100
        while byte_at(data, at + 1) >= 48 and byte_at(data, at + 1) <= 57 and digits < _FRACTION_DIGITS_MAX:
            time += (np.int64(byte_at(data, at + 1)) - 48) * scale
            scale //= 10
            digits += 1
            at += 1
        if digits == 0:
            return NOT_PLAIN, 0, 0
        at += 1
    sign = byte_at(data, at)
    if sign == _Z:
        return at + 1, time, 0
    hours, minutes = two_digits(data, at + 1), two_digits(data, at + 4)
    if sign not in (_PLUS, _DASH) or hours > 23 or minutes > 59 or byte_at(data, at + 3) != _COLON:
        return NOT_PLAIN, 0, 0
    offset = hours * 60 + minutes
    if sign == _DASH:
        offset = -offset
    return at + 6, time - offset * _MINUTE_MS, offset


@kernel(int64(u8_in, i64_in, int64, i64, i64))
def read_iso_column(
    data: NDArray[np.uint8], ends: NDArray[np.int64], row: Index, times: NDArray[np.int64], offsets: NDArray[np.int64]
) -> Index:
    """Read the times from `row` on, text i being data[ends[i - 1] : ends[i]]; returns the row of the first that is not
    plain, len(ends) when there is none.

    PADDING bytes must follow the last. Written: times int64[n] ms since 1970, offsets int64[n] minutes.
    """
    at: Index = ends[row - 1] if row > 0 else 0
    while row < len(ends):
        end, times[row], offsets[row] = read_iso(data, at)
        if end != ends[row]:
            return row
        at = end
        row += 1
    return row
