"""Moments from which ranges are counted, moved back to before all points: there both servers count alike."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from oracles.comparing.sorts import Said
from oracles.kairosdb.servers import UNIT_MS

LONGEST_MS = {**UNIT_MS, "months": 31 * UNIT_MS["days"], "years": 366 * UNIT_MS["days"]}

BY_CALENDAR = ("days", "weeks", "months", "years")


def anchored(aggregator: Said, question: Said, first_ms: int) -> Said:
    """The aggregator with the same ranges, counted from a moment before the first point, with all that an aggregator
    before it may have put back to the start of a range of its own."""
    sampling = aggregator["sampling"]
    count, unit = int(float(sampling["value"])), str(sampling["unit"]).lower()
    zone = zone_of(str(aggregator.get("time_zone", question.get("time_zone", "UTC"))))
    start_ms = int(float(question["start_absolute"]))
    anchor_ms = int(aggregator.get("start_time", start_ms))
    if str(aggregator.get("align_sampling", True)).lower() == "true":
        anchor_ms = _aligned(anchor_ms, unit, zone)
    longest = max(
        int(float(one["sampling"]["value"])) * LONGEST_MS[str(one["sampling"]["unit"]).lower()]
        for metric in question["metrics"]
        for one in metric.get("aggregators", ())
        if "sampling" in one
    )
    before_ms = min(first_ms, start_ms) - 3 * longest
    lengths = max(1, math.ceil((anchor_ms - before_ms) / (count * UNIT_MS[unit])))
    if unit == "months":
        lengths += -lengths % 12  # the same day of the month is there
    return {**aggregator, "align_sampling": False, "start_time": _back(anchor_ms, lengths * count, unit, zone)}


def zone_of(said: str) -> tzinfo:
    """A name, or an offset as +23:59:59.999."""
    if found := re.fullmatch(r"([+-])(\d\d):(\d\d)(?::(\d\d)\.(\d{3}))?", said):
        sign, hours, minutes, seconds, thousandths = found.groups(default="0")
        offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds), milliseconds=int(thousandths))
        return timezone(-offset if sign == "-" else offset)
    return ZoneInfo(said)


def _aligned(time_ms: int, unit: str, zone: tzinfo) -> int:
    """To where KairosDB lets ranges of the unit begin."""
    moment = _local(time_ms, zone).replace(microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0)
    match unit:
        case "milliseconds":
            day = moment
        case "weeks":
            day -= timedelta(days=day.weekday())
        case "months":
            day = day.replace(day=1)
        case "years":
            day = day.replace(month=1, day=1)
    return _ms(day, zone)


def _back(time_ms: int, count: int, unit: str, zone: tzinfo) -> int:
    if unit not in BY_CALENDAR:
        return time_ms - count * UNIT_MS[unit]
    day = _local(time_ms, zone)
    if unit in ("days", "weeks"):
        return _ms(day - timedelta(days=count * (7 if unit == "weeks" else 1)), zone)
    months = day.year * 12 + day.month - 1 - count * (12 if unit == "years" else 1)
    return _ms(day.replace(year=months // 12, month=months % 12 + 1), zone)


def _local(time_ms: int, zone: tzinfo) -> datetime:
    """Without its zone, so that days are those of the calendar."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return moment.astimezone(zone).replace(tzinfo=None)


def _ms(local: datetime, zone: tzinfo) -> int:
    since = local.replace(tzinfo=zone) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(milliseconds=1)
