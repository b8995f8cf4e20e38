"""What is KairosDB's own in a plain telnet line (kernels.scanning.telnet_lines): its commands and their times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import Index, boolean, borrowing_kernel, int64, tuple_of, u8_in
from headrace.kernels.hashing import word_at
from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.kairosdb_datapoints import TIME_MS_MAX, read_time
from headrace.kernels.scanning.plain_text import as_word, first_bytes

LINE_BYTES_MIN = 14
"""`put m 1 1 k=v` and LF: a bound on rows."""

SECONDS_BELOW = 3_000_000_000
"""A time of `put` below this is seconds (KairosDB: PutCommand)."""

_PUT, _PUTM = as_word(b"put "), as_word(b"putm ")
_FOUR_BYTES, _FIVE_BYTES = first_bytes(4), first_bytes(5)


@borrowing_kernel(int64(u8_in, int64))
def after_command(data: NDArray[np.uint8], at: Index) -> Index:
    """Where the metric of the `put` or `putm` at data[at] begins; NOT_PLAIN for any other command."""
    word = word_at(data, at)
    if word & _FOUR_BYTES == _PUT:
        return at + 4
    return at + 5 if word & _FIVE_BYTES == _PUTM else NOT_PLAIN


@borrowing_kernel(tuple_of(int64, int64)(u8_in, int64, boolean))
def read_stamp(data: NDArray[np.uint8], at: Index, may_be_seconds: bool) -> tuple[Index, Index]:
    """(end, ms since 1970) of the time at data[at]; end is NOT_PLAIN when it is no legal one."""
    end, time = read_time(data, at)
    if may_be_seconds and time < SECONDS_BELOW:
        time *= 1000
    return (end, time) if time >= -TIME_MS_MAX else (NOT_PLAIN, 0)
