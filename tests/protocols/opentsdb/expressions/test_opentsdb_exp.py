"""/api/query/exp: joins and tables against dicts, requests that do not hold together, what a stranger may ask for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from memorystore import MemoryStore
from real_room import RealRoom, answered, real_room

from headrace.errors import Refused
from headrace.limits import EXPRESSION_BLOCK_VALUES, EXPRESSION_PARTS_MAX
from headrace.protocols.opentsdb.expressions.exp_answer import pieces
from headrace.protocols.opentsdb.expressions.formula import formula
from headrace.protocols.opentsdb.expressions.joins import Join, Series, Variable, joined
from headrace.protocols.opentsdb.expressions.plan import plan_of
from headrace.protocols.opentsdb.expressions.request import request_of_body
from headrace.protocols.opentsdb.expressions.table import computed, laid_out
from headrace.store import go_on

T = 1356998400
Plain = tuple[str, str, bool, dict[int, float]]
"""Host, a tag that is no part of a filter, whether dc was aggregated, and the points."""

PLAIN = st.tuples(
    st.sampled_from("xyz"),
    st.sampled_from(["", "u"]),
    st.booleans(),
    st.dictionaries(st.integers(0, 6), st.one_of(st.floats(-9, 9), st.just(math.nan)), min_size=1, max_size=5),
)


def series_of(plain: Plain) -> Series:
    host, other, aggregated, points = plain
    tags = {"host": host} | ({"os": other} if other else {})
    times = sorted(points)
    return Series(
        frozenset(("m",)),
        tags,
        frozenset(("dc",) if aggregated else ()),
        np.array(times, dtype=np.int64),
        np.array([points[time] for time in times]),
    )


@given(
    st.lists(PLAIN, max_size=4),
    st.lists(PLAIN, max_size=4),
    st.builds(Join, st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from([0.0, math.nan, 42.0]),
)
def test_a_join_as_dicts_make_it(left: list[Plain], right: list[Plain], join: Join, missing: float) -> None:
    def key(plain: Plain) -> tuple[str, ...]:
        host, other, aggregated, _ = plain
        return (host, "" if join.filtered_only else other, "dc" if aggregated and join.with_aggregated else "")

    by_name = {"a": {key(plain): plain for plain in left}, "b": {key(plain): plain for plain in right}}
    keys = list(dict.fromkeys([*by_name["a"], *by_name["b"]]))
    if join.intersection:
        keys = [each for each in keys if each in by_name["a"] and each in by_name["b"]]
    variables = {
        name: Variable([series_of(plain) for plain in plains], frozenset(("host",)), missing)
        for name, plains in (("a", left), ("b", right))
    }
    with MemoryStore().snapshot(go_on) as snapshot:
        if join.intersection and not keys and (left or right):
            with pytest.raises(Refused, match="No intersections found"):
                computed(formula("a - b", ""), variables, join, "", snapshot)
            return
        table = computed(formula("a - b", ""), variables, join, "", snapshot)
    times = sorted({time for each in keys for side in by_name.values() if each in side for time in side[each][3]})
    assert table.times.tolist() == times

    def value(name: str, each: tuple[str, ...], time: int) -> float:
        if each not in by_name[name]:
            return 0.0
        found = by_name[name][each][3].get(time, math.nan)
        return missing if math.isnan(found) else found

    wanted = [[value("a", each, time) - value("b", each, time) for time in times] for each in keys]
    np.testing.assert_array_equal(table.values, np.array(wanted).reshape(len(keys), len(times)))


def test_tags_that_all_have() -> None:
    one = series_of(("x", "u", False, {0: 1.0}))
    other = series_of(("x", "", True, {0: 1.0}))
    variables = {name: Variable([each], frozenset(("host",)), 0.0) for name, each in (("a", one), ("b", other))}
    assert len(joined(variables, Join(True, True, False))) == 1
    with MemoryStore().snapshot(go_on) as snapshot:
        [row] = computed(formula("a+b", ""), variables, Join(True, True, False), "", snapshot).rows
    assert (row.tags, set(row.aggregated)) == ({"host": "x"}, {"dc"})


def test_many_series_go_by_blocks_and_pieces() -> None:
    """More values than one block computes or one piece writes."""
    times = np.arange(5000, dtype=np.int64)
    many = [
        Series(frozenset(("m",)), {"host": str(n)}, frozenset(), times[n:], np.arange(5000.0 - n)) for n in range(9)
    ]
    with MemoryStore().snapshot(go_on) as snapshot:
        doubled = computed(formula("a * 2", ""), {"a": Variable(many, frozenset(), math.nan)}, Join(), "", snapshot)
        plain = laid_out(many, 0.0, snapshot)
    written = json.loads(b"".join(pieces([("d", None, doubled), ("p", "alias", plain)], {})))
    assert len(list(pieces([("d", None, doubled)], {}))) > 5
    first, second = written["outputs"]
    assert second["alias"] == "alias"
    assert first["dps"][3] == [3, 6.0, 4.0, 2.0, 0.0, *["NaN"] * 5]
    assert second["dps"][3] == [3, 3.0, 2.0, 1.0, 0.0, *[0.0] * 5]
    assert [row[0] for row in first["dps"]] == times.tolist()
    assert first["dpsMeta"] == {"firstTimestamp": 0, "lastTimestamp": 4999, "setCount": 5000, "series": 9}


def test_what_describes_many_series_goes_in_pieces() -> None:
    """Names of a hundred metrics for each of ten thousand series would be gigabytes at once."""
    times, values = np.zeros(1, dtype=np.int64), np.zeros(1)
    names = frozenset(f"{n:04}" * 1000 for n in range(3))
    many = [Series(names, {"host": str(n)}, frozenset(("dc",)), times, values) for n in range(300)]
    with MemoryStore().snapshot(go_on) as snapshot:
        made = list(pieces([("p", None, laid_out(many, 0.0, snapshot))], {}))
    assert max(map(len, made)) < 15_000
    meta = json.loads(b"".join(made))["outputs"][0]["meta"]
    assert meta[0] == {"index": 0, "metrics": ["timestamp"]}
    assert len(meta) == 301
    described = {"index": 300, "metrics": sorted(names), "commonTags": {"host": "299"}, "aggregatedTags": ["dc"]}
    assert meta[300] == described


def test_a_long_series_goes_by_blocks_between_which_a_question_may_end() -> None:
    times = np.arange(3 * EXPRESSION_BLOCK_VALUES + 7, dtype=np.int64)
    values = np.random.default_rng(1).normal(size=len(times))
    long = Variable([Series(frozenset(("m",)), {}, frozenset(), times, values)], frozenset(), 0.0)
    asked = []
    with MemoryStore().snapshot(lambda: asked.append(1)) as snapshot:
        before = len(asked)
        table = computed(formula("a * 2 + 1", ""), {"a": long}, Join(), "", snapshot)
    assert len(asked) - before >= 4
    np.testing.assert_array_equal(table.values[0], values * 2 + 1)


@pytest.fixture
def tsd(tmp_path: Path) -> Iterator[RealRoom]:
    with real_room(tmp_path, query_memory_bytes=16 * 1024 * 1024) as room:
        yield room


def request(**members: Any) -> dict[str, Any]:
    return {
        "time": {"start": T, "end": T + 60, "aggregator": "sum"},
        "metrics": [{"id": "a", "metric": "m"}],
        "expressions": [{"id": "e", "expr": "a * 2"}],
    } | members


@pytest.mark.parametrize(
    ("members", "words", "place"),
    [
        ({"time": None}, "missing time", None),
        ({"time": {"aggregator": "sum"}}, "Missing start time", "metrics[0]"),
        ({"time": {"start": T}}, "Missing the aggregation function", "metrics[0]"),
        ({"time": {"start": "x", "aggregator": "sum"}}, "Invalid time: x", "metrics[0]"),
        ({"time": {"start": T, "end": 5, "aggregator": "sum"}}, "End time", "metrics[0]"),
        ({"metrics": []}, "missing or empty metrics", None),
        ({"metrics": [{"id": "a"}]}, "Missing the metric", "metrics[0]"),
        ({"metrics": [{"metric": "m"}]}, "missing or empty id", "metrics[0].id"),
        ({"metrics": [{"id": "1", "metric": "m"}]}, "cannot be an integer", "metrics[0].id"),
        ({"metrics": [{"id": "a", "metric": "m", "filter": "f"}]}, "unrecognized filter id f", "metrics[0].filter"),
        ({"metrics": [{"id": "a", "metric": "m\x1ff"}]}, "No such name for 'metrics'", None),
        ({"filters": [{"id": "f"}, {"id": "f"}]}, "duplicated id: f", "filters[1].id"),
        ({"expressions": [{"id": "a", "expr": "a"}]}, "duplicated id: a", "expressions[0].id"),
        ({"expressions": [{"id": "e"}]}, "missing or empty expr", "expressions[0].expr"),
        ({"expressions": [{"id": "e", "expr": "a + z"}]}, "missing input z", "expressions[0].expr"),
        ({"expressions": [{"id": "e", "expr": "a", "join": {}}]}, "set operator", "expressions[0].join.operator"),
        (
            {"expressions": [{"id": "e", "expr": "a", "fillPolicy": {"policy": "zero", "value": 3}}]},
            "goes with no value",
            "expressions[0].fillPolicy",
        ),
        (
            {"expressions": [{"id": f"e{n}", "expr": "a"} for n in range(101)]},
            "more than 100 expressions",
            "expressions",
        ),
        (
            {"expressions": [{"id": f"e{n}", "expr": "a+" * 4100 + "a"} for n in (1, 2)]},
            "more than 16384",
            "expressions",
        ),
        ({"outputs": [{"id": "e"}] * (EXPRESSION_PARTS_MAX + 1)}, "more than 100 outputs", "outputs"),
        (
            {"time": {"start": T, "aggregator": "sum", "downsampler": {"aggregator": "avg"}}},
            "interval",
            "time.downsampler",
        ),
        (
            {"time": {"start": T, "aggregator": "sum", "downsampler": {"interval": "1m", "aggregator": "avg-nan"}}},
            "No such downsampling function: avg-nan",
            "time.downsampler",
        ),
        ({"metrics": [3]}, "Unable to parse the given JSON", "Expected `object`, got `int` - at `$.metrics[0]`"),
    ],
)
async def test_what_does_not_hold_together(tsd: RealRoom, members: dict[str, Any], words: str, place: str) -> None:
    await tsd.put(("m", T, 1, {"host": "x"}))
    reply = await tsd.post("query/exp", request(**members))
    said = json.loads(reply.body)["error"]
    assert (reply.status, said.get("details")) == (400, place)
    assert words in said["message"]


async def test_a_chain_of_a_hundred_expressions_in_any_order(tsd: RealRoom) -> None:
    await tsd.put(("m", T, 1, {"host": "x"}))
    chain = [{"id": f"e{n}", "expr": f"e{n - 1} + 1" if n else "a"} for n in range(100)]
    [output] = answered(await tsd.post("query/exp", request(expressions=chain[::-1], outputs=[{"id": "e99"}])))[
        "outputs"
    ]
    assert output["dps"] == [[T * 1000, 100.0]]


async def test_texts_are_passed_over(tsd: RealRoom) -> None:
    await tsd.put(("m", T, 1, {"host": "x"}), ("m", T + 1, "n/a", {"host": "x"}), ("text", T, "up", {"host": "x"}))
    time = {"start": T, "end": T + 60, "aggregator": "none"}
    [output] = answered(await tsd.post("query/exp", request(time=time)))["outputs"]
    assert output["dps"] == [[T * 1000, 2.0]]
    reply = await tsd.post("query/exp", request(time=time, metrics=[{"id": "a", "metric": "text"}]))
    assert reply.status == 400


async def test_more_than_memory_holds_is_refused(tsd: RealRoom) -> None:
    """A hundred tables of a hundred thousand points."""
    for first in range(0, 100_000, 20_000):
        await tsd.put(*[("m", T + second, 1, {"host": "x"}) for second in range(first, first + 20_000)])
    time = {"start": T, "end": T + 100_000, "aggregator": "sum"}
    many = [{"id": f"e{n}", "expr": "a + 1"} for n in range(100)]
    assert (await tsd.post("query/exp", request(time=time, expressions=many))).status == 413
    outputs = answered(await tsd.post("query/exp", request(time=time, expressions=many[:1])))["outputs"]
    assert len(outputs[0]["dps"]) == 100_000


async def test_so_is_more_of_names(tsd: RealRoom) -> None:
    """Series of one point each: 3 KiB for each of them as a variable, again in a join, again behind a call."""
    await tsd.put(*[("m", T, 1, {"host": f"h{n}"}) for n in range(2000)])
    grouped = {"id": "f", "tags": [{"type": "wildcard", "tagk": "host", "filter": "*", "groupBy": True}]}
    few, many = ([{"id": f"m{n}", "metric": "m", "filter": "f"} for n in range(count)] for count in (1, 3))
    for metrics, status in ((few, 200), (many, 413)):
        expression = {"id": "e", "expr": "+".join(each["id"] for each in metrics)}
        asked = request(filters=[grouped], metrics=metrics, expressions=[expression])
        assert (await tsd.post("query/exp", asked)).status == status
    for call, status in (("scale(sum:m{host=*},2)", 200), ("scale(" * 4 + "sum:m{host=*}" + ",2)" * 4, 413)):
        assert (await tsd.get(f"query/gexp?start={T}&exp={call}")).status == status


async def test_who_may_ask(tsd: RealRoom) -> None:
    assert (await tsd.get("query/exp")).status == 405
    assert (await tsd.post("query/exp", "")).status == 400
    assert (await tsd.post("query/exp", "[" * 100_000)).status == 400


def test_a_plan_reads_each_metric_once() -> None:
    plan = plan_of(request_of_body(json.dumps(request()).encode()), T * 1000)
    assert [metric.id for metric in plan.metrics] == ["a"]
    assert plan.outputs == [("e", None)]
