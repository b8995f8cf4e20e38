"""Questions in other words mean what headrace reads in the first ones."""

from __future__ import annotations

from typing import Any

import pytest

from oracles.kairosdb.anchors import anchored
from oracles.kairosdb.left import EVER
from oracles.kairosdb.rewording import reworded, with_plain_thresholds

DAY_MS = 86_400_000

SERIES = [
    {"metric": 0, "tags": {"host": "A", "dc": "x"}, "points": [[5 * DAY_MS, 1]]},
    {"metric": 0, "tags": {"host": "B"}, "points": [[6 * DAY_MS, 2]]},
]


def asked(**metric: Any) -> dict[str, Any]:
    return {"start_absolute": 5 * DAY_MS, "metrics": [{"name": 0, **metric}]}


def test_what_both_read_alike_is_not_reworded() -> None:
    plain = asked(aggregators=[{"name": "avg", "sampling": {"value": 1, "unit": "days"}}], tags={"host": ["A"]})
    assert reworded(plain, SERIES) is None


def test_a_regex_is_the_values_that_it_means() -> None:
    found = reworded(asked(tags={"host": ["regex:[AB]", "C"], "dc": "regex:q", "nope": []}), SERIES)
    assert found is not None
    assert found.readings == ["regex"]
    assert found.question["metrics"][0]["tags"] == {"host": ["A", "B", "C"], "dc": ["nothing has this"], "nope": []}


def test_a_threshold_in_quotes_filters_numbers_as_one_and_texts_as_a_text() -> None:
    found = reworded(asked(aggregators=[{"name": "filter", "filter_op": "lt", "threshold": "5"}]), SERIES)
    assert found is not None
    assert found.texts is not None
    chains = [said["metrics"][0]["aggregators"] for said in (found.question, found.texts)]
    assert [chain[0]["threshold"] for chain in chains] == [5.0, "5"]
    number = {"name": "m", "group_by": [{"name": "type", "type": "number"}], "values": [[1, 2]]}
    text = {"name": "m", "group_by": [{"name": "type", "type": "text"}], "values": []}
    [read] = found.read([{"results": [number, text]}], [{"results": [number, {**text, "values": [[1, "x"]]}]}])
    assert [one["values"] for one in read["results"]] == [[[1, 2]], [[1, "x"]]]


@pytest.mark.parametrize("said", ['"threshold": +1', '"threshold": "1"', '"threshold": "+1"'])
def test_thresholds_of_texts_are_spelled_plainly(said: str) -> None:
    assert with_plain_thresholds(f"{{{said}}}") == '{"threshold": 1}'


def test_descending_points_are_those_of_the_other_order_from_behind() -> None:
    found = reworded(asked(aggregators=[{"name": "diff"}], order="DESC"), SERIES)
    assert found is not None
    assert found.question["metrics"][0]["order"] == "asc"
    [read] = found.read([{"results": [{"name": "m", "values": [[1, 2], [3, 4]]}]}])
    assert read["results"][0]["values"] == [[3, 4], [1, 2]]
    [read] = found.read([{"sample_size": 0, "results": [{"name": "m", "values": [[1, None], [2, None]]}]}])
    assert read["results"][0]["values"] == [[1, None], [2, None]]


def test_after_a_count_texts_are_numbers() -> None:
    chain = [{"name": "count"}, {"name": "filter", "filter_op": "lt", "threshold": "5"}]
    found = reworded(asked(aggregators=chain), SERIES)
    assert found is not None
    assert found.texts is not None
    assert found.texts["metrics"][0]["aggregators"][1]["threshold"] == 5.0


@pytest.mark.parametrize(
    ("said", "values"),
    [
        ({}, [[2, 2], [4, 4]]),
        ({"order": "desc"}, [[4, 4], [2, 2]]),
        ({"limit": 1}, [[2, 2]]),
        ({"limit": "1.5", "order": "DESC"}, [[4, 4]]),
        ({"limit": 0}, [[2, 2], [4, 4]]),
    ],
)
def test_groups_of_several_months_are_those_of_single_ones_together(said: dict[str, Any], values: Any) -> None:
    grouper = {"name": "time", "range_size": {"value": "2.5", "unit": "Months"}, "group_count": 2}
    found = reworded(asked(group_by=[grouper], **said), SERIES)
    assert found is not None
    [single] = found.question["metrics"][0]["group_by"]
    assert (single["range_size"]["value"], single["group_count"]) == (1, 4)
    groups = [{**single, "group": {"group_number": number}} for number in (0, 1, 2)]
    results = [
        {"name": "m", "group_by": [one], "tags": {"host": [host]}, "values": [[at, at]]}
        for one, host, at in zip(groups, "ABC", (4, 2, 3), strict=True)
    ]
    [read] = found.read([{"results": results}])
    numbers = [one["group_by"][0]["group"]["group_number"] for one in read["results"]]
    assert numbers == [0, 1]
    assert read["results"][0]["values"] == values
    assert read["results"][0]["tags"] == {"host": ["A", "B"]}


@pytest.mark.parametrize(
    ("sampling", "zone", "aligned", "length_ms"),
    [
        ({"value": 7, "unit": "hours"}, "UTC", False, 7 * 3_600_000),
        ({"value": "2.9", "unit": "DAYS"}, "UTC", True, 2 * DAY_MS),
        ({"value": 1, "unit": "weeks"}, "+01:00", False, 7 * DAY_MS),
    ],
)
def test_ranges_are_the_same_from_an_earlier_moment(
    sampling: dict[str, Any], zone: str, aligned: bool, length_ms: int
) -> None:
    said = {"name": "avg", "sampling": sampling, "time_zone": zone, "align_sampling": aligned}
    question = asked(aggregators=[said])
    found = anchored(said, question, 3 * DAY_MS)
    assert found["align_sampling"] is False
    assert found["start_time"] < 3 * DAY_MS
    assert (5 * DAY_MS - found["start_time"]) % length_ms == 0


def test_days_go_back_by_the_calendar() -> None:
    """On 31 March 2019 clocks changed in Berlin: that day had 23 hours."""
    said = {"name": "avg", "sampling": {"value": 1, "unit": "days"}, "time_zone": "Europe/Berlin"}
    noon_of_1_april_ms = 1554112800000
    question = {**EVER, "start_absolute": noon_of_1_april_ms, "metrics": [{"name": 0, "aggregators": [said]}]}
    found = anchored(said, question, noon_of_1_april_ms)
    assert found["start_time"] == 1553814000000  # midnight of 29 March there
