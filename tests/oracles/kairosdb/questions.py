"""Questions to /api/v1/datapoints/query, at random, about the points of a world."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import Any

from oracles.comparing.sorts import Said
from oracles.kairosdb.rewording import is_several_months, of_ranges
from oracles.kairosdb.servers import UNIT_MS
from oracles.kairosdb.worlds import HIGH, HOSTS, Series, span

ZONES = [
    *("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "UTC"),
    *("Pacific/Auckland", "+01:00", "-03:30", "+23:59:59.999"),
]

OF_RANGES = ("avg", "sum", "min", "max", "count", "dev", "first", "last", "percentile", "least_squares")
ALONG_TIME = ("diff", "rate", "sampler", "scale", "div", "sma", "trim", "filter", "score")

GROUPS_OF_TAGS = [["host"], ["dc"], ["host", "dc"], ["dc", "host"], ["nope"], ["host", "nope"]]


class Asking:
    """Questions about one world. kind: of the world (worlds.STARTS)."""

    def __init__(self, random: Random, kind: str, series: list[Series]) -> None:
        self._random = random
        self._first, self._last = span(series)
        self._step = max(1, (self._last - self._first) // 20)
        self._metrics = 1 + max(one["metric"] for one in series)
        self._is_now = kind == "now"
        self.is_mixed = any(len({type(value) for _, value in one["points"]}) > 1 for one in series)
        values = [value for one in series for _, value in (*one["points"], *one.get("again", ()))]
        self._is_high = any(isinstance(value, float) for value in values) and all(
            isinstance(value, str) or value >= HIGH for value in values
        )
        self._is_vast = any(not isinstance(value, str) and abs(value) > 2**53 for value in values)
        self._is_large = any(not isinstance(value, str) and abs(value) >= 2**31 for value in values)

    def question(self, raw: bool = False) -> Said:
        """The JSON of a question; its metrics are numbers. raw: without aggregators, group_by, limit and order."""
        random = self._random
        relative = self._is_now and random.random() < 0.6
        said = self._relative() if relative else self._absolute()
        if random.random() < 0.35:
            said["time_zone"] = random.choice(ZONES)
        if random.random() < 0.5:
            said["cache_time"] = 0
        length = said.get("end_absolute", int(time.time() * 1000)) - int(said.get("start_absolute", 0))
        plain = relative or "end_absolute" not in said
        metrics = [self._metric(raw, plain, relative, length) for _ in range(random.choice((1, 1, 1, 2)))]
        for metric in metrics if "end_relative" in said else ():
            metric.pop("limit", None)  # how many points there are must be known
        return {**said, "metrics": metrics}

    def _absolute(self) -> Said:
        random, step = self._random, self._step
        early = self._first - random.randint(0, 3) * step - random.randint(0, 1000)
        start = random.choice((self._first, early, early, self._first + random.randint(1, 8) * step))
        said: Said = {"start_absolute": random.choice((start, start, start, str(start), start + 0.5))}
        said["start_absolute"] = start if random.random() < 0.9 else said["start_absolute"]
        if random.random() < 0.8:
            end = random.choice(
                (self._last, self._last + random.randint(0, 5) * step, self._last - random.randint(1, 8) * step)
            )
            said["end_absolute"] = max(start, end)
        return said

    def _relative(self) -> Said:
        random = self._random
        value = random.choice((4, 5, "6", 4.7))
        said: Said = {"start_relative": {"value": value, "unit": random.choice(("hours", "HOURS", "Hours"))}}
        if random.random() < 0.2:
            said = {"start_relative": {"value": 1, "unit": random.choice(("days", "weeks", "months", "years"))}}
        if random.random() < 0.3:
            said["end_relative"] = {"value": random.choice((1, 2, 0)), "unit": "seconds"}
        return said

    def _metric(self, raw: bool, plain: bool, relative: bool, length: int) -> Said:
        random = self._random
        said: Said = {"name": random.randrange(self._metrics) if random.random() < 0.97 else "unknown"}
        if random.random() < 0.3:
            said["tags"] = self._tags()
        if random.random() < 0.1:
            said["exclude_tags"] = random.choice((True, False, "true"))
        if random.random() < 0.05:
            said["alias"] = "al"
        if raw:
            return said
        if random.random() < 0.12:
            said["limit"] = random.choice((0, 1, 2, 5, 100, "3", 2.9))
        if random.random() < 0.45:
            said["group_by"] = [self._group_by(relative) for _ in range(random.choice((1, 1, 1, 2, 2, 3)))]
        chain = [self._aggregator(relative, length) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3)))]
        if not plain and random.random() < 0.12:
            chain.append({"name": "gaps", **self._ranges(relative, length, coarse=True), **self._trim()})
        if random.random() < 0.01:
            chain = [{"name": "scale", "factor": -1.5}, {"name": "filter", "filter_op": "ne", "threshold": 0}]
        if chain or random.random() < 0.2:
            said["aggregators"] = chain
        if random.random() < 0.08:
            said["order"] = random.choice(("desc", "asc", "DESC"))
        return self._judgeable(said)

    def _judgeable(self, said: Said) -> Said:
        """Without aggregators where what KairosDB does otherwise before them could not be told from their results."""
        groupers = said.get("group_by", ())
        by_value = any(one["name"] == "value" for one in groupers) and self._is_large
        is_limited = said.get("limit") and (self.is_mixed or str(said.get("order")).lower() == "desc")
        if by_value:
            said.pop("limit", None)
        if by_value or is_limited or any(map(is_several_months, groupers)):
            return {name: inner for name, inner in said.items() if name != "aggregators"}
        chain = said.get("aggregators", [])
        if chain and (self._is_high or self._is_vast):
            names = ("dev",) if self._is_high else ("avg", "sum")
            chain[:] = [{"name": self._random.choice(names), "sampling": self._sampling(True, None)}]
        if self._is_large and any(one["name"] in ("avg", "dev", "sum") for one in chain):
            seeing = ("filter", "score", "rate", "sampler")  # these see its last digits, or make much of them
            chain[:] = [one for one in chain if one["name"] not in seeing]
        if any(one["name"] in ("dev", "least_squares") for one in chain):
            chain[:] = [one for one in chain if one["name"] not in ("rate", "sampler")]  # of any size
        last = [at for at, one in enumerate(chain) if _is_last(one)]
        if last:
            chain = said["aggregators"] = chain[: last[0] + 1]
        ranges = of_ranges(chain)
        moved_from_now = ranges[:-1] if self._is_now else []
        before_gaps = [one for one in ranges[:-1] if ranges[-1]["name"] == "gaps"]
        for one in (*moved_from_now, *before_gaps):
            one.pop("align_start_time", None)
        return said

    def _trim(self) -> Said:
        return {"trim": self._random.choice((True, False))} if self._random.random() < 0.4 else {}

    def _tags(self) -> Said:
        random = self._random
        found: Said = {}
        for _ in range(random.choice((1, 1, 2))):
            key = random.choice(("host", "host", "dc", "dc", "nope"))
            values = [*HOSTS, "zzz"] if key == "host" else ["x", "y", "DC 1", "q"]
            found[key] = random.choice(
                (
                    random.choice(values),
                    random.sample(values, random.randint(1, 3)),
                    random.sample(values, random.randint(2, 4)),
                    [],
                )
            )
            if random.random() < 0.05:
                found[key] = random.choice(("regex:.*", "regex:[AB]", ["regex:x", "y"]))
        return found

    def _group_by(self, relative: bool) -> Said:
        random = self._random
        match random.choice(("tag", "tag", "value", "bin") if relative else ("tag", "tag", "time", "value", "bin")):
            case "time":
                count = random.choice((1, 2, 3, 7, "2", 2.5))
                return {"name": "time", "range_size": self._sampling(relative, None), "group_count": count}
            case "value":
                return {"name": "value", "range_size": random.choice((1, 3, 10, 100, "5", 3.7))}
            case "bin":
                bins: Sequence[Any] = random.choice(
                    (["0", "10", "50"], [2, 5, 7], [0], ["-10", "0", "0.5", "99.5"], [1.5])
                )
                return {"name": "bin", "bins": list(bins)}
        return {"name": "tag", "tags": random.choice(GROUPS_OF_TAGS)}

    def _sampling(self, relative: bool, length: int | None, coarse: bool = False) -> Said:
        """A length of which a few to some hundreds fill the points, or with `length` the question."""
        random = self._random
        whole = max(1, self._last - self._first if length is None else length)
        for _ in range(100):
            unit = random.choice(list(UNIT_MS)[2 if relative else 0 :])
            count = random.choice((1, 1, 2, 3, 5, 7, 10, 15, 30, 100, 250))
            if not coarse and random.random() < 0.1:
                break
            if 0.05 <= whole / UNIT_MS[unit] / count <= 300:
                return {
                    "value": random.choice((count, count, count, str(count), count + 0.5)),
                    "unit": random.choice((unit, unit.upper(), unit.capitalize())),
                }
        return {"value": max(1, whole // 10), "unit": "milliseconds"} if not relative else {"value": 1, "unit": "days"}

    def _ranges(self, relative: bool, length: int, coarse: bool = False) -> Said:
        """The properties of a range aggregator. coarse: of one that gives a value for every range."""
        random = self._random
        said: Said = {}
        if coarse or relative or random.random() < 0.94:
            said["sampling"] = self._sampling(relative, length if coarse else None, coarse)
        if random.random() < 0.35:
            said["align_sampling"] = random.choice((True, True, "TRUE"))
        elif not relative and random.random() < 0.4:
            said["align_sampling"] = False
        said |= random.choice(
            (
                {},
                {},
                {},
                {"align_start_time": True},
                {"align_end_time": True},
                {"align_start_time": "true", "align_end_time": True},
                {"align_start_time": False},
            )
        )
        if not relative and not coarse and random.random() < 0.04:
            said["start_time"] = self._first + random.randint(-5, 5) * self._step
        if random.random() < 0.08:
            said["time_zone"] = random.choice(ZONES)
        return said

    def _aggregator(self, relative: bool, length: int) -> Said:
        random = self._random
        name = random.choice((*OF_RANGES, *OF_RANGES, *ALONG_TIME))
        said: Said = {"name": name}
        if name in OF_RANGES:
            said |= self._ranges(relative, length)
        said |= self._own(name)
        return said

    def _own(self, name: str) -> Said:
        """The properties that only this aggregator has."""
        random = self._random
        match name:
            case "percentile":
                return {"percentile": random.choice((0.5, 0.9, 0.95, 0.1, 1, 0.75, 0.333, "0.5"))}
            case "dev" if random.random() < 0.5:
                return {
                    "return_type": random.choice(("value", "pos_sd", "neg_sd")),
                    "dev_count": random.choice((1, 2, 3, "2")),
                }
            case "rate":
                sampling = {"value": random.choice((1, 1, 2, 10, "2")), "unit": random.choice(list(UNIT_MS))}
                zone = {"time_zone": random.choice(ZONES)} if random.random() < 0.1 else {}
                return {**random.choice(({}, {"unit": random.choice(list(UNIT_MS))}, {"sampling": sampling})), **zone}
            case "sampler":
                return random.choice(({}, {"unit": random.choice(list(UNIT_MS))}))
            case "scale":
                return random.choice(({}, {"factor": random.choice((2, 0.5, -1.5, "3", 1e3))}))
            case "div":
                return {"divisor": random.choice((2, 0.5, -3, "4"))}
            case "sma":
                return {"size": random.choice((1, 2, 3, 5, 50, "2", 2.5))}
            case "trim":
                return random.choice(({}, {"trim": random.choice(("first", "last", "both", "BOTH"))}))
            case "filter":
                threshold = random.choice((0, 5, 2.5, -1, 10, 100, "up", "b", "", "5"))
                comparison = random.choice(("lte", "lt", "gte", "gt", "equal", "ne", "GT"))
                return {"filter_op": comparison, "threshold": threshold}
            case "score":
                thresholds = [
                    {"value": value, **random.choice(({}, {"boundary": "superior"}, {"boundary": "inferior"}))}
                    for value in sorted(random.sample(range(-20, 60), random.randint(1, 3)))
                ]
                return {
                    "thresholds": thresholds,
                    **random.choice(({}, {"order": "ascending"}, {"order": "descending"})),
                }
        return {}


def _is_last(aggregator: Said) -> bool:
    """Whether nothing is asked of what it gives: of KairosDB's zeros some are negative to a filter, and a line through
    one time is NaN, which some aggregators drop."""
    return aggregator["name"] == "least_squares" or (
        aggregator["name"] == "filter" and aggregator.get("threshold") == 0
    )


def named(question: Said, prefix: str) -> Said:
    """The question about the metrics that begin with the prefix."""
    return {**question, "metrics": [_named(metric, prefix) for metric in question["metrics"]]}


def name_of(metric: Said, prefix: str) -> str:
    """Of a metric that is a number, or one that is not there."""
    return f"{prefix}.m{metric['name']}"


def _named(metric: Said, prefix: str) -> Said:
    chain = metric.get("aggregators")
    named_chain = {} if chain is None else {"aggregators": [_saved_as(one, prefix) for one in chain]}
    return {**metric, "name": name_of(metric, prefix), **named_chain}


def _saved_as(aggregator: Said, prefix: str) -> Said:
    """save_as stores under a name of the case."""
    if aggregator.get("name") != "save_as":
        return aggregator
    return {**aggregator, "metric_name": f"{prefix}.{aggregator['metric_name']}"}
