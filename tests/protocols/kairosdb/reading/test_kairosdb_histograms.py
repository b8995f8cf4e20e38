"""Questions about histograms: those of KairosDB Extensions' own AggregationIT, with the answers that it expects, and
what they say together with others."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from histogram_samples import histogram
from kairosdb_reading import Reading, reading

from headrace.protocols.kairosdb.reading.wire import parse_query

SINGLE = [(1, 3, 5, 7, 9, 1, 9, 1, 9)]
MULTI = [(9, 1, 9, 1, 8, 12), (18, 2, 18, 2, 20, 20)]
SAMPLING = {"sampling": {"value": 10, "unit": "minutes"}}
REMAINING = {"name": "percent_remaining"}


@pytest.fixture
def room() -> Iterator[Reading]:
    with reading() as one:
        yield one


def store(room: Reading, samples: Sequence[tuple[float, ...]]) -> None:
    room.store.put("m", {"host": "a"}, {at: histogram(of_one) for at, of_one in enumerate(samples, 1)})


def filter_(comparison: str, threshold: float, **more: Any) -> dict[str, Any]:
    return {"name": "filter", "filter_op": comparison, "threshold": threshold, **more}


@pytest.mark.parametrize(
    ("aggregator", "single", "multi"),
    [
        ({"name": "avg"}, 5, 10),
        ({"name": "count"}, 9, 12),
        ({"name": "min"}, 1, 1),
        ({"name": "max"}, 9, 20),
        ({"name": "sum"}, 45, 120),
        ({"name": "dev"}, math.sqrt(13), math.sqrt(628 / 11)),
        ({"name": "percentile", "percentile": 0.5}, 5, 9),
        ({"name": "percentile", "percentile": 0.99}, 9, 20),
        ({"name": "percentile", "percentile": 1}, 9, 20),
        ({"name": "apdex", "target": 0}, 0, 0),
        ({"name": "apdex", "target": 1}, 0.3888888888, 0.25),
        ({"name": "apdex", "target": 5}, 0.7777777777, 0.666666666),
        ({"name": "apdex", "target": 10}, 1, 0.791666666),
        ({"name": "apdex", "target": 20}, 1, 1),
    ],
)
@pytest.mark.parametrize("prefix", ["", "h"])
async def test_a_number_of_each_range(
    room: Reading, prefix: str, aggregator: dict[str, Any], single: float, multi: float
) -> None:
    name = aggregator["name"]
    asked = {**aggregator, **SAMPLING, "name": name if name == "apdex" else prefix + name}
    for samples, expected in ((SINGLE, single), (MULTI, multi)):
        store(room, samples)
        [result] = (await room.metric(1, len(samples), aggregators=[asked]))["results"]
        assert result["values"] == [[1, pytest.approx(expected, abs=1e-9)]]
        assert result["group_by"] == [{"name": "type", "type": "number"}]


async def test_merge(room: Reading) -> None:
    store(room, MULTI)
    [[time, merged]] = await room.values({"name": "merge", **SAMPLING})
    assert time == 1
    assert merged == {
        "bins": {"1.0": 2, "2.0": 2, "8.0": 1, "9.0": 2, "12.0": 1, "18.0": 2, "20.0": 2},
        "min": 1,
        "max": 20,
        "mean": 10,
        "sum": 120,
        "precision": 7,
    }


@pytest.mark.parametrize(
    ("aggregators", "expected"),
    [
        ([filter_("lt", 10), REMAINING], [[1, 1 / 6], [2, 4 / 6]]),
        ([filter_("gt", 0), REMAINING], []),
        ([filter_("lt", 0), REMAINING], [[1, 1], [2, 1]]),
        ([{"name": "merge", **SAMPLING}, REMAINING], [[1, 1]]),
        ([{"name": "merge"}, REMAINING], [[1, 1], [2, 1]]),
        ([filter_("lt", 5), {"name": "merge", **SAMPLING}, REMAINING], [[1, 4 / 6]]),
        ([{"name": "merge", **SAMPLING}, filter_("lt", 5), REMAINING], [[1, 4 / 6]]),
        # Beyond its tests: steps between that only pick histograms keep what is known of them.
        ([filter_("lt", 10), {"name": "last", **SAMPLING}, REMAINING], [[2, 4 / 6]]),
        ([filter_("lt", 10), filter_("lt", 15), REMAINING], [[2, 4 / 6]]),
    ],
)
async def test_percent_remaining(room: Reading, aggregators: list[dict[str, Any]], expected: list[list[float]]) -> None:
    store(room, MULTI)
    values = await room.values(*aggregators)
    assert values == [[time, pytest.approx(value)] for time, value in expected]


@pytest.mark.parametrize("inclusion", [{}, {"filter_indeterminate_inclusion": "keep"}])
async def test_filter(room: Reading, inclusion: dict[str, str]) -> None:
    store(room, MULTI)
    values = await room.values(filter_("lt", 5, **inclusion))
    assert [[time, value["bins"]] for time, value in values] == [
        [1, {"8.0": 1, "9.0": 2, "12.0": 1}],
        [2, {"18.0": 2, "20.0": 2}],
    ]
    assert await room.values(filter_("gt", 0, **inclusion)) == []
    room.store.put("m", {"host": "a"}, {at: float(10 - at) for at in range(1, 10)})
    assert [value for _, value in await room.values(filter_("lt", 5, **inclusion))] == [9, 8, 7, 6, 5]


async def test_zeros_have_signs(room: Reading) -> None:
    store(room, [(100, 0.0, -0.0, -110)])
    for comparison, threshold, left in (("lte", 0.0, {"0.0", "100.0"}), ("gte", -0.0, {"-0.0", "-110.0"})):
        [[_, value]] = await room.values(filter_(comparison, threshold))
        assert value["bins"].keys() == left


@pytest.mark.parametrize(
    ("aggregator", "error"),
    [
        ({"name": "percentile", **SAMPLING}, "percentile may not be zero"),
        ({"name": "percentile", "percentile": -1}, "percentile must be between 0 and 1"),
        ({"name": "percentile", "percentile": 101}, "percentile must be between 0 and 1"),
        ({"name": "apdex", **SAMPLING}, "target must be greater than or equal to 0"),
        ({"name": "apdex", "target": -5}, "target must be greater than or equal to 0"),
        ({"name": "merge", "precision": 0}, "precision must be greater than or equal to 1"),
        ({"name": "merge", "precision": 53}, "precision must be less than or equal to 52"),
        ({"name": "merge", "sampling": {"value": 0, "unit": "hours"}}, "must be greater than or equal to 1"),
        (filter_("lt", 1, filter_indeterminate_inclusion="drop"), "drop is not a valid inclusion"),
        ({"name": "merge", "target": 1}, "Property 'target' was specified for object 'merge'"),
        ({"name": "percent_remaining", **SAMPLING}, "Property 'sampling' was specified for object 'percent_remaining'"),
        ({"name": "movingWindow", "sampling": {"value": 1}}, "sampling.unit may not be null"),
    ],
)
async def test_what_is_refused(room: Reading, aggregator: dict[str, Any], error: str) -> None:
    question = {"start_absolute": 1, "metrics": [{"name": "m", "aggregators": [aggregator]}]}
    assert error in await room.error(question)


@pytest.mark.parametrize("name", ["merge", "apdex", "percent_remaining", "hsum", "hfilter"])
async def test_numbers_and_texts_pass_by_what_takes_histograms(room: Reading, name: str) -> None:
    room.store.put("m", {"host": "a"}, {1: 5, 2: "up"})
    target = {"target": 1} if name == "apdex" else {}
    [numbers, texts] = (await room.metric(aggregators=[{"name": name, **target}]))["results"]
    assert (numbers["values"], texts["values"]) == ([[1, 5]], [[2, "up"]])


async def test_a_series_of_histograms_and_numbers_is_two_results(room: Reading) -> None:
    store(room, MULTI)
    room.store.put("m", {"host": "a"}, {3: 5, 4: 6})
    results = (await room.metric(aggregators=[{"name": "count", **SAMPLING}]))["results"]
    assert [result["values"] for result in results] == [[[1, 12]], [[3, 2]]]


async def test_a_moving_window_reads_what_lies_before_the_start(room: Reading) -> None:
    store(room, [(at,) for at in range(1, 10)])
    window = {"name": "movingWindow", "sampling": {"value": 3, "unit": "milliseconds"}}
    answer = await room.metric(6, 8, aggregators=[window, {"name": "sum", "align_sampling": False}])
    assert answer["results"][0]["values"] == [[6, 4 + 5 + 6], [7, 5 + 6 + 7], [8, 6 + 7 + 8]]
    assert answer["sample_size"] == 6, "from 3 on, where the first window begins"


def test_what_a_moving_window_reads_beside_is_not_asked_for() -> None:
    window = {"name": "movingWindow", "sampling": {"value": 2, "unit": "hours"}, "align_sampling": True}
    question = {"start_absolute": 7_200_002, "end_absolute": 9_000_000}
    [asked] = parse_query(json.dumps({**question, "metrics": [{"name": "m", "aggregators": [window]}]}), 10**10)
    assert asked.query.range == (7_200_002, 9_000_000), "what a delete goes by"
    assert asked.query.read == (0, 9_000_000)


async def test_series_are_merged(room: Reading) -> None:
    for host, samples in (("a", (1, 2, 3)), ("b", (3, 4))):
        room.store.put("m", {"host": host}, {1: histogram(samples)})
    [[_, merged]] = await room.values({"name": "merge"})
    assert merged["bins"] == {"1.0": 1, "2.0": 1, "3.0": 2, "4.0": 1}
    grouped = (await room.metric(aggregators=[{"name": "count"}], group_by=[{"name": "tag", "tags": ["host"]}]))[
        "results"
    ]
    assert [result["values"] for result in grouped] == [[[1, 3]], [[1, 2]]]


async def test_a_merged_histogram_can_be_saved(room: Reading) -> None:
    store(room, MULTI)
    await room.values({"name": "merge", **SAMPLING}, {"name": "save_as", "metric_name": "all"})
    [saved] = room.store.saved
    assert saved.values.text(0).startswith('histogram\0{"bins":{"1.0":2,"2.0":2,')
    assert saved.values.text(0).endswith('"sum":120,"precision":7}')


async def test_a_merged_histogram_that_no_writer_could_store_is_not_saved_either(room: Reading) -> None:
    for at in range(4):
        room.store.put("m", {"host": "a"}, {at: histogram([1 + (at + number / 1000) / 7 for number in range(999)], 52)})
    merge = {"name": "merge", **SAMPLING}
    save = {"name": "save_as", "metric_name": "all"}
    assert len((await room.values(merge))[0][1]["bins"]) == 4 * 999
    error = await room.error({"start_absolute": 0, "metrics": [{"name": "m", "aggregators": [merge, save]}]})
    assert "save_as cannot store all: a value of" in error
    assert len(await room.values({**merge, "precision": 7}, save)) == 1
