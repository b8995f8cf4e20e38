"""How a question is read, and what is grouped. "reading": KairosDB was asked in other words too (rewording)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from oracles.comparing.differences import Difference, Wanted
from oracles.comparing.sorts import Case, Said
from oracles.kairosdb import rewording
from oracles.kairosdb.judging import Number, name_of
from oracles.kairosdb.wanted.points import Points, all_of, lacking
from oracles.kairosdb.wanted.told import (
    POINTS,
    chain_of,
    groups_by,
    has_whole,
    kind,
    metric_of,
    said_of,
    whole_of,
    written,
)

LARGE = 2**31 - 1


def _is_alias(case: Case, found: Difference) -> bool:
    if kind(found) != "members":
        return False
    real, ours = said_of(found)
    return "alias" in (metric_of(found) or ours) and list(real) == [name for name in ours if name != "alias"]


def _is_order_of_tags(case: Case, found: Difference) -> bool:
    if kind(found) not in ("tags", "order of tags"):
        return False
    if metric_of(found) and not groups_by(found, *rewording.SPLITS):
        return False
    real, ours = (one["tags"] for one in said_of(found))
    return bool({name: sorted(values) for name, values in real.items()} == ours)


def _is_limit(case: Case, found: Difference) -> bool:
    """Of each series KairosDB takes as many of each type, we as many in all; of each group both as many of those."""
    limit = metric_of(found).get("limit")
    if not limit or chain_of(found) or not has_whole(found) or case.sort.name != "query":
        return False
    taken, taken_here = _limited(case, metric_of(found))
    real, ours = whole_of(found)
    sizes = [int(one.get("sample_size", 0)) for one in (real, ours)]
    if sizes != [len(taken), len(taken_here)] or Counter(taken) == Counter(taken_here):
        return False
    alike = _Alike([*taken, *taken_here])
    may_be, may_be_here = Counter(map(alike, taken)), Counter(map(alike, taken_here))
    left_out = may_be_here - Counter(map(alike, all_of(ours)))
    there, here = ({name_of(one) + _type(one): one for one in answer["results"]} for answer in (real, ours))
    pairs = [(there.get(name, NOTHING), here.get(name, NOTHING)) for name in {*there, *here}]
    return (
        kind(found) in ("sample_size", "results", "tags", *POINTS)
        and all(Counter(map(alike, one["values"])) <= may_be for one, _ in pairs)
        and all(Counter(map(alike, one["values"])) <= may_be_here for _, one in pairs)
        and all(_is_less_taken(*pair, int(float(limit)), alike, left_out) for pair in pairs)
    )


class _Alike:
    """What stands for a point: of several texts at one time, any, since which of them a limit leaves is a matter of
    their order ("texts at one time")."""

    def __init__(self, points: list[tuple[int, Any]]) -> None:
        self._texts: dict[int, set[str]] = defaultdict(set)
        for time_ms, value in points:
            if isinstance(value, str):
                self._texts[time_ms].add(value)

    def __call__(self, point: Sequence[Any]) -> tuple[int, Any]:
        time_ms, value = int(point[0]), _plain(point[1])
        texts = self._texts.get(time_ms, set())
        return time_ms, frozenset(texts) if value in texts else value


NOTHING: Said = {"values": [], "tags": {}}

Taken = Counter[tuple[int, Any]]


def _is_less_taken(real: Said, ours: Said, limit: int, alike: _Alike, left_out: Taken) -> bool:
    """What only KairosDB has, we have not taken; what only we have, stands behind as much as KairosDB may have.
    left_out: what we have taken, and do not show."""
    there, here = (Counter(map(alike, one["values"])) for one in (real, ours))
    behind = ours["values"][sum((here & there).values()) :] if len(real["values"]) == limit else []
    return (
        not (there - here) & left_out
        and Counter(map(alike, behind)) == here - there
        and all(set(values) <= set(real.get("tags", {}).get(key, ())) for key, values in ours.get("tags", {}).items())
    )


def _limited(case: Case, metric: Said) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """The points that KairosDB takes of the series, and those that we take."""
    question, limit = case.said["question"], int(float(metric["limit"]))
    start = int(float(question.get("start_absolute", -1e15)))
    end = int(float(question.get("end_absolute", 1e15)))
    is_descending = str(metric.get("order")).lower() == "desc"
    series: dict[str, dict[int, Any]] = defaultdict(dict)
    for one, time_ms, value in written(case):
        if one["metric"] == metric["name"] and _has(one["tags"], metric.get("tags", {})) and start <= time_ms <= end:
            series[str(one["tags"])][time_ms] = value
    taken: list[tuple[int, Any]] = []
    taken_here: list[tuple[int, Any]] = []
    for points in series.values():
        ordered = sorted(points.items(), reverse=is_descending, key=lambda point: point[0])
        taken_here += ordered[:limit]
        for one_type in (int, float, str):
            taken += [point for point in ordered if type(point[1]) is one_type][:limit]
    return taken, taken_here


def _has(tags: Said, asked: Said) -> bool:
    """Whether a series is one of those. No values are any value."""
    lists = {key: values if isinstance(values, list) else [values] for key, values in asked.items()}
    return all(not values or tags.get(key) in values for key, values in lists.items())


def _type(result: Said) -> str:
    return str(result["group_by"][-1:]) if "group_by" in result else ""


def _are_some(tags: Said, of: Said) -> bool:
    return all(set(values) <= set(of.get(key, ())) for key, values in tags.items())


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Number) else value


def _is_great_group(case: Case, found: Difference) -> bool:
    """Without the great numbers all groups are alike, and of those none is lost."""
    if not has_whole(found) or not groups_by(found, "value") or chain_of(found):
        return False
    real, ours = whole_of(found)
    small, others = (
        {name_of(one) + _type(one): _of_size(one, False) for one in said["results"]} for said in (real, ours)
    )
    great, great_here = ([point for one in said["results"] for point in _of_size(one, True)] for said in (real, ours))
    names = {name for name in (*small, *others) if small.get(name) or others.get(name)}
    return (
        bool(great)
        and kind(found) in ("results", "order of results", "tags", *POINTS)
        and sorted(map(str, great)) == sorted(map(str, great_here))
        and all(lacking(small.get(name, []), others.get(name, [])) == [] for name in names)
    )


def _of_size(result: Said, great: bool) -> Points:
    return [
        [at, value]
        for at, value in result["values"]
        if (isinstance(value, Number) and abs(value.value) > LARGE) is great
    ]


def _reading(name: str, reason: str) -> Wanted[Case]:
    return Wanted(name, reason, lambda case, found: found.kind == "reading" and found.words == name)


ENTRIES: list[Wanted[Case]] = [
    Wanted("alias", "the branch echoes an alias, the release ignores it: kept", _is_alias, in_short_run=True),
    Wanted(
        "order of tags",
        "sorted here; where values are grouped KairosDB has them in the order of its hashes",
        _is_order_of_tags,
        in_short_run=True,
    ),
    _reading(rewording.REGEX, "regex: in a tag's value is documented, KairosDB's H2 store takes it for a name"),
    _reading(rewording.QUOTED, "a number in quotes is a number; KairosDB drops all numbers then"),
    _reading(
        rewording.ANCHOR,
        "points before the moment from which ranges are counted lie in ranges too; KairosDB counts towards it",
    ),
    _reading(
        rewording.DESCENDING, "ranges go forward in time in either order; descending, KairosDB puts all in one range"
    ),
    _reading(rewording.MONTHS, "group_by time of several months takes that many; KairosDB any number for one"),
    Wanted(
        "order of groups read otherwise",
        "groups come as they are numbered; of a question in other words KairosDB numbers others",
        lambda case, found: (
            kind(found) == "order of results"
            and bool(metric_of(found).get(rewording.REGROUPED))
            and groups_by(found, *rewording.SPLITS)
        ),
    ),
    Wanted("limit of mixed types", "a limit counts a series once; KairosDB each type of value", _is_limit),
    Wanted(
        "great value groups",
        "numbers beyond 32 bits have groups of their own; KairosDB cuts them off",
        _is_great_group,
    ),
]
