"""What a task's JSON comes to; what is refused stands in tests/golden/kairosdb/rollups.json."""

from __future__ import annotations

import json

from rollup_lab import HOUR, NOON, sampled, task

from headrace.protocols.kairosdb.rollups.task import BEGIN_MS_MIN, parse_task


def test_where_a_roll_up_begins() -> None:
    def begins(**query: object) -> int:
        said = task(sampled("sum"), start=None)
        said["rollups"][0]["query"] |= query
        [part] = parse_task(json.dumps(said).encode(), "1", NOON).parts
        return part.begin_ms

    assert begins() == NOON
    assert begins(start_absolute=5) == 5
    assert begins(start_relative={"value": 3, "unit": "hours"}) == NOON - 3 * HOUR
    assert begins(start_absolute=-(10**15)) == BEGIN_MS_MIN


def test_the_same_query_has_the_same_digest_and_is_computed_once() -> None:
    said = task(sampled("sum"))
    one, same = said["rollups"][0], task(sampled("sum"))["rollups"][0]
    same["query"] = dict(reversed(same["query"].items()))
    other = task(sampled("sum"), save_as="other")["rollups"][0]
    said["rollups"] = [one, same, other]
    parts = parse_task(json.dumps(said).encode(), "1", NOON).parts
    assert [part.save_as for part in parts] == ["m.hourly", "other"]


def test_the_example_of_kairosdbs_documentation() -> None:
    said = {
        "name": "MyRollup",
        "execution_interval": {"value": 1, "unit": "hours"},
        "rollups": [
            {
                "save_as": "kairosdb.http.query_time_rollup",
                "query": {
                    "cache_time": 0,
                    "metrics": [
                        {
                            "name": "kairosdb.http.query_time",
                            "limit": 10000,
                            "tags": {"host": ["foo", "bar"], "customer": ["foobar"]},
                            "aggregators": [sampled("sum", 1, "minutes"), sampled("avg", 10, "minutes")],
                        }
                    ],
                },
            }
        ],
    }
    parsed = parse_task(json.dumps(said).encode(), "1", NOON)
    assert (parsed.name, parsed.interval_ms, len(parsed.parts)) == ("MyRollup", HOUR, 1)
    assert json.loads(parsed.body) == {"id": "1", **said}
