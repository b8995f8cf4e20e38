"""Times of annotations as texts say them, and which annotations lie in a range by each server's law."""

from __future__ import annotations

import re
from typing import Any

Notes = list[dict[str, Any]]

_TIME = re.compile(r"([0-9]{10})(?:\.?([0-9]{3}))?(?:ms)?")


def ms_of(text: object) -> int | None:
    """Of a time in seconds, with a fraction or in milliseconds; None for what is none of these."""
    found = _TIME.fullmatch(str(text))
    return int(found[1]) * 1000 + int(found[2] or 0) if found else None


def in_range(notes: Notes, start_ms: int, end_ms: int) -> Notes:
    """headrace's law: those that begin in it."""
    return [one for one in notes if start_ms <= (ms_of(one["startTime"]) or 0) <= end_ms]


def in_range_of_opentsdb(notes: Notes, start_ms: int, end_ms: int) -> Notes:
    """OpenTSDB's (Annotation.getGlobalAnnotations), of notes of one hour: it reads the hour, passes over what begins
    before the range or has an end behind it, and takes seconds and milliseconds for the same."""
    start, end = start_ms // 1000, end_ms // 1000
    return [one for one in notes if one["startTime"] >= start and one["endTime"] <= end]
