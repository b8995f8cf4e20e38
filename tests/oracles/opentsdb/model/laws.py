"""In what OpenTSDB 2.4.1 and headrace compute by different rules, each a switch of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Laws:
    """True where OpenTSDB's rule holds, False where headrace's does."""

    empty_element: bool
    """A group without points in the range is an element."""

    kind_of_numbers: bool
    """Integers or doubles, anew at each moment, by the points before and after it."""

    first_rates: bool
    """A series gives the slope from 0 at the time 0 to its first point until it has a rate (RateSpan)."""

    swallowed_rates: bool
    """dropResets takes a first point below zero for a fall from that 0; and buckets are filled over all that is read,
    so that a series whose last one in the range fell still gives the rate before."""

    members_of_one_bucket: bool
    """With 0all too, a series with a point in the hours that are read is a member."""

    several_calendar_units: bool
    """Buckets are counted from each series' first point, and only where they are filled from the start of the range."""

    running_bucket: bool
    """Calendar's buckets are filled up to the one in which the last hour that is read ends, exclusively."""

    edge_buckets: bool
    """Whole hours of UTC are read around the range, and of the calendar's buckets only the ones that begin in them."""

    zone_on_get: bool
    """A GET's timezone does not count for the calendar's buckets."""

    by_order: bool
    """Series of a group come by their ids."""

    within_a_second: bool
    """In seconds and a map, the key of a second stands several times, and its reader takes the last."""

    asked_twice: bool
    """Of two sub-queries that are alike one is answered."""


NAMES = tuple(field.name for field in fields(Laws))
OPENTSDB = Laws(**dict.fromkeys(NAMES, True))
HEADRACE = Laws(**dict.fromkeys(NAMES, False))


def with_one(name: str) -> Laws:
    """headrace's laws but for one, which is OpenTSDB's."""
    return replace(HEADRACE, **{name: True})


def without_one(name: str) -> Laws:
    """OpenTSDB's laws but for one, which is headrace's."""
    return replace(OPENTSDB, **{name: False})
