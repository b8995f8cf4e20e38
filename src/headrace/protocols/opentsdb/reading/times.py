"""The times, durations and zones of a question, in OpenTSDB's spellings (OpenTSDB: DateTime)."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headrace.errors import Refused
from headrace.model.time import duration_ms
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.times import MILLISECONDS_MAX, SECONDS_MAX

UNITS = {
    "ms": "ms",
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "n": "month",
    "y": "year",
}
"""OpenTSDB's suffixes -> model.time.UNIT_MS."""

UTC = ZoneInfo("UTC")

_DURATION = re.compile(r"([0-9]+)([a-z]+)", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"([0-9]{1,13})(ms)?", re.ASCII)
_DOTTED = re.compile(r"([0-9]{10})\.([0-9]{3})", re.ASCII)
_DATES = {10: ("%Y/%m/%d",), 16: ("%Y/%m/%d-%H:%M", "%Y/%m/%d %H:%M"), 19: ("%Y/%m/%d-%H:%M:%S", "%Y/%m/%d %H:%M:%S")}
"""Length of the text -> what it may look like."""


def zone(name: str) -> ZoneInfo:
    """The zone of a name like Europe/Berlin; UTC for "". Raises Refused (rule "timezone")."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused("timezone", f"Invalid timezone name: {shown(name)}") from error


def duration(text: str) -> tuple[int, str]:
    """(count, unit of model.time.UNIT_MS) of a text like 10m. Raises Refused (rule "duration")."""
    found = _DURATION.fullmatch(text)
    if found is None:
        words = "Invalid duration, must have an integer and unit" if text[:1].isdigit() else "Invalid duration (number)"
        raise Refused("duration", f"{words}: {shown(text)}")
    suffix = found[2].lower()
    if suffix not in UNITS:
        raise Refused("duration", f"Invalid duration (suffix): {shown(text)}")
    if len(found[1]) > 18:
        raise Refused("duration", f"Duration must be < Long.MAX_VALUE ms: {shown(text)}")
    if int(found[1]) == 0:
        raise Refused("duration", f"Zero or negative duration: {text}")
    return int(found[1]), UNITS[suffix]


def time_ms(text: str, now_ms: int, local: ZoneInfo) -> int:
    """A start or end as ms since 1970 UTC: a number, `1h-ago`, `now`, or a date in the zone `local`; never below 0.

    Raises Refused, rules "time", "date" and "duration".
    """
    lowered = text.lower()
    if lowered == "now":
        return now_ms
    if lowered.endswith("-ago"):
        return max(now_ms - duration_ms(*duration(text[: -len("-ago")])), 0)
    if "/" in text or ":" in text:
        return _date_ms(text, local)
    if dotted := _DOTTED.fullmatch(text):
        return int(dotted[1] + dotted[2])
    if number := _NUMBER.fullmatch(text):
        value = int(number[1])
        in_seconds = value <= SECONDS_MAX and len(number[1]) <= 10 and not number[2]
        return min(value * 1000 if in_seconds else value, MILLISECONDS_MAX)
    if "." in text:
        limited = (
            "Millisecond timestamps must be in the format <seconds>.<ms> where the milliseconds are limited to 3 digits"
        )
        raise Refused("time", f"Invalid time: {shown(text)}. {limited}")
    if text.startswith("-"):
        raise Refused("time", f"Invalid time: {shown(text)}. Negative timestamps are not supported.")
    raise Refused("time", f"Invalid time: {shown(text)}. It is neither a number, a date nor a relative time")


def _date_ms(text: str, local: ZoneInfo) -> int:
    if len(text) not in _DATES:
        raise Refused("date", f"Invalid absolute date: {shown(text)}")
    for pattern in _DATES[len(text)]:
        try:
            parsed = datetime.strptime(text, pattern)
        except ValueError:
            continue
        return max(int(parsed.replace(tzinfo=local).timestamp()) * 1000, 0)
    looks = "2013/01/31, 2013/01/31-12:50 or 2013/01/31 12:50:42"
    raise Refused("date", f"Invalid date: {shown(text)}. It must look like {looks}")
