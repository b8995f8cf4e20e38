"""From the shapes of a question to queries of the engine, with OpenTSDB's words for what is wrong in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from headrace import limits
from headrace.config import OpenTSDBTimes
from headrace.errors import Refused
from headrace.model.query import (
    Buckets,
    CalendarBuckets,
    ChosenSeries,
    Downsampling,
    Fill,
    FixedBuckets,
    OneBucket,
    Rate,
    Selection,
    SeriesQuery,
)
from headrace.model.time import SECOND_MS, TimeRange, duration_ms
from headrace.protocols.opentsdb.faults import shown
from headrace.protocols.opentsdb.reading.filters import NOT_KEY, SaidFilter, condition, united
from headrace.protocols.opentsdb.reading.narrowing import Narrowing, narrowing, value_condition
from headrace.protocols.opentsdb.reading.times import duration, time_ms, zone
from headrace.protocols.opentsdb.reading.wire import COUNTER_MAX_DEFAULT, Query, RateOptions, SubQuery
from headrace.protocols.opentsdb.tsuids import keys_of
from headrace.query.aggregation.sightings import Sightings
from headrace.query.functions import AGGREGATORS, FUNCTIONS, NONE


@dataclass(frozen=True, slots=True)
class Asked:
    """One sub-query: what the engine is asked, what `showQuery` echoes of it, the tsuids that it names, what of its
    results is wanted, and what the engine has seen of its points."""

    query: SeriesQuery
    echo: dict[str, Any]
    tsuids: list[str]
    narrowing: Narrowing
    sightings: Sightings


@dataclass(frozen=True, slots=True)
class Question:
    """All sub-queries, and how the answer is to be written."""

    parts: list[Asked]
    in_ms: bool
    show_query: bool
    show_tsuids: bool
    show_summary: bool
    annotations: bool
    global_annotations: bool


def question(said: Query, now_ms: int, told: OpenTSDBTimes = "seconds") -> Question:
    """Check and plan the whole question. told: the unit of times unless it says one. Raises Refused; its detail is for
    the client to read."""
    if said.start is None or said.start == "":
        raise Refused("start-missing", "Missing start time")
    if said.delete:
        raise Refused("delete", "Deleting data is not enabled")
    if not said.queries:
        raise Refused("queries-missing", "Missing sub queries")
    check_filters(sum(len(sub.filters or ()) + len(sub.tags or ()) for sub in said.queries))
    local = zone(said.timezone or "")
    asked = _time_range(said, now_ms, local)
    in_ms = bool(said.ms_resolution) or told == "milliseconds"
    as_written = told == "as-written" and not in_ms
    calendar = bool(said.use_calendar)
    parts = [_part(sub, index, asked, local, calendar, as_written) for index, sub in enumerate(said.queries)]
    return Question(
        parts,
        in_ms,
        bool(said.show_query),
        bool(said.show_tsuids),
        bool(said.show_summary),
        not said.no_annotations,
        bool(said.global_annotations),
    )


def _time_range(said: Query, now_ms: int, local: ZoneInfo) -> TimeRange:
    start = time_ms(_time_text(said.start), now_ms, local)
    end = now_ms if said.end is None or said.end == "" else time_ms(_time_text(said.end), now_ms, local)
    if end < start:
        raise Refused("end", f"End time [{end}] must be greater than or equal to the start time [{start}]")
    return TimeRange(start, end)


def _time_text(given: str | float | None) -> str:
    """A JSON number like 1356998400.25 is seconds and milliseconds as its text with three decimals is."""
    return f"{given:.3f}" if isinstance(given, float) else str(given).strip()


def _part(sub: SubQuery, index: int, asked: TimeRange, local: ZoneInfo, use_calendar: bool, as_written: bool) -> Asked:
    if not sub.aggregator:
        raise Refused("aggregator", "Missing the aggregation function")
    if sub.aggregator not in AGGREGATORS:
        raise Refused("aggregator", f"No such aggregation function: {shown(sub.aggregator)}")
    said = sub.said_filters()
    selection = ChosenSeries(keys_of(sub.tsuids)) if sub.tsuids else selection_of(sub.metric, said, sub.explicit_tags)
    buckets = downsampling(sub.downsample, local, use_calendar)
    where = value_condition("preDpValue", sub.pre_dp_value)
    query = SeriesQuery(selection, asked, sub.aggregator, buckets, _change(sub), where)
    echo = {
        "aggregator": sub.aggregator,
        "metric": None if sub.tsuids else sub.metric,
        "tsuids": sub.tsuids or None,
        "downsample": sub.downsample,
        "rate": bool(sub.rate),
        "filters": [{"tagk": f.tagk, "filter": f.filter, "group_by": f.group_by, "type": f.type} for f in said],
        "explicitTags": bool(sub.explicit_tags),
        "index": index,
        "tags": {f.tagk: f"{f.type}({f.filter})" for f in said if f.group_by},
    }
    shown_values = value_condition("dpValue", sub.dp_value)
    narrowed = narrowing(shown_values, sub.offset, sub.limit, sub.global_limit)
    sightings = Sightings(asked, of_seconds=as_written)
    if buckets is not None and isinstance(buckets.buckets, FixedBuckets) and buckets.buckets.interval_ms % SECOND_MS:
        sightings.between_seconds = as_written
    return Asked(query, echo, sub.tsuids or [], narrowed, sightings)


def check_filters(count: int) -> None:
    """Raises Refused for more filters than one question may have."""
    if count > limits.QUESTION_FILTERS_MAX:
        raise Refused("filter", f"{count} filters in one question, at most {limits.QUESTION_FILTERS_MAX} are taken")


def selection_of(metric: str | None, said: Sequence[SaidFilter], explicit_tags: bool | None = False) -> Selection:
    """The series of a metric that all filters let through. explicit_tags means nothing where no tag is named (OpenTSDB:
    TsdbQuery). Raises Refused."""
    if not metric:
        raise Refused("metric-missing", "Missing the metric or tsuids, provide at least one")
    check_filters(len(said))
    return Selection(
        metric,
        tuple(condition(one) for one in united(said) if one.type != NOT_KEY),
        tuple(one.tagk for one in said if one.type == NOT_KEY),
        bool(explicit_tags and said),
    )


def _change(sub: SubQuery) -> Rate | None:
    """Rate, Alibaba's delta, or neither. Raises Refused."""
    if sub.rate and sub.delta:
        raise Refused("rate", "rate and delta exclude each other")
    if sub.delta:
        return dataclasses.replace(_rate(sub.delta_options), per_second=False)
    return _rate(sub.rate_options) if sub.rate else None


