"""What is OpenTSDB's own in a plain telnet line (kernels.scanning.telnet_lines): its command and its time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, borrowing_kernel, int64, tuple_of, u8_in
from headrace.kernels.hashing import byte_at, word_at
from headrace.kernels.scanning.decimal import NOT_PLAIN, read_digits
from headrace.kernels.scanning.opentsdb_json import MILLISECONDS_MAX, SECONDS_MAX, SECONDS_MIN
from headrace.kernels.scanning.plain_text import as_word, first_bytes

LINE_BYTES_MIN = 20
"""`put m 4284768 1 k=v` and LF: a bound on rows."""

_POINT, _ZERO = 46, 48
_PUT = as_word(b"put ")
_FOUR_BYTES = first_bytes(4)

_STAMP_DIGITS_MAX = 13


@borrowing_kernel(int64(u8_in, int64))
def after_command(data: NDArray[np.uint8], at: Index) -> Index:
    """Where the metric of the `put` at data[at] begins; NOT_PLAIN for any other command."""
    return at + 4 if word_at(data, at) & _FOUR_BYTES == _PUT else NOT_PLAIN


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64))
def read_time(data: NDArray[np.uint8], at: Index) -> tuple[Index, Index]:
    """(end, ms since 1970) of the time at data[at]; end is NOT_PLAIN when it is no legal one."""
    stamp, end = read_digits(data, at, np.uint64(0))
    if byte_at(data, end) == _POINT:
        whole_end = end
        stamp, end = read_digits(data, whole_end + 1, stamp)
        if whole_end == at or end - whole_end != 4:
            return NOT_PLAIN, 0
    if byte_at(data, at) == _ZERO or end - at > _STAMP_DIGITS_MAX + 1:
        return NOT_PLAIN, 0
    time = np.int64(stamp)
    if time < SECONDS_MIN or time > MILLISECONDS_MAX:
        return NOT_PLAIN, 0
    return end, time * 1000 if time <= SECONDS_MAX else time
