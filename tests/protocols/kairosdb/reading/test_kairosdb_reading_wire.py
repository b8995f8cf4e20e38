"""Every way to ask wrongly, in KairosDB's words; the first fault ends the check."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from headrace.errors import Refused
from headrace.protocols.kairosdb.reading.wire import MetricQuery, parse_query

NOW = int(datetime(2023, 3, 31, 12, tzinfo=UTC).timestamp()) * 1000
UNITS = "MILLISECONDS,SECONDS,MINUTES,HOURS,DAYS,WEEKS,MONTHS,YEARS"
TIME_UNIT = f"is not a valid time unit, must be one of {UNITS}"


def parse(question: Any) -> list[MetricQuery]:
    return parse_query(json.dumps(question).encode(), NOW)


def one(**metric: Any) -> dict[str, Any]:
    return {"start_absolute": 1, "metrics": [{"name": "m", **metric}]}


def aggregator(**properties: Any) -> dict[str, Any]:
    return one(aggregators=[properties])


def group_by(**properties: Any) -> dict[str, Any]:
    return one(group_by=[properties])


M, A, G = "query.metric[0]", "query.metric[0].aggregators[0]", "query.metric[0].group_by[0]"
M_ONLY = [{"name": "m"}]

FAULTS = [
    ({"start_absolute": 1}, "query.metric[] must have a size of at least 1"),
    ({"metrics": M_ONLY}, f"{M}.start_time relative or absolute time must be set"),
    (
        {"start_absolute": 2, "end_absolute": 1, "metrics": M_ONLY},
        f"{M}.end_time must be greater than the start time",
    ),
    (one(name=""), f"{M}.name may not be empty"),
    (one(name=None), f"{M}.name may not be null"),
    (
        {"start_relative": {"value": -1, "unit": "days"}, "metrics": M_ONLY},
        "start_relative.value must be greater than or equal to 0",
    ),
    (
        {"start_absolute": 1, "end_relative": {"value": "-1", "unit": "days"}, "metrics": M_ONLY},
        "end_relative.value must be greater than or equal to 0",
    ),
    ({"start_relative": {"value": 1, "unit": "bogus"}, "metrics": M_ONLY}, f"query.bogus {TIME_UNIT}"),
    (aggregator(name="sum", sampling={"value": 1, "unit": "bogus"}), f"{A}.bogus {TIME_UNIT}"),
    (group_by(name="time", range_size={"value": 1, "unit": "bogus"}), f"{G}.bogus {TIME_UNIT}"),
    (group_by(name="time", range_size={}), f"{G}.range_size.unit may not be null"),
    (aggregator(name="sum", sampling={"value": 1}), f"{A}.sampling.unit may not be null"),
    (aggregator(name="rate", sampling={"value": 1, "unit": None}), f"{A}.sampling.unit may not be null"),
    (aggregator(name="gaps", trim=3000000000), f"{A}.trim must be a boolean"),
    (one(name=["a", "b"]), f"{M}.name must be a string"),
    (aggregator(name=["avg", "sum"]), f"{A}.name must be a string"),
    (group_by(name={}), f"{G}.name must be a string"),
    (aggregator(name="sum", sampling={"value": 1, "unit": {}}), f"{A}.sampling.unit must be a string"),
    (aggregator(name="sum", sampling={"value": [1, 2], "unit": "days"}), f"{A}.sampling.value must be a number"),
    (aggregator(name="sampler", unit=[]), f"{A}.unit must be a string"),
    (group_by(name="time", range_size={"value": 1, "unit": []}), f"{G}.range_size.unit must be a string"),
    ({"start_relative": {"value": 1, "unit": {}}, "metrics": M_ONLY}, "query.start_relative.unit must be a string"),
    ({"start_absolute": True, "metrics": M_ONLY}, "query.start_absolute must be a number"),
    (aggregator(name="div", divisor={"a": 1}), f"{A}.divisor must be a number"),
    (aggregator(name="score", thresholds=[{"boundary": None}]), f"{A}.thresholds[0].boundary must be a string"),
    (aggregator(name="filter", threshold=[None]), f"{A}.threshold must be a number"),
    (one(order=""), f"{M}.order must be either 'asc' or 'desc'"),
    (one(tags=""), f"{M}.tags must be a JSON object"),
    (one(limit=""), f'{M}.limit For input string: ""'),
    (group_by(name="bin", bins=[2, 1]), f"{G}.bins must be in ascending order"),
    (aggregator(name=0), f"{A}.0 invalid aggregators name"),
    (
        aggregator(name="filter", filter_op=[True]),
        f"{A}.true is not a valid trim type, must be 'lte', 'lt', 'gte', 'gt', 'equal' or 'ne'.",
    ),
    ({"start_absolute": "1.5", "metrics": M_ONLY}, 'query.start_absolute For input string: "1.5"'),
    ({**one(), "cache_time": -1}, "cache_time must be greater than or equal to 0"),
    (one(tags={"host": [""]}), f"{M}.tags[0].host value must not be null or empty"),
    (one(tags={"host": None}), f"{M}.tags[0].host value must not be null or empty"),
    (one(tags={"host": ["a", None]}), f"{M}.tags[0].host value must not be null or empty"),
    (one(tags={"": "a"}), f"{M}.tags[0] name must not be empty"),
    (one(order="up"), f"{M}.order must be either 'asc' or 'desc'"),
    (aggregator(), f"{A} must have a name"),
    (aggregator(name=""), f"{A} must have a name"),
    (aggregator(name="bogus"), f"{A}.bogus invalid aggregators name"),
    (aggregator(name="js_function"), f"{A}.js_function invalid aggregators name"),
    (
        aggregator(name="sum", sampling={"value": -1, "unit": "days"}),
        f"{A}.sampling.value must be greater than or equal to 0",
    ),
    (
        aggregator(name="sum", sampling={"value": 0, "unit": "days"}),
        f"{A}.sampling.value must be greater than or equal to 1",
    ),
    (aggregator(name="div", divisor=0), f"{A}.m_divisor may not be zero"),
    (aggregator(name="div"), f"{A}.m_divisor may not be zero"),
    (aggregator(name="percentile", percentile=0), f"{A}.percentile may not be zero"),
    (aggregator(name="percentile"), f"{A}.percentile may not be zero"),
    (aggregator(name="percentile", percentile="0.7.1"), f"{A}.percentile multiple points"),
    (aggregator(name="sma"), f"{A}.m_size may not be zero"),
    (
        aggregator(name="trim", trim="x"),
        f"{A}.x is not a valid trim type, must be 'first', 'last' or 'both'.",
    ),
    (
        aggregator(name="filter", filter_op="x"),
        f"{A}.x is not a valid trim type, must be 'lte', 'lt', 'gte', 'gt', 'equal' or 'ne'.",
    ),
    (
        aggregator(name="sum", bogus="x"),
        "Property 'bogus' was specified for object 'sum' but no matching setter was found on "
        "'class org.kairosdb.core.aggregator.SumAggregator'",
    ),
    (group_by(), f"{G} must have a name"),
    (group_by(name="bogus"), f"{G}.bogus invalid group_by name"),
    (group_by(name="tag"), f"{G}.tags may not be null"),
    (group_by(name="tag", tags=[]), f"{G}.tags may not be empty"),
    (group_by(name="time", group_count=2), f"{G}.rangeSize may not be null"),
    (
        group_by(name="time", range_size={"value": 1, "unit": "days"}),
        f"{G}.groupCount must be greater than or equal to 1",
    ),
    (
        group_by(name="time", group_count=2, range_size={"value": -1, "unit": "days"}),
        f"{G}.range_size.value must be greater than or equal to 0",
    ),
    (group_by(name="value"), f"{G}.rangeSize must be greater than or equal to 1"),
    (group_by(name="bin"), f"{G}.bins may not be null"),
    (
        one(aggregators=[{"name": "gaps"}, {"name": "sum"}]),
        f"{M}.aggregators[1] sum cannot compute with the gaps that an aggregator before it marks",
    ),
    # The first of two faults counts.
    (one(name="", tags={"": "a"}), f"{M}.tags[0] name must not be empty"),
    (one(order="up", aggregators=[{"name": "bogus"}]), f"{A}.bogus invalid aggregators name"),
    (one(group_by=[{"name": "bogus"}], aggregators=[{"name": "bogus"}]), f"{G}.bogus invalid group_by name"),
]


@pytest.mark.parametrize(("question", "message"), FAULTS, ids=[message[:60] for _, message in FAULTS])
def test_faults(question: Any, message: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(question)
    assert refused.value.detail == message


def test_an_unknown_time_zone_is_answered_with_all_known_ones() -> None:
    with pytest.raises(Refused) as refused:
        parse({**one(), "time_zone": "bogus"})
    assert refused.value.detail.startswith("query.bogus is not a valid time zone, must be one of [Africa/Abidjan, ")
    assert refused.value.detail.endswith("]")


NO_OFFSETS = [
    "+1",
    "+1:00",
    "+010",
    "+24:00",
    "+01:60",
    "+01:0030",
    "+010030.5",
    " +01:00",
    "01:00",
    "UTC+01:00",
    "+١٢:00",
]


@pytest.mark.parametrize("name", NO_OFFSETS)
def test_what_is_no_offset_for_kairosdb_is_none_here(name: str) -> None:
    """KairosDB 1.3.0 refuses all of them."""
    with pytest.raises(Refused, match="is not a valid time zone"):
        parse({**one(), "time_zone": name})


@pytest.mark.parametrize("body", [b"{", b"[]", b'""', b"\xff", b'{"metrics":"\xff"}', b"[" * 100_000])
def test_what_is_no_json_object(body: bytes) -> None:
    with pytest.raises(Refused):
        parse_query(body, NOW)


def test_single_quotes_are_read_as_double_ones() -> None:
    [asked] = parse_query(b"{'start_absolute':'5', 'metrics':[{'name':'it\\'s \"m\"'}]}", NOW)
    assert (asked.name, asked.query.range.start_ms) == ('it\'s "m"', 5)


def test_quoted_numbers_and_units_in_any_case() -> None:
    question = {
        "start_relative": {"value": "2", "unit": "HOURS"},
        "end_relative": {"value": "1", "unit": "hours"},
        "cache_time": "0",
        "metrics": [{"name": "m", "limit": "3", "order": "DESC", "tags": {"n": 5}, "exclude_tags": "true"}],
    }
    [asked] = parse(question)
    assert asked.query.range == (NOW - 7_200_000, NOW - 3_600_000)
    assert (asked.query.limit, asked.query.descending, asked.exclude_tags) == (3, True, True)
    assert asked.query.selection.filters[0].matches(pa.array(["5", "6"])).tolist() == [True, False]


def test_absolute_times_win_and_months_are_the_calendars() -> None:
    [asked] = parse({"start_absolute": 7, "start_relative": {"value": 1, "unit": "days"}, "metrics": M_ONLY})
    assert asked.query.range.start_ms == 7
    [asked] = parse({"start_relative": {"value": 1, "unit": "months"}, "metrics": M_ONLY})
    assert datetime.fromtimestamp(asked.query.range.start_ms / 1000, UTC) == datetime(2023, 2, 28, 12, tzinfo=UTC)


def test_an_empty_list_of_values_asks_for_nothing_and_unknown_members_say_nothing() -> None:
    [asked] = parse({**one(tags={"host": []}, bogus=1), "bogus": {}})
    assert asked.query.selection.filters == ()
    assert parse({"start_absolute": 1, "metrics": []}) == []


def test_regular_expressions_describe_the_whole_value() -> None:
    [asked] = parse(one(tags={"host": ["regex:web[0-9]+|db", "x"]}))
    hosts = pa.array(["web1", "web1x", "db", "xdb", "x"])
    assert asked.query.selection.filters[0].matches(hosts).tolist() == [True, False, True, False, True]
    with pytest.raises(Refused, match="Invalid regular expression"):
        parse(one(tags={"host": "regex:("}))