def _rate(options: RateOptions | None) -> Rate:
    if options is None:
        return Rate()
    counter_max = COUNTER_MAX_DEFAULT if options.counter_max is None else options.counter_max
    if not 0 < counter_max <= COUNTER_MAX_DEFAULT or abs(options.reset_value or 0) > COUNTER_MAX_DEFAULT:
        raise Refused("rate", "counterMax must be positive, and it and resetValue must be 64-bit integers")
    return Rate(bool(options.counter), counter_max, options.reset_value or 0, bool(options.drop_resets))


def downsampling(text: str | None, local: ZoneInfo, use_calendar: bool) -> Downsampling | None:
    """What `<n><unit>[c]-<function>[-<fill>]` says (OpenTSDB: DownsamplingSpecification). Raises Refused."""
    if not text or text.lower() == NONE:
        return None
    parts = text.rstrip("-").split("-")  # Java's split ends so; Grafana's backend sends 1m-avg- without a fill policy
    if not 2 <= len(parts) <= 3:
        wanted = (
            "provide at least interval and function"
            if len(parts) < 2
            else ("consist of interval, function, and optional fill policy")
        )
        raise Refused("downsample", f"Invalid downsampling specifier '{shown(text)}': must {wanted}")
    buckets = _buckets(parts[0], local, use_calendar)
    if parts[1] == NONE:
        raise Refused("downsample", "cannot use the NONE aggregator for downsampling")
    if parts[1] not in FUNCTIONS:
        raise Refused("downsample", f"No such downsampling function: {shown(parts[1])}")
    try:
        fill = Fill(parts[2].lower()) if len(parts) == 3 else Fill.NONE
    except ValueError:
        raise Refused("downsample", f"Unrecognized fill policy: {shown(parts[2])}") from None
    return Downsampling(buckets, parts[1], fill)


def _buckets(text: str, local: ZoneInfo, use_calendar: bool) -> Buckets:
    if text.endswith("all"):
        return OneBucket()
    by_calendar = text.endswith("c")
    count, unit = duration(text.removesuffix("c") if by_calendar else text)
    if by_calendar or use_calendar:
        return CalendarBuckets(count, unit, local)
    return FixedBuckets(duration_ms(count, unit))
