"""The grammar of `m=`, of filters and of downsampling; and that no bytes of a stranger raise anything but Refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import Refused
from headrace.model.query import CalendarBuckets, Downsampling, Fill, FixedBuckets, OneBucket
from headrace.protocols.opentsdb.reading.filters import KINDS, condition, described, short_form
from headrace.protocols.opentsdb.reading.question import downsampling, question
from headrace.protocols.opentsdb.reading.texts import text_of
from headrace.protocols.opentsdb.reading.times import UTC
from headrace.protocols.opentsdb.reading.wire import Query, query_of_body, query_of_parameters, sub_query

NOW = 1_700_000_000_000


def said(text: str) -> list[tuple[str | None, str | None, str | None, bool | None]]:
    return [(f.tagk, f.type, text_of(f.filter), f.group_by) for f in sub_query(text).filters or []]


def test_m() -> None:
    query = sub_query("sum:explicit_tags:rate{dropcounter,100,5}:10m-avg:sys.cpu{host=*,dc=a|b}{rack=regexp(a:b{2})}")
    assert (query.aggregator, query.metric, query.downsample) == ("sum", "sys.cpu", "10m-avg")
    assert (query.rate, query.explicit_tags) == (True, True)
    assert query.rate_options is not None
    assert (query.rate_options.counter, query.rate_options.drop_resets) == (True, True)
    assert (query.rate_options.counter_max, query.rate_options.reset_value) == (100, 5)
    assert said("sum:m{host=*,dc=a|b}{rack=regexp(a:b{2})}") == [
        ("host", "wildcard", "*", True),
        ("dc", "literal_or", "a|b", True),
        ("rack", "regexp", "a:b{2}", False),
    ]
    assert said("sum:m{}{host=web*}") == [("host", "iwildcard", "web*", False)]
    assert said("sum:m{}") == said("sum:m") == []


@pytest.mark.parametrize(
    ("value", "kind", "filter_"),
    [
        ("*", "wildcard", "*"),
        ("a|b", "literal_or", "a|b"),
        ("web*", "iwildcard", "web*"),
        ("web01", "literal_or", "web01"),
        ("not_literal_or(a|b)", "not_literal_or", "a|b"),
    ],
)
def test_short_forms(value: str, kind: str, filter_: str) -> None:
    found = short_form("host", value, group_by=True)
    assert (found.type, found.filter) == (kind, filter_)
    assert condition(found).group_by


def test_the_examples_of_config_filters_are_filters() -> None:
    for name, entry in described().items():
        example = entry["examples"]
        said = json.loads(example[example.index("{") :])
        assert said["type"] == name
        if name in KINDS:
            condition(short_form(said["tagk"], f"{name}({said['filter']})", group_by=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m-avg", Downsampling(FixedBuckets(600_000), "avg")),
        ("500ms-p99-nan", Downsampling(FixedBuckets(500), "p99", Fill.NAN)),
        ("1dc-sum-null", Downsampling(CalendarBuckets(1, "day", UTC), "sum", Fill.NULL)),
        ("0all-max", Downsampling(OneBucket(), "max")),
        ("none", None),
        ("", None),
        (None, None),
    ],
)
def test_downsampling(text: str | None, expected: Downsampling | None) -> None:
    assert downsampling(text, UTC, use_calendar=False) == expected


def test_use_calendar_turns_every_interval_into_a_calendar_one() -> None:
    assert downsampling("1d-sum", UTC, use_calendar=True) == Downsampling(CalendarBuckets(1, "day", UTC), "sum")


def never_surprises(read: Callable[[], Query]) -> None:
    """Nothing but Refused may come out of it."""
    with suppress(Refused):
        question(read(), NOW)


words = st.text(st.sampled_from("sumrate{counter,}:1m-avgc.*|()=x0 /日"), max_size=40)


@settings(max_examples=300)
@given(words, words, words)
def test_parameters_of_a_stranger(m: str, start: str, end: str) -> None:
    for text in (m, f"sum:{m}", f"sum:{m}:metric", f"sum:m{{{m}}}"):
        given_ = {"start": [start or "1h-ago"], "end": [end], "m": [text]}
        never_surprises(partial(query_of_parameters, given_))


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.sampled_from(["1h-ago", "sum"])
)
objects = st.fixed_dictionaries(
    {},
    optional={
        "aggregator": values | st.just("sum"),
        "metric": values | st.just("m"),
        "downsample": values | st.just("1m-avg-zero"),
        "rate": values,
        "rateOptions": st.dictionaries(st.sampled_from(["counter", "counterMax", "resetValue", "dropResets"]), values),
        "filters": st.lists(
            st.dictionaries(st.sampled_from(["type", "tagk", "filter", "groupBy", "group_by"]), values)
        ),
        "tags": st.dictionaries(st.text(max_size=3), values),
        "explicitTags": values,
        "tsuids": st.none() | st.lists(values),
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "start": values,
        "end": values,
        "timezone": values,
        "useCalendar": values,
        "msResolution": values,
        "queries": st.lists(objects | values, max_size=3) | values,
    },
)


@settings(max_examples=300)
@given(bodies)
def test_bodies_of_a_stranger(body: dict[str, Any]) -> None:
    never_surprises(lambda: query_of_body(json.dumps(body).encode()))


@given(st.binary(max_size=60))
def test_bytes_of_a_stranger(body: bytes) -> None:
    never_surprises(lambda: query_of_body(body))


@pytest.mark.parametrize(("said", "text"), [("5", "5"), ("true", "true"), ('"web*"', "web*"), ("null", "")])
def test_a_filter_takes_a_number_as_a_text(said: str, text: str) -> None:
    """Measured on OpenTSDB 2.4.1."""
    filters = f'[{{"type":"literal_or","tagk":"host","filter":{said}}}]'
    asked = query_of_body(f'{{"start":1,"queries":[{{"aggregator":"sum","metric":"m","filters":{filters}}}]}}'.encode())
    assert asked.queries
    [found] = asked.queries[0].said_filters()
    assert found.filter == text
