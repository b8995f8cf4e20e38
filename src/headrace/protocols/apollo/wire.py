"""The JSON of both writes: what a point and a sample are, and the words for what is neither."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import msgspec

from headrace import limits
from headrace.errors import Refused
from headrace.model.json_pieces import check_items
from headrace.protocols.apollo.names import RAW
from headrace.rules import Rule

Value = int | float | bool | str
"""A value as it was sent."""


class Point(msgspec.Struct, rename="camel"):
    """One point to be registered; other members are ignored."""

    id: str
    point_type: str


class Sample(msgspec.Struct, gc=False):
    """One sample; other members are ignored. The page's own example writes `mertic`."""

    series_id: str = msgspec.field(name="timeseriesId")
    val: Value
    timestamp: str
    metric: str | None = None
    mertic: str | None = None

    def metric_name(self) -> str:
        """`metric` first."""
        if self.metric is not None:
            return self.metric
        return RAW if self.mertic is None else self.mertic


_T = TypeVar("_T")

_POINTS: Final = msgspec.json.Decoder(list[Point])
_SAMPLES: Final = msgspec.json.Decoder(list[Sample])
_PLACE = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)


def points_of(body: bytes) -> list[Point]:
    """The points of a registration, at least one. Raises Refused (rules "no-points", "json", "body-too-large")."""
    check_items(body, limits.APOLLO_POINT_ITEMS_MAX)
    return _read(_POINTS, body, "points", "no-points")


def samples_of(body: bytes) -> list[Sample]:
    """The samples of a post, at least one. Raises Refused (rules "no-samples", "json", "body-too-large")."""
    check_items(body, limits.APOLLO_SAMPLE_ITEMS_MAX)
    return _read(_SAMPLES, body, "samples", "no-samples")


def _read(decoder: msgspec.json.Decoder[list[_T]], body: bytes, what: str, when_empty: Rule) -> list[_T]:
    try:
        found = [] if body.strip() in (b"", b"null") else decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("json", _worded(str(error), what)) from None
    if not found:
        raise Refused(when_empty, f"No {what} provided")
    return found


def _worded(error: str, what: str) -> str:
    """The words of msgspec, with its `$[3].val` as `samples[3].val`."""
    placed = _PLACE.fullmatch(error)
    words, where = (placed[1], f"{what}{placed[2]}") if placed else (error, what)
    return f"{where}: {words.replace('`', '')}"
