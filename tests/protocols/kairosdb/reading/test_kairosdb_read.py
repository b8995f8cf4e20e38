"""datapoints/query and query/tags: groups, limits, orders, types, aggregators in chains, and the exact answer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from kairosdb_reading import Reading, reading
from memorystore import Value

from headrace.model.points import NEVER

MINUTE = {"value": 1, "unit": "minutes"}


@pytest.fixture
def room() -> Iterator[Reading]:
    with reading() as room:
        yield room


def put(room: Reading, points: dict[int, Value], metric: str = "m", **tags: str) -> None:
    room.store.put(metric, tags or {"host": "a"}, points)


def avg(**properties: Any) -> dict[str, Any]:
    return {"name": "avg", "sampling": MINUTE, **properties}


async def test_the_answer_as_bytes(room: Reading) -> None:
    put(room, {1388534400000: 1, 1388534460000: 1e10}, host="A", client="foo")
    put(room, {1388534400000: 9.5}, host="A", client="bar")
    reply = await room.ask(
        {"start_absolute": 1, "metrics": [{"name": "m", "group_by": [{"name": "tag", "tags": ["host"]}]}]}
    )
    assert reply.body == (
        b'{"queries":[{"sample_size":3,"results":[{"name":"m","group_by":['
        b'{"name":"tag","tags":["host"],"group":{"host":"A"}},{"name":"type","type":"number"}],'
        b'"tags":{"client":["bar","foo"],"host":["A"]},'
        b'"values":[[1388534400000,1],[1388534400000,9.5],[1388534460000,1.0E10]]}]}]}'
    )
    assert reply.headers["content-type"] == "application/json;charset=utf-8"


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"align_sampling": True}, [[45, 2], [65, 12], [125, 21], [185, 30]]),
        ({"align_sampling": True, "align_start_time": True}, [[0, 2], [60, 12], [120, 21], [180, 30]]),
        ({"align_sampling": True, "align_end_time": True}, [[60, 2], [120, 12], [180, 21], [240, 30]]),
        ({"align_sampling": False}, [[45, 9], [105, 18], [165, 27], [225, 11]]),
        ({"align_sampling": False, "align_start_time": True}, [[30, 9], [90, 18], [150, 27], [210, 11]]),
        ({}, [[45, 2], [65, 12], [125, 21], [185, 30]]),
        ({"align_start_time": True, "align_end_time": True}, [[0, 2], [60, 12], [120, 21], [180, 30]]),
        ({"align_sampling": False, "start_time": "30000"}, [[45, 9], [105, 18], [165, 27], [225, 11]]),
    ],
)
async def test_the_worked_example_of_ranges(
    room: Reading, properties: dict[str, Any], expected: list[list[int]]
) -> None:
    put(room, {5000 + 20_000 * i: i for i in range(12)})
    found = await room.values(
        {"name": "sum", "sampling": {"value": "1", "unit": "MINUTES"}, **properties}, start=30_000
    )
    assert [[t // 1000, v] for t, v in found] == expected


EVERY_10_S: dict[int, Value] = {0: 1, 10_000: 3, 20_000: 2.5, 60_000: 10}


@pytest.mark.parametrize(
    ("aggregator", "expected"),
    [
        ({"name": "sum", "sampling": MINUTE}, [[0, 6.5], [60_000, 10]]),
        ({"name": "min", "sampling": MINUTE}, [[0, 1], [60_000, 10]]),
        ({"name": "max", "sampling": MINUTE}, [[0, 3], [60_000, 10]]),
        ({"name": "count", "sampling": MINUTE}, [[0, 3], [60_000, 1]]),
        ({"name": "first", "sampling": MINUTE}, [[0, 1], [60_000, 10]]),
        ({"name": "last", "sampling": MINUTE}, [[20_000, 2.5], [60_000, 10]]),
        ({"name": "last", "sampling": MINUTE, "align_start_time": True}, [[0, 2.5], [60_000, 10]]),
        ({"name": "percentile", "sampling": MINUTE, "percentile": "0.5"}, [[0, 2.5], [60_000, 10]]),
        ({"name": "sum"}, [[0, 1], [10_000, 3], [20_000, 2.5], [60_000, 10]]),
        ({"name": "diff"}, [[10_000, 2], [20_000, -0.5], [60_000, 7.5]]),
        ({"name": "rate", "unit": "seconds"}, [[10_000, 0.2], [20_000, -0.05], [60_000, 0.1875]]),
        ({"name": "rate"}, [[10_000, 0.0002], [20_000, -0.00005], [60_000, 0.0001875]]),
        (
            {"name": "rate", "sampling": {"value": 10, "unit": "seconds"}},
            [[10_000, 2], [20_000, -0.5], [60_000, 1.875]],
        ),
        ({"name": "sampler", "unit": "seconds"}, [[10_000, 0.3], [20_000, 0.25], [60_000, 0.25]]),
        ({"name": "scale", "factor": 2}, [[0, 2], [10_000, 6], [20_000, 5], [60_000, 20]]),
        ({"name": "scale"}, [[0, 0], [10_000, 0], [20_000, 0], [60_000, 0]]),
        ({"name": "div", "divisor": "2"}, [[0, 0.5], [10_000, 1.5], [20_000, 1.25], [60_000, 5]]),
        ({"name": "sma", "size": 2}, [[10_000, 2], [20_000, 2.75], [60_000, 6.25]]),
        ({"name": "sma", "size": 9}, []),
        ({"name": "trim", "trim": "FIRST"}, [[10_000, 3], [20_000, 2.5], [60_000, 10]]),
        ({"name": "trim", "trim": "last"}, [[0, 1], [10_000, 3], [20_000, 2.5]]),
        ({"name": "trim", "trim": "both"}, [[10_000, 3], [20_000, 2.5]]),
        ({"name": "trim"}, [[0, 1], [10_000, 3], [20_000, 2.5], [60_000, 10]]),
        ({"name": "filter", "filter_op": "GT", "threshold": 2.5}, [[0, 1], [20_000, 2.5]]),
        ({"name": "filter", "filter_op": "lte", "threshold": "2.5"}, [[10_000, 3], [60_000, 10]]),
        ({"name": "filter", "filter_op": "ne", "threshold": 3}, [[10_000, 3]]),
        ({"name": "filter", "filter_op": "ne", "threshold": "x"}, []),
        ({"name": "least_squares", "sampling": {"value": 10, "unit": "seconds"}}, list(map(list, EVERY_10_S.items()))),
        (
            {
                "name": "score",
                "thresholds": [{"value": 3, "boundary": "superior"}, {"value": "1", "boundary": "INFERIOR"}],
            },
            [[0, 1], [10_000, 1], [20_000, 1], [60_000, 2]],
        ),
        (
            {"name": "score", "order": "descending", "thresholds": [{"value": 3}]},
            [[0, 1], [10_000, 1], [20_000, 1], [60_000, 0]],
        ),
    ],
    ids=lambda part: json.dumps(part)[:60] if isinstance(part, dict) else "",
)
async def test_each_aggregator(room: Reading, aggregator: dict[str, Any], expected: list[list[float]]) -> None:
    put(room, EVERY_10_S)
    found = await room.values(aggregator)
    assert [t for t, _ in found] == [t for t, _ in expected]
    assert [v for _, v in found] == pytest.approx([v for _, v in expected], rel=1e-12)


async def test_deviations(room: Reading) -> None:
    put(room, {0: 1, 1000: 2, 2000: 4, 60_000: 5})
    dev = {"name": "dev", "sampling": MINUTE}
    sample = 1.5275252316519468
    assert await room.values(dev) == [[0, pytest.approx(sample)], [60_000, 0]]
    mean = 7 / 3
    up = await room.values({**dev, "return_type": "pos_sd", "dev_count": 2})
    assert up == [[0, pytest.approx(mean + 2 * sample)], [60_000, 5]]
    down = await room.values({**dev, "return_type": "neg_sd"})
    assert down == [[0, pytest.approx(mean - sample)], [60_000, 5]]


async def test_gaps_are_nulls_from_the_start_of_the_query_to_its_end(room: Reading) -> None:
    put(room, {65_000: 1, 185_000: 2})
    gaps = {"name": "gaps", "sampling": MINUTE}
    nulls = [[0, None], [65_000, 1], [120_000, None], [185_000, 2], [240_000, None]]
    assert await room.values(gaps, end=299_999) == nulls
    assert await room.values({**gaps, "trim": True}, end=299_999) == nulls[1:4]


async def test_aggregators_run_one_after_another(room: Reading) -> None:
    put(room, {0: 1, 30_000: 3, 60_000: 6, 120_000: 12})
    assert await room.values(avg(), {"name": "diff"}, {"name": "scale", "factor": 10}) == [[60_000, 40], [120_000, 60]]
    assert await room.values({"name": "diff"}, avg(align_start_time=True)) == [[0, 2], [60_000, 3], [120_000, 6]]


async def test_several_series_are_one_result_ordered_by_time_then_value(room: Reading) -> None:
    put(room, {0: 5, 1000: 1}, host="a")
    put(room, {0: 2.5, 500: 7}, host="b")
    assert await room.values() == [[0, 2.5], [0, 5], [500, 7], [1000, 1]]
    assert await room.values(order="desc") == [[1000, 1], [500, 7], [0, 5], [0, 2.5]]
    assert await room.values({"name": "first", "sampling": MINUTE}) == [[0, 2.5]]
    assert await room.values({"name": "last", "sampling": MINUTE}) == [[1000, 1]]


async def test_a_descending_order_turns_limits_and_answers_but_not_aggregators(room: Reading) -> None:
    put(room, {0: 1, 30_000: 3, 60_000: 6})
    assert await room.values(avg(), order="desc") == [[60_000, 6], [0, 2]]
    assert await room.values(limit=2, order="desc") == [[60_000, 6], [30_000, 3]]
    assert await room.values(limit=2) == [[0, 1], [30_000, 3]]


async def test_a_limit_counts_per_series_while_reading_and_again_per_result(room: Reading) -> None:
    put(room, {0: 1, 10: 2, 20: 3}, host="a")
    put(room, {5: 10, 15: 20, 25: 30}, host="b")
    answer = await room.metric(limit="2")
    assert answer["sample_size"] == 4
    assert answer["results"][0]["values"] == [[0, 1], [5, 10]]


async def test_types_are_results_of_their_own_in_alphabetical_order(room: Reading) -> None:
    put(room, {0: 1, 10: "one", 20: True}, host="a")
    put(room, {5: 2.5}, host="b")
    answer = await room.metric()
    assert [(r["group_by"], r["values"], r["tags"]) for r in answer["results"]] == [
        ([{"name": "type", "type": "number"}], [[0, 1], [5, 2.5]], {"host": ["a", "b"]}),
        ([{"name": "type", "type": "text"}], [[10, "one"], [20, "true"]], {"host": ["a"]}),
    ]
    assert answer["sample_size"] == 4


async def test_an_aggregator_of_numbers_passes_texts_by(room: Reading) -> None:
    put(room, {0: 1, 10: "b", 20: "a"})
    found = (await room.metric(aggregators=[{"name": "sum", "sampling": MINUTE}]))["results"]
    assert [r["values"] for r in found] == [[[0, 1]], [[10, "b"], [20, "a"]]]
    found = (await room.metric(aggregators=[{"name": "count", "sampling": MINUTE}]))["results"]
    assert [(r["group_by"][-1]["type"], r["values"]) for r in found] == [("number", [[0, 1]]), ("number", [[10, 2]])]
    found = (await room.metric(aggregators=[{"name": "filter", "filter_op": "lt", "threshold": "b"}]))["results"]
    assert found[1]["values"] == [[10, "b"]]


async def test_group_by_tag(room: Reading) -> None:
    put(room, {0: 1}, host="b", dc="x")
    put(room, {0: 2}, host="a", dc="x")
    put(room, {0: 3}, host="a")
    answer = await room.metric(group_by=[{"name": "tag", "tags": ["dc", "host"]}, {"name": "tag", "tags": ["host"]}])
    groups = [r["group_by"][0] for r in answer["results"]]
    assert [g["group"] for g in groups] == [
        {"dc": "", "host": "a"},
        {"dc": "x", "host": "a"},
        {"dc": "x", "host": "b"},
    ]
    assert all(g["tags"] == ["dc", "host"] for g in groups)
    assert [r["values"] for r in answer["results"]] == [[[0, 3]], [[0, 2]], [[0, 1]]]
    assert [len(r["group_by"]) for r in answer["results"]] == [2, 2, 2]


async def test_group_by_time(room: Reading) -> None:
    day = 86_400_000
    put(room, {day * n + 5: n for n in range(5)})
    by_day = {"name": "time", "range_size": {"value": "1", "unit": "days"}, "group_count": "2"}
    answer = await room.metric(group_by=[by_day])
    echo = {"name": "time", "range_size": {"value": 1, "unit": "DAYS"}, "group_count": 2}
    assert [r["group_by"][0] for r in answer["results"]] == [
        {**echo, "group": {"group_number": 0}},
        {**echo, "group": {"group_number": 1}},
    ]
    assert [[v for _, v in r["values"]] for r in answer["results"]] == [[0, 2, 4], [1, 3]]


async def test_group_by_value_cuts_towards_zero_and_comes_by_first_point(room: Reading) -> None:
    put(room, {0: 7, 1: 2.9, 2: -2, 3: -3, 4: 8.5})
    answer = await room.metric(group_by=[{"name": "value", "range_size": "3"}])
    assert [(r["group_by"][0], [v for _, v in r["values"]]) for r in answer["results"]] == [
        ({"name": "value", "range_size": 3, "group": {"group_number": 2}}, [7, 8.5]),
        ({"name": "value", "range_size": 3, "group": {"group_number": 0}}, [2.9, -2]),
        ({"name": "value", "range_size": 3, "group": {"group_number": -1}}, [-3]),
    ]


async def test_group_by_bin(room: Reading) -> None:
    put(room, {0: 1, 1: 2, 2: 4.9, 3: 7, 4: 100})
    answer = await room.metric(group_by=[{"name": "bin", "bins": ["2", 5, 7]}])
    assert [(r["group_by"][0], [v for _, v in r["values"]]) for r in answer["results"]] == [
        ({"name": "bin", "bins": [2, 5, 7], "group": {"bin_number": 0}}, [1]),
        ({"name": "bin", "bins": [2, 5, 7], "group": {"bin_number": 1}}, [2, 4.9]),
        ({"name": "bin", "bins": [2, 5, 7], "group": {"bin_number": 3}}, [7, 100]),
    ]


async def test_groupers_combine_and_texts_have_no_number(room: Reading) -> None:
    put(room, {0: 1, 1: 11, 1000: 2}, host="a")
    put(room, {0: 12, 5: "x"}, host="b")
    answer = await room.metric(
        group_by=[
            {"name": "value", "range_size": 10},
            {"name": "tag", "tags": ["host"]},
            {"name": "time", "range_size": {"value": 1, "unit": "seconds"}, "group_count": 9},
        ],
        aggregators=[{"name": "sum", "sampling": MINUTE}],
    )
    found = [([g.get("group") for g in r["group_by"][:-1]], r["values"]) for r in answer["results"]]
    assert found == [
        ([{"group_number": 0}, {"group_number": 0}, {"host": "a"}], [[0, 1]]),
        ([{"group_number": 1}, {"group_number": 0}, {"host": "a"}], [[1, 11]]),
        ([{"group_number": 0}, {"group_number": 1}, {"host": "a"}], [[1000, 2]]),
        ([{"group_number": 1}, {"group_number": 0}, {"host": "b"}], [[0, 12]]),
        ([{"group_number": -1}, {"group_number": 0}, {"host": "b"}], [[5, "x"]]),
    ]


async def test_descending_groups_are_the_newest_first(room: Reading) -> None:
    put(room, {0: 1, 1: 11, 2: 21, 3: 2})
    answer = await room.metric(group_by=[{"name": "value", "range_size": 10}], order="desc")
    found = [(r["group_by"][0]["group"]["group_number"], r["values"]) for r in answer["results"]]
    assert found == [(0, [[3, 2], [0, 1]]), (2, [[2, 21]]), (1, [[1, 11]])]


async def test_tag_groups_are_in_the_order_of_names_and_values_joined(room: Reading) -> None:
    put(room, {0: 1}, host="a", dc="1")
    put(room, {0: 2}, host="b")
    put(room, {0: 3}, host="c", dc="x")
    answer = await room.metric(group_by=[{"name": "tag", "tags": ["dc", "host"]}])
    # dc1hosta, dchostb, dcxhostc
    assert [r["group_by"][0]["group"]["dc"] for r in answer["results"]] == ["1", "", "x"]


async def test_filters_of_tags(room: Reading) -> None:
    put(room, {0: 1}, host="a", dc="x")
    put(room, {1: 2}, host="b", dc="x")
    put(room, {2: 3}, host="c")
    assert await room.values(tags={"host": ["a", "b"], "dc": "x"}) == [[0, 1], [1, 2]]
    assert await room.values(tags={"host": "regex:[bc]"}) == [[1, 2], [2, 3]]
    assert (await room.metric(tags={"host": "A"}))["results"] == [{"name": "m", "tags": {}, "values": []}]


BY_HOST = {"name": "tag", "tags": ["host"]}


async def test_nothing_found_and_nothing_asked(room: Reading) -> None:
    nothing = {"sample_size": 0, "results": [{"name": "m", "tags": {}, "values": []}]}
    assert await room.metric() == nothing
    assert await room.metric(group_by=[BY_HOST], aggregators=[{"name": "diff"}]) == nothing
    put(room, {5: 1}, host="a")
    assert await room.metric(group_by=[BY_HOST], tags={"host": "b"}) == nothing
    assert (await room.metric(tags={"host": "b"}, exclude_tags=True))["results"] == [{"name": "m", "values": []}]
    sampling = {"value": 1, "unit": "seconds"}
    gaps = await room.ask(
        {
            "start_absolute": 10000,
            "end_absolute": 11000,
            "metrics": [{"name": name, "aggregators": [{"name": "gaps", "sampling": sampling}]} for name in "mx"],
        }
    )
    for answer in gaps.json["queries"]:
        assert answer["results"][0]["values"] == [[10000, None], [11000, None]]
    by_value = {"name": "value", "range_size": 3}
    assert await room.metric(group_by=[by_value, BY_HOST], tags={"host": "b"}) == {"sample_size": 0, "results": []}
    assert (await room.ask({"start_absolute": 1, "metrics": []})).body == b'{"queries":[]}'


async def test_tags_can_be_left_out_and_an_alias_is_echoed(room: Reading) -> None:
    put(room, {0: 1})
    [result] = (await room.metric(exclude_tags=True, alias="load"))["results"]
    assert list(result) == ["name", "alias", "group_by", "values"]
    assert result["alias"] == "load"


@pytest.mark.parametrize("unit", ["milliseconds", "hours", "days", "months", "years"])
@pytest.mark.parametrize("align", [True, False])
async def test_the_farthest_start_of_a_query(room: Reading, unit: str, align: bool) -> None:
    put(room, {1000: 1, 2**45: 2})
    count = {"name": "count", "sampling": {"value": 1, "unit": unit}, "align_sampling": align}
    assert await room.values(count, start=-(2**63)) == [[1000, 1], [2**45, 1]]


async def test_both_ends_belong_to_the_range(room: Reading) -> None:
    put(room, {9: 1, 10: 2, 20: 3, 21: 4})
    assert await room.values(start=10, end=20) == [[10, 2], [20, 3]]


async def test_rates_of_points_at_one_time_and_values_that_json_cannot_say(room: Reading) -> None:
    put(room, {0: 1}, host="a")
    put(room, {0: 2}, host="b")
    question = {"start_absolute": 0, "metrics": [{"name": "m", "aggregators": [{"name": "rate"}]}]}
    assert await room.error(question, 500) == (
        "The rate aggregator cannot compute rate for data points with the same time stamp.  "
        "You must precede rate with another aggregator."
    )
    put(room, {0: 1e308}, "big")
    question = {"start_absolute": 0, "metrics": [{"name": "big", "aggregators": [{"name": "scale", "factor": 100}]}]}
    assert "non-finite" in await room.error(question, 500)


async def test_texts_are_escaped(room: Reading) -> None:
    put(room, {0: 'say "x"\n'})
    assert await room.values() == [[0, 'say "x"\n']]


async def test_a_question_by_get_and_an_answer_as_gzip(room: Reading) -> None:
    put(room, {n: n for n in range(20_000)})
    question = {"start_absolute": 0, "metrics": [{"name": "m"}]}
    plain = await room.ask(question, method="GET")
    packed = await room.ask(question, accept_encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert plain.json["queries"][0]["results"][0]["values"] == [[n, n] for n in range(20_000)]


@pytest.mark.parametrize(("method", "question"), [("GET", b""), ("POST", b""), ("POST", b" \n")])
async def test_no_question_at_all(room: Reading, method: str, question: bytes) -> None:
    reply = await room.ask(question, method=method)
    assert (reply.status, reply.json) == (400, {"errors": ["query json must not be null or empty"]})


async def test_wrong_methods(room: Reading) -> None:
    assert (await room.ask({}, method="DELETE")).status == 405
    assert (await room.ask({}, "datapoints/query/tags", method="GET")).status == 405


async def test_query_tags(room: Reading) -> None:
    put(room, {0: 1}, host="B", dc="x")
    put(room, {0: 1}, host="A")
    question = {
        "start_absolute": 0,
        "metrics": [{"name": "m"}, {"name": "m", "tags": {"host": ["A"]}}, {"name": "none"}],
    }
    reply = await room.ask(question, "datapoints/query/tags")
    assert reply.body == (
        b'{"queries":[{"results":[{"name":"m","tags":{"dc":["x"],"host":["A","B"]},"values":[]}]},'
        b'{"results":[{"name":"m","tags":{"host":["A"]},"values":[]}]},'
        b'{"results":[{"name":"none","tags":{},"values":[]}]}]}'
    )
    assert (await room.ask({"start_absolute": 1}, "datapoints/query/tags")).status == 400


async def test_save_as_stores_what_passes(room: Reading) -> None:
    put(room, {0: 1, 30_000: 3, 60_000: 10}, host="a")
    put(room, {0: "text"}, host="b")
    save = {"name": "save_as", "metric_name": "m.avg", "tags": {"by": "minute"}, "ttl": "60"}
    answer = await room.metric(aggregators=[avg(), save], group_by=[{"name": "tag", "tags": ["host"]}])
    assert [r["values"] for r in answer["results"]] == [[[0, 2], [60_000, 10]], [[0, "text"]]]
    [saved] = room.store.saved
    assert [room.store.table.name(s) for s in dict.fromkeys(saved.series.tolist())] == [
        ("m.avg", (("by", "minute"), ("host", "a"), ("saved_from", "m"))),
        ("m.avg", (("by", "minute"), ("host", "b"), ("saved_from", "m"))),
    ]
    assert saved.times.tolist() == [0, 60_000, 0]
    assert saved.values.doubles()[:2].tolist() == [2.0, 10.0]
    assert saved.values.text(2) == "text"
    assert saved.expires is not None
    assert saved.expires.max() < NEVER


async def test_save_as_keeps_the_tags_of_further_groups_too(room: Reading) -> None:
    """As KairosDB 1.3.0 stores: a further group_by tag makes no groups, and of its tags those with one value stay."""
    put(room, {0: 1}, host="A", dc="x", rack="1")
    put(room, {0: 2}, host="A", dc="x", rack="2")
    put(room, {0: 3}, host="B", dc="y")
    put(room, {0: 4}, host="C", rack="7")
    by = [{"name": "tag", "tags": keys} for keys in (["host"], ["dc"], ["rack", "host"])]
    save = {"name": "save_as", "metric_name": "s", "add_saved_from": False, "tags": {"k": "v"}}
    await room.metric(aggregators=[save], group_by=by)
    [saved] = room.store.saved
    assert {room.store.table.name(s).tags for s in saved.series.tolist()} == {
        (("dc", "x"), ("host", "A"), ("k", "v")),
        (("dc", "y"), ("host", "B"), ("k", "v")),
        (("host", "C"), ("k", "v"), ("rack", "7")),
    }


async def test_save_as_without_any_tag_is_refused(room: Reading) -> None:
    put(room, {0: 1})
    save = {"name": "save_as", "metric_name": "other", "add_saved_from": False}
    message = await room.error({"start_absolute": 0, "metrics": [{"name": "m", "aggregators": [save]}]})
    assert message.startswith("save_as cannot store other: ")
    assert not room.store.saved


async def test_the_sampler_calls_itself_by_its_name(room: Reading) -> None:
    put(room, {0: 1}, host="a")
    put(room, {0: 2}, host="b")
    assert await room.error(
        {"start_absolute": 0, "metrics": [{"name": "m", "aggregators": [{"name": "sampler"}]}]}, status=500
    ) == (
        "The sampler aggregator cannot compute rate for data points with the same time stamp.  "
        "You must precede sampler with another aggregator."
    )


async def test_a_number_as_threshold_drops_all_texts(room: Reading) -> None:
    put(room, {0: "up", 1: "x", 2: "b"})
    below = {"name": "filter", "filter_op": "lt"}
    assert await room.values({**below, "threshold": 100}) == []
    assert await room.values({**below, "threshold": "up"}) == [[0, "up"], [1, "x"]]


async def test_gaps_are_marked_where_ranges_begin_and_up_to_a_moved_point(room: Reading) -> None:
    put(room, {500: 1, 2500: 2})
    seconds = {"sampling": {"value": 1, "unit": "seconds"}, "align_end_time": True}
    assert await room.values({"name": "gaps", **seconds}, end=2600) == [[500, 1], [1000, None], [2500, 2]]
    far = {"name": "dev", "sampling": {"value": 4, "unit": "seconds"}, "align_end_time": True}
    found = await room.values(far, {"name": "gaps", **seconds}, end=2600)
    assert [time for time, _ in found] == [0, 1000, 2000, 3000, 4000]


async def test_what_old_clients_send_in_place_of_a_property(room: Reading) -> None:
    put(room, {1000: 1})
    whole = (await room.ask({"start_absolute": 0, "metrics": [{"name": "m"}]})).body
    for question in (
        {"start_absolute": 0.123, "end_absolute": "1000", "metrics": [{"name": ["m"], "limit": ["1"]}]},
        {"start_absolute": -0.5, "end_absolute": 1000.9, "metrics": [{"name": [["m"]], "order": ["asc"]}]},
    ):
        assert (await room.ask(question)).body == whole


@pytest.mark.parametrize(
    "text",
    [
        "{'start_absolute':0,'metrics':[{'name':'m'}]}",
        "{start_absolute:0,metrics:[{name:m}]}",
        '// of a dashboard\n{"start_absolute":00,"metrics":[{"name":"m"}]}',
        '\ufeff{"start_absolute"=+0;"metrics":[{"name":"\\m"}]}',
    ],
)
async def test_lenient_json_is_read_as_gson_reads_it(room: Reading, text: str) -> None:
    put(room, {1000: 1})
    whole = (await room.ask({"start_absolute": 0, "metrics": [{"name": "m"}]})).body
    assert (await room.ask(text)).body == whole
    long = text.replace("{", "{" + "'x':1," * 2000, 1)
    assert (await room.ask(long)).body == whole


@pytest.mark.parametrize("text", ["[" * 2000, '{"a":' * 2000, "{'a", "{'start_absolute':0,'metrics':[{'name':'m'},]}"])
async def test_what_is_no_json_even_so(room: Reading, text: str) -> None:
    assert await room.error(text)


async def test_rates_per_day_and_week_go_by_the_calendar(room: Reading) -> None:
    """As KairosDB 1.3.0 answered: the clocks of New York went back on 3 November 2013."""
    start = 1383192000000
    put(room, {start + day * 86_400_000: day * day + 0.5 for day in range(6)})
    expected = {
        ("rate", "days"): [1, 3, 5, 7.291666666666667, 9],
        ("rate", "weeks"): [7.041666666666667, 21.125, 35.208333333333336, 49.291666666666664, 63],
        ("sampler", "days"): [1.5, 4.5, 9.5, 17.1875, 25.5],
        ("rate", "hours"): [1 / 24, 3 / 24, 5 / 24, 7 / 24, 9 / 24],
    }
    for (name, unit), values in expected.items():
        step = {"name": name, "unit": unit, "time_zone": "America/New_York"}
        assert [value for _, value in await room.values(step, start=start)] == pytest.approx(values)


async def test_months_in_turns_begin_on_their_first_day(room: Reading) -> None:
    """As KairosDB 1.3.0 answered, from 15 December 2013 on: 16 and 31 December, 1 and 16 January, 1 February."""
    put(room, {1387152000000: 0, 1388448000000: 1, 1388534400000: 2, 1389830400000: 3, 1391212800000: 4})
    by_month = {"name": "time", "range_size": {"value": 1, "unit": "months"}, "group_count": 100}
    answer = await room.metric(start=1387130399857, group_by=[by_month])
    groups = [one["group_by"][0]["group"]["group_number"] for one in answer["results"] for _ in one["values"]]
    assert groups == [0, 0, 1, 1, 2]


OFFSETS_MS = {
    "+01:00": 3_600_000,
    "-01:00": -3_600_000,
    "+01": 3_600_000,
    "+0530": 19_800_000,
    "-00:00": 0,
    "+01:00:30": 3_630_000,
    "+010030": 3_630_000,
    "+010030123": 3_630_123,
    "+01:00:30.5": 3_630_500,
    "-01:00:30,123": -3_630_123,
    "+23:59:59.999": 86_399_999,
}


@pytest.mark.parametrize(("name", "ahead_ms"), OFFSETS_MS.items())
async def test_days_of_a_fixed_offset(room: Reading, name: str, ahead_ms: int) -> None:
    """KairosDB 1.3.0 takes all of these for time zones: their days begin that much before those of UTC."""
    noon = 1359806400000
    put(room, {noon: 1})
    step = {"name": "sum", "sampling": {"value": 1, "unit": "days"}, "align_start_time": True, "time_zone": name}
    assert await room.values(step, start=noon) == [[noon - (noon + ahead_ms) % 86_400_000, 1]]


async def test_seconds_of_a_fixed_offset(room: Reading) -> None:
    """As KairosDB 1.3.0 answered: ranges of milliseconds begin with a second of the zone, here 1 ms after ours."""
    put(room, {1359788400326: 1})
    step = {"name": "sum", "sampling": {"value": 5, "unit": "milliseconds"}, "align_end_time": True}
    step["time_zone"] = "+23:59:59.999"
    assert await room.values(step, start=1359788399850) == [[1359788400331, 1]]
