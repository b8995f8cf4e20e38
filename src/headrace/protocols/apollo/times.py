"""ISO 8601 in and out: ms since 1970 with the UTC offset beside them."""

from __future__ import annotations

import functools
import re
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.model.time import MINUTE_MS, SECOND_MS

_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?"
    r"(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?)?",
    re.ASCII,
)
_BLANK_FOR_PLUS = re.compile(r" (?=\d{2}(?::?\d{2})?$)", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)


class Moment(NamedTuple):
    """An instant and the offset it was written with, minutes east of Greenwich."""

    time_ms: int
    offset_minutes: int


def read_moment(text: str) -> Moment:
    """The moment that an ISO 8601 text means. Month, day and hour may have one digit (the pages' own examples do); what
    is finer than milliseconds is cut off; without an offset it is UTC, without a time of day midnight.

    Raises ValueError.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("no ISO 8601 date and time")
    year, month, day, hour, minute, second, fraction, _, sign, hours, minutes = found.groups()
    local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    time_ms = (local - _EPOCH) // _MILLISECOND + int(f"{fraction or '':0<3}"[:3])
    offset = int(hours or 0) * 60 + int(minutes or 0)
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        raise ValueError("offset must be within 23:59")
    offset = -offset if sign == "-" else offset
    return Moment(time_ms - offset * MINUTE_MS, offset)


def read_asked(text: str) -> Moment:
    """As `read_moment`, for a parameter of a URL, where an unescaped + of the offset has become a blank."""
    try:
        return read_moment(text)
    except ValueError:
        return read_moment(_BLANK_FOR_PLUS.sub("+", text))


@functools.cache
def offset_text(minutes: int) -> str:
    """`+05:30`; `+00:00` for UTC."""
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def spelled(times_ms: NDArray[np.int64], offsets_minutes: NDArray[np.int64]) -> list[str]:
    """ISO 8601 of each time (ms since 1970) with its offset; milliseconds only where there are any."""
    local = times_ms + offsets_minutes * MINUTE_MS
    moments = local.astype("datetime64[ms]")
    texts = np.datetime_as_string(moments, unit="s").astype(object)
    fine = np.flatnonzero(local % SECOND_MS)
    if len(fine):
        texts[fine] = np.datetime_as_string(moments[fine], unit="ms")
    offsets, places = np.unique(offsets_minutes, return_inverse=True)
    suffixes = np.array([offset_text(minutes) for minutes in offsets.tolist()], dtype=object)
    spelled_out: list[str] = (texts + suffixes[places]).tolist()
    return spelled_out
