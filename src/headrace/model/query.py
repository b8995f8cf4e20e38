"""What a room may ask of the query engine, in nouns: which series, which time, and what to make of their points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.model.points import Values
from headrace.model.time import TimeRange

Matches = Callable[[pa.Array], NDArray[np.bool_]]
"""Says of distinct tag values (Arrow strings) which of them match (store.TagCondition)."""


ValuesMatch = Callable[[Values], NDArray[np.bool_]]
"""Says of n values which of them match: bool[n]."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A Matches that names the values, so that an index finds them without a look at any other: the tag has one of
    `values`; excluded: it has another."""

    values: frozenset[str]
    excluded: bool = False

    def __call__(self, distinct: pa.Array) -> NDArray[np.bool_]:
        """See Matches."""
        found = pc.is_in(distinct, value_set=pa.array(self.values, type=distinct.type))
        return np.asarray(found.to_numpy(zero_copy_only=False) != self.excluded, dtype=np.bool_)


ANY_VALUE = OneOf(frozenset(), excluded=True)
"""The series has the tag, whatever its value."""


@dataclass(frozen=True, slots=True)
class TagFilter:
    """A condition on one tag. The series must have the tag; group_by: each of its values makes a group of its own."""

    key: str
    matches: Matches
    group_by: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The series of a metric for which every filter holds.

    absent_keys: tags that a series must not have.   exact_keys: the series has the tags of `filters` and no others.
    """

    metric: str
    filters: tuple[TagFilter, ...] = ()
    absent_keys: tuple[str, ...] = ()
    exact_keys: bool = False


@dataclass(frozen=True, slots=True)
class ChosenSeries:
    """Series by their keys, uint64[k, 2], all of one metric."""

    keys: NDArray[np.uint64]


class Fill(Enum):
    """What stands in a bucket without points."""

    NONE = "none"
    NAN = "nan"
    NULL = "null"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class FixedBuckets:
    """Buckets of interval_ms, counted from the epoch."""

    interval_ms: int


@dataclass(frozen=True, slots=True)
class CalendarBuckets:
    """Buckets that begin where the clocks of `zone` begin `count` of a unit (of model.time.UNIT_MS)."""

    count: int
    unit: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class OneBucket:
    """The whole range is one bucket, its end excluded."""


Buckets = FixedBuckets | CalendarBuckets | OneBucket


@dataclass(frozen=True, slots=True)
class Downsampling:
    """One value per bucket and series. function: a name of query.functions.FUNCTIONS."""

    buckets: Buckets
    function: str
    fill: Fill = Fill.NONE


@dataclass(frozen=True, slots=True)
class Rate:
    """Change per second between neighbouring points (OpenTSDB: RateOptions).

    counter: a fall means that the counter passed counter_max and began again at 0.   reset_value: such a rate above
    this is given as 0 (0: never).   drop_resets: after a fall no rate is given at all.   per_second: False for the
    change itself, whatever the time between (Alibaba TSDB: delta).
    """

    counter: bool = False
    counter_max: int = 2**63 - 1
    reset_value: int = 0
    drop_resets: bool = False
    per_second: bool = True


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Per series downsample, then rate; then one result per group. aggregator: a name of
    query.aggregators.AGGREGATORS.   where: only points whose stored value matches take part, None: all."""

    selection: Selection | ChosenSeries
    range: TimeRange
    aggregator: str
    downsampling: Downsampling | None = None
    rate: Rate | None = None
    where: ValuesMatch | None = None
