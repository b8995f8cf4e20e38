"""Requests that are nearly right: one part replaced, a member too many, a letter lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from oracles.comparing.sorts import Said

TIME_MS = 1359788400000
MINUTE: Said = {"value": 1, "unit": "minutes"}

BAD: list[Any] = [None, "abc", "", -1, 0, 1.5, True, [], {}, [1], ["x"], {"a": 1}, [None], "1x", "5", 99_999_999_999]

METRIC = "M"
"""Stands for a name that begins as those of the case do."""

BAD_NAMES: list[Any] = [None, "", [], {}, {"a": 1}, [None], METRIC + "abc", [METRIC + "0"], [METRIC, METRIC]]
"""None that another case may have written to."""

WRITES: list[Any] = [
    [
        {
            "name": METRIC + "0",
            "datapoints": [[TIME_MS, 1], [TIME_MS + 1, 2.5, "double"]],
            "tags": {"host": "A"},
            "ttl": 0,
        },
        {"name": METRIC + "1", "timestamp": TIME_MS, "value": "x", "type": "string", "tags": {"host": "B"}},
    ],
    [{"name": METRIC + "0", "timestamp": TIME_MS, "value": 1, "tags": {"h": "1", "i": "2"}}],
    {"name": METRIC + "1", "datapoints": [[TIME_MS, 1]], "tags": {"h": "1"}, "type": "long"},
]

_RANGE = {"start_absolute": TIME_MS - 10, "end_absolute": TIME_MS + 10**6, "cache_time": 0, "time_zone": "UTC"}

_AGGREGATORS: list[Said] = [
    {
        "name": "avg",
        "sampling": MINUTE,
        "align_sampling": True,
        "align_start_time": False,
        "align_end_time": False,
        "start_time": TIME_MS,
        "time_zone": "UTC",
    },
    {"name": "percentile", "sampling": MINUTE, "percentile": 0.5},
    {"name": "dev", "sampling": MINUTE, "return_type": "value", "dev_count": 1},
    {"name": "gaps", "sampling": MINUTE, "trim": True},
    {"name": "rate", "sampling": MINUTE},
    {"name": "rate", "unit": "minutes"},
    {"name": "sampler", "unit": "minutes"},
    {"name": "scale", "factor": 2},
    {"name": "div", "divisor": 2},
    {"name": "sma", "size": 2},
    {"name": "trim", "trim": "first"},
    {"name": "filter", "filter_op": "lt", "threshold": 1},
    {"name": "save_as", "metric_name": METRIC + "s", "tags": {"a": "b"}, "ttl": 0, "add_saved_from": True},
    {"name": "score", "thresholds": [{"value": 1, "boundary": "superior"}], "order": "ascending"},
    {"name": "diff"},
    {"name": "count", "sampling": MINUTE},
    {"name": "least_squares", "sampling": MINUTE},
]

_GROUPERS: list[Said] = [
    {"name": "tag", "tags": ["host"]},
    {"name": "time", "range_size": MINUTE, "group_count": 2},
    {"name": "value", "range_size": 3},
    {"name": "bin", "bins": [1, 2]},
]

_WHOLE = {"tags": {"host": ["A"], "dc": "x"}, "limit": 5, "order": "asc", "exclude_tags": False, "alias": "a"}

QUESTIONS: list[Any] = [
    {**_RANGE, "metrics": [{"name": METRIC + "0", **_WHOLE}]},
    {
        "start_relative": {"value": 1, "unit": "hours"},
        "end_relative": {"value": 1, "unit": "minutes"},
        "metrics": [{"name": METRIC + "0"}],
    },
    *({**_RANGE, "metrics": [{"name": METRIC + "0", "aggregators": [one]}]} for one in _AGGREGATORS),
    *({**_RANGE, "metrics": [{"name": METRIC + "0", "group_by": [one]}]} for one in _GROUPERS),
]

_NAMES = ["bogus", "AVG", "js_function", "data_gaps", " avg"]
_MEMBERS = ["bogus", "unit", "tags", "trim", "Sampling"]
_BODIES = ["", " ", "null", "[]", "{}", "1", '"x"', "[", "{", "not json", "[null]", "[[]]", "[1]"]

Path = tuple[str | int, ...]


def mutated(random: Random, said: Any) -> str:
    """A text that is no longer quite what `said` says."""
    match random.choices(("part", "member", "text", "lenient", "body"), (60, 10, 10, 15, 5))[0]:
        case "part":
            path = random.choice(list(_paths(said)))
            other = random.choice(BAD_NAMES if path and path[-1] == "name" else BAD)
            return json.dumps(_with(said, path, other), ensure_ascii=False)
        case "member":
            return json.dumps(_with_member(random, said))
        case "text":
            return _broken(random, json.dumps(said))
        case "lenient":
            return _lenient(random, json.dumps(said))
    return random.choice(_BODIES)


def _paths(said: Any, here: Path = ()) -> Iterator[Path]:
    yield here
    if isinstance(said, dict | list):
        for step, inner in said.items() if isinstance(said, dict) else enumerate(said):
            yield from _paths(inner, (*here, step))


def _with(said: Any, path: Path, other: Any) -> Any:
    """With something else there; nothing at all where that is False."""
    if not path:
        return other
    copied = copy.deepcopy(said)
    inner = copied
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = other
    return copied


def _with_member(random: Random, said: Any) -> Any:
    """A member left out, one too many, or another name."""
    copied = copy.deepcopy(said)
    objects = [one for one in (_at(copied, path) for path in _paths(copied)) if isinstance(one, dict) and one]
    chosen = random.choice(objects)
    match random.choice(("without", "without", "unknown", "named")):
        case "without":
            del chosen[random.choice(list(chosen))]
        case "named" if "name" in chosen:
            is_metric = str(chosen["name"]).startswith(METRIC)
            chosen["name"] = METRIC * is_metric + random.choice(_NAMES)
        case _:
            chosen[random.choice(_MEMBERS)] = random.choice((1, "x", None, {}))
    return copied


def _at(said: Any, path: Path) -> Any:
    for step in path:
        said = said[step]
    return said


def _broken(random: Random, text: str) -> str:
    at = random.randrange(len(text))
    match random.choice(("cut", "cut", "cut", "added", "lost")):
        case "cut":
            return text[:at]
        case "added":
            return text[:at] + random.choice([",", "}", "]", '"', "x", ":", "\\"]) + text[at:]
    return text[:at] + text[at + 1 :]


def _lenient(random: Random, text: str) -> str:
    """What is no JSON, and is read all the same."""
    match random.choice(("single", "unquoted", "comment", "marks", "plus", "bom")):
        case "single":
            return text.replace('"', "'")
        case "unquoted":
            return text.replace('"name"', "name").replace('"tags"', "tags").replace('"metrics"', "metrics")
        case "comment":
            return random.choice(("// c\n", "# c\n", "/* c */")) + text
        case "marks":
            return text.replace('":', '"=', 1).replace(", ", "; ", 1)
        case "plus":
            return text.replace(" 1", " +1").replace(" 2", " 002")
    return "\ufeff" + text
