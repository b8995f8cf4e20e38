"""What a GET of samples asks: the parameters of its URL and its continuation token, read into one question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from headrace import limits
from headrace.errors import Refused
from headrace.model.time import ALL_TIME, TimeRange
from headrace.protocols.apollo.faults import shown
from headrace.protocols.apollo.names import is_guid
from headrace.protocols.apollo.times import read_asked

FIELDS: Final = frozenset(
    ("unixTimestamp", "ingestUnixTimestamp", "timestamp", "timeOffset", "val", "timeseriesId", "metric")
)
"""Members of a sample, by each of which the answer may be ordered."""

_DIGITS: Final = 18
"""Digits of a limit that are read: so large a number is more than any answer has, whatever follows."""

BY_TIME: Final = frozenset(("unixTimestamp", "timestamp"))


@dataclass(frozen=True, slots=True)
class Order:
    """How the samples of an answer follow one another."""

    field: str = "timestamp"
    descending: bool = True

    @property
    def by_time(self) -> bool:
        """Whether it is by the instant alone."""
        return self.field in BY_TIME


@dataclass(frozen=True, slots=True)
class Question:
    """series_ids: GUIDs in lower case, each once, in the order of the query.   metric: only samples of this one, None
    for every.   most: samples in one answer, None for all of them."""

    device: str
    series_ids: tuple[str, ...]
    range: TimeRange
    order: Order
    metric: str | None
    most: int | None

    def identity(self) -> bytes:
        """What a continuation token is bound to: everything but the size of the page."""
        return repr((self.device, self.series_ids, tuple(self.range), self.order, self.metric)).encode()


def parse_question(device: str, query: bytes) -> Question:
    """Raises Refused (rules "no-ids", "time", "orderby", "limit", "query")."""
    try:
        parameters = parse_qs(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise Refused("query", f"The query is not percent-encoded UTF-8: {error}") from None
    listed = [one.strip() for text in parameters.get("timeseries_ids", []) for one in text.split(",")]
    series_ids = tuple(dict.fromkeys(one.lower() if is_guid(one) else one for one in listed if one))
    if not series_ids:
        raise Refused("no-ids", "No timeseries ids provided")
    last = {name: texts[-1] for name, texts in parameters.items()}
    times = TimeRange(_time(last, "startTime", ALL_TIME.start_ms), _time(last, "endTime", ALL_TIME.end_ms))
    return Question(device, series_ids, times, _order(last), last.get("metric") or None, _most(last))


def _time(parameters: dict[str, str], name: str, without: int) -> int:
    text = parameters.get(name)
    if not text:
        return without
    try:
        return read_asked(text).time_ms
    except ValueError as error:
        raise Refused("time", f"{name}: {error}: {shown(text)}") from None


def _order(parameters: dict[str, str]) -> Order:
    text = parameters.get("orderby")
    if not text:
        return Order()
    field, _, direction = text.strip().partition(" ")
    direction = direction.strip().lower() or "asc"
    if field not in FIELDS or direction not in ("asc", "desc"):
        fields = ", ".join(sorted(FIELDS))
        raise Refused("orderby", f"orderby: {shown(text)}: needed is FIELD asc or FIELD desc, FIELD one of {fields}")
    return Order(field, direction == "desc")


def _most(parameters: dict[str, str]) -> int | None:
    # One of the pages' own examples reads `paginated=true/timeseries`.
    paginated = parameters.get("paginated", "").lower().startswith("true")
    text = parameters.get("limit")
    if text is None:
        return limits.APOLLO_PAGE_SAMPLES if paginated else None
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        raise Refused("limit", f"limit: {shown(text)}: a number from 1 on is needed")
    most = int(digits[:_DIGITS])
    return min(most, limits.APOLLO_PAGE_SAMPLES_MAX) if paginated else most
