"""Members of a question's JSON objects, read as KairosDB reads them: a quoted number is a number, a number is a text.

Every function takes what stands in the JSON and the place that an error names, and raises Refused (rule "query") in
KairosDB's words.
"""

from __future__ import annotations

import functools
import re
from datetime import timedelta, timezone, tzinfo
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo, available_timezones

from headrace import limits
from headrace.errors import Refused
from headrace.model.cut_text import cut
from headrace.model.time import TIME_MS_MAX, UNIT_MS

UTC: Final[tzinfo] = ZoneInfo("UTC")

UNITS: Final = {
    "MILLISECONDS": "ms",
    "SECONDS": "second",
    "MINUTES": "minute",
    "HOURS": "hour",
    "DAYS": "day",
    "WEEKS": "week",
    "MONTHS": "month",
    "YEARS": "year",
}
"""As said -> as in model.time.UNIT_MS."""

_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
_INTEGER = re.compile(r"[+-]?0*\d{1,19}", re.ASCII)

_OFFSET = re.compile(
    r"([+-])([01]\d|2[0-3])(?::([0-5]\d)(?::([0-5]\d)(?:[.,](\d{1,3}))?)?|([0-5]\d)(?:([0-5]\d)(\d{3})?)?)?", re.ASCII
)
"""What KairosDB 1.3.0 takes for one: hours alone, or with minutes, seconds and a fraction, with or without colons."""


def refuse(place: str, message: str) -> NoReturn:
    """Raises Refused: the place in the question, a blank, what is wrong there."""
    raise Refused("query", f"{place} {message}")


def shown(text: object) -> str:
    """Something of the sender's as an error about a question repeats it: cut, and unlike faults.shown without dots."""
    return cut(str(text), limits.KAIROSDB_SHOWN_TEXT_MAX)


def is_members(said: Any, place: str) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(said, dict):
        refuse(place, "must be a JSON object")
    return said


def is_list(said: Any, place: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(said, list):
        refuse(place, "must be a JSON array")
    return said


def alone(said: Any) -> Any:
    """What stands in a list of one, also of lists of one; all else as it is (Gson: JsonArray.getAsString)."""
    while isinstance(said, list) and len(said) == 1:
        [said] = said
    return said


def text(said: Any, place: str) -> str:
    """A string; a number or boolean as it is written."""
    if isinstance(said, bool):
        return "true" if said else "false"
    if isinstance(said, (str, int, float)):
        return str(said)
    return refuse(place, "must be a string")


def boolean(said: Any, place: str) -> bool:
    """true, or "true" in any case; anything else that is plain is false (Java: Boolean.parseBoolean)."""
    return text(said, place).lower() == "true"


def property_boolean(said: Any, place: str) -> bool:
    """As `boolean`, of a property of an aggregator, which is no number (Gson: TypeAdapters.BOOLEAN)."""
    if not isinstance(said, (bool, str)):
        refuse(place, "must be a boolean")
    return boolean(said, place)


def integer(said: Any, place: str) -> int:
    """A 64-bit integer, quoted or not; a number with a fraction is cut to it, towards zero, unless it is quoted (Gson:
    LazilyParsedNumber)."""
    if isinstance(said, float):
        if not -(2.0**63) <= said < 2.0**63:
            refuse(place, "is no 64-bit integer")
        return int(said)
    if not isinstance(said, (str, int)) or isinstance(said, bool):
        refuse(place, "must be a number")
    written = str(said)
    if not _INTEGER.fullmatch(written) or not -(2**63) <= (number := int(written)) < 2**63:
        refuse(place, f'For input string: "{shown(said)}"')
    return number


def number(said: Any, place: str) -> float:
    """A finite double, quoted or not."""
    if not isinstance(said, (str, int, float)):
        refuse(place, "must be a number")
    written = text(said, place)
    if not written.strip():
        refuse(place, "empty String")
    if not _NUMBER.fullmatch(written):
        points = "multiple points" if written.count(".") > 1 else f'For input string: "{shown(written)}"'
        refuse(place, points)
    if abs(double := float(written)) == float("inf"):
        refuse(place, "is too large for a double")
    return double


def unit(said: Any, context: str, within: str = "") -> str:
    """A unit of time, in any case. context: what an error puts before the bad name (KairosDB: TimeUnitDeserializer).
    within: the property of the context whose unit it is; none where it is the context's own."""
    name = text(alone(said), f"{context}.{within}.unit" if within else f"{context}.unit")
    if name.upper() not in UNITS:
        refuse(f"{context}.{shown(name)}", f"is not a valid time unit, must be one of {','.join(UNITS)}")
    return UNITS[name.upper()]


@functools.cache
def _known_zones() -> frozenset[str]:
    """Reading the folders of zones takes some 30 ms."""
    return frozenset(available_timezones())


def zone(said: Any, context: str) -> tzinfo:
    """A time zone by its IANA name or its offset, as `+01:00`; "" and null are UTC."""
    if said in (None, ""):
        return UTC
    name = text(alone(said), f"{context}.time_zone")
    if offset := _OFFSET.fullmatch(name):
        return _fixed(offset)
    known = _known_zones()
    if name not in known:
        listed = ", ".join(sorted(known))
        refuse(f"{context}.{shown(name)}", f"is not a valid time zone, must be one of [{listed}]")
    return ZoneInfo(name)


def _fixed(offset: re.Match[str]) -> timezone:
    sign, hours, *rest = offset.groups("")
    minutes, seconds, fraction = (one or other for one, other in zip(rest[:3], rest[3:], strict=True))
    ahead = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
    ahead += timedelta(milliseconds=int(fraction.ljust(3, "0")))
    return timezone(-ahead if sign == "-" else ahead)


def span(said: Any, context: str, name: str) -> tuple[int, str]:
    """(count, unit) of an object {value, unit} that is the property `name`.

    KairosDB takes a value of 0 and then fails with 500; here it is refused with a range of its own.
    """
    members = is_members(said, f"{context}.{name}")
    if members.get("unit") is None:
        refuse(f"{context}.{name}.unit", "may not be null")
    said_unit = unit(members["unit"], context, name)
    said_count = members.get("value")
    count = 0 if said_count is None else integer(said_count, f"{context}.{name}.value")
    if count < 1:
        refuse(f"{context}.{name}.value", f"must be greater than or equal to {0 if count < 0 else 1}")
    if count * UNIT_MS[said_unit] > TIME_MS_MAX:
        refuse(f"{context}.{name}.value", "is too large")
    return count, said_unit


def spoken_span(count: int, said_unit: str) -> dict[str, Any]:
    """A span as answers echo it."""
    names = {ours: name for name, ours in UNITS.items()}
    return {"value": count, "unit": names[said_unit]}


def anchor(time_ms: int) -> int:
    """A moment from which ranges are counted, kept where sums of two times stay within 64 bits."""
    return min(max(time_ms, -TIME_MS_MAX), TIME_MS_MAX)
