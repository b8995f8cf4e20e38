"""Timestamps: microseconds since 1970, from numbers and from date-times, and back to numbers. No float is asked."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

SECOND_US: Final = 1_000_000

MILLISECOND_US: Final = 1_000

TIME_US_MIN: Final = -62_135_596_800 * SECOND_US
"""0001-01-01: the SDKs keep timestamps as dates of the years 1 to 9999."""

TIME_US_MAX: Final = 253_402_300_800 * SECOND_US - 1

_MICROSECOND = Decimal("0.000001")

_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,30}))?(?:[Zz]|([+-])(\d\d):?(\d\d))?)?", re.ASCII
)


def from_seconds(seconds: Decimal) -> int | None:
    """Microseconds of seconds since 1970, rounded to the nearest; None outside the years 1 to 9999."""
    if not -62_135_596_801 < seconds < 253_402_300_801:
        return None
    return _within(int(seconds.quantize(_MICROSECOND, ROUND_HALF_EVEN).scaleb(6)))


def from_text(text: str) -> int | None:
    """Microseconds of a date-time such as 2024-01-02T03:04:05.678Z, or of a date's midnight; without a zone it is UTC.
    None when it is neither, or outside the years 1 to 9999."""
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups("0")
    try:
        whole = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
    offset_s = int(zone_hours) * 3600 + int(zone_minutes) * 60
    if offset_s > 86_400:
        return None
    since_1970 = whole - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since_1970.days * 86_400 + since_1970.seconds + (offset_s if sign == "-" else -offset_s)
    micros = int(Decimal(f"0.{fraction}").quantize(_MICROSECOND, ROUND_HALF_EVEN).scaleb(6))
    return _within(seconds * SECOND_US + micros)


def to_seconds(time_us: int) -> str:
    """The number of seconds since 1970 as JSON spells it, with as many decimals as it takes."""
    seconds, fraction = divmod(abs(time_us), SECOND_US)
    sign = "-" if time_us < 0 else ""
    return f"{sign}{seconds}" + (f".{fraction:06d}".rstrip("0") if fraction else "")


def _within(time_us: int) -> int | None:
    return time_us if TIME_US_MIN <= time_us <= TIME_US_MAX else None
