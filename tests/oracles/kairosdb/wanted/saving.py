"""What save_as has stored, and of two types of values at one time."""

from __future__ import annotations

from typing import Any

from oracles.comparing.differences import Difference, Wanted
from oracles.comparing.sorts import Case
from oracles.kairosdb.judging import Number
from oracles.kairosdb.wanted.computing import same_value
from oracles.kairosdb.wanted.points import HAVE_POINTS, all_of, by_time, lacking, values_of
from oracles.kairosdb.wanted.told import (
    has_whole,
    is_of_saved,
    kind,
    passed,
    said_of,
    saved_metrics,
    saves,
    whole_of,
    written,
)

MAY_FAIL = ("rate", "sampler", "least_squares", "scale", "div", "sum", "avg", "dev")
"""Aggregators that answer 500 where two points have one time, or a result is no number."""


def _is_unsaved(case: Case, found: Difference) -> bool:
    if not saves(case):
        return False
    untagged = any("tags" not in one and one.get("add_saved_from") is False for one in saves(case))
    if "at least 1 tag is needed" in found.words:
        return untagged
    chains = [one["name"] for metric in saved_metrics(case) for one in metric["aggregators"]]
    if not untagged and not any(name in MAY_FAIL for name in chains):
        return False
    real, ours = said_of(found)
    if kind(found) == "names":
        return bool([name for name in real if not name.endswith(".saved")] == ours)
    if not is_of_saved(found):
        return False
    return kind(found) in ("members", "sample_size", "results", "tags") and not values_of(found)[1]


def _is_lost_type(case: Case, found: Difference) -> bool:
    """At each time where KairosDB has values of several types we have some of them, and all others everywhere."""
    is_line = case.sort.name == "telnet"
    if not (is_line or (is_of_saved(found) and saves(case))) or not has_whole(found):
        return False
    real, ours = map(all_of, whole_of(found))
    lost = lacking(real, ours, same_value(case, found))
    if kind(found) == "tags":
        there_tags, tags = (one["tags"] for one in said_of(found))
        return bool(lost) and all(set(values) <= set(there_tags.get(name, ())) for name, values in tags.items())
    if kind(found) not in HAVE_POINTS or not lost:
        return False
    there, here = by_time(real), by_time(ours)
    doubles = {time_ms for _, time_ms, value in written(case) if isinstance(value, float)}
    may_be_double = is_line or len(passed(case, found)) > len(saves(case))
    return all(
        here[time_ms]
        and 3 * len(here[time_ms]) >= len(there[time_ms])
        and _are_of_types(there[time_ms], may_be_double or int(time_ms) in doubles)
        for time_ms, _ in lost
    )


def _are_of_types(values: list[Any], may_be_double: bool) -> bool:
    """Whether they may be of several of the three types that KairosDB keeps apart. may_be_double: what is spelled as an
    integer, as KairosDB spells a double without a fraction."""
    numbers = [one for one in values if isinstance(one, Number)]
    are_unlike = any(not one.is_integer for one in numbers) or may_be_double
    return 0 < len(numbers) < len(values) or (len(numbers) > 1 and are_unlike)


ENTRIES: list[Wanted[Case]] = [
    Wanted(
        "unsaved",
        "save_as without any tag is refused, and a question that fails saves nothing; KairosDB saves",
        _is_unsaved,
    ),
    Wanted(
        "two kinds at one time",
        "of a series and a millisecond the last write counts; KairosDB keeps one of each type of value",
        _is_lost_type,
    ),
]
