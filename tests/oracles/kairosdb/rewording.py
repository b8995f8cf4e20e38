"""Questions that KairosDB reads otherwise than headrace, in words that both read as headrace reads the first ones.

So a known difference in the reading of a question hides nothing of the answer: KairosDB is asked the other question,
and its answer must be ours. Where no words say it, what came is put as headrace reads it (descending, by months).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracles.comparing.sorts import Said
from oracles.kairosdb.anchors import anchored

REGEX, QUOTED, ANCHOR = "regex", "threshold in quotes", "before the anchor"
DESCENDING, MONTHS = "descending aggregators", "months in turns"

REGROUPED = "regrouped"
"""A member of the metrics of a reworded question, never sent."""

SPLITS = ("time", "value", "bin")
"""Groups that are made by points, not by tags."""


@dataclass(frozen=True)
class Reworded:
    """question: what KairosDB is asked.   readings: the names of the differences that make it necessary.
    asked: the question that it replaces.   texts: what KairosDB is asked for the results of type text, where that is
    another: a text that says a number filters texts as a text."""

    question: Said
    readings: list[str]
    asked: Said
    texts: Said | None

    @property
    def judged(self) -> Said:
        """The question as the table of differences sees it: with a mark on the metrics whose groups may be others."""
        pairs = zip(self.asked["metrics"], self.question["metrics"], strict=True)
        return {**self.question, "metrics": [{**other, REGROUPED: _is_regrouped(one, other)} for one, other in pairs]}

    def read(self, queries: list[Said], texts: list[Said] | None = None) -> list[Said]:
        """KairosDB's answers to the metrics of the question, as to those of the one that it replaces. texts: those to
        the question for texts."""
        of_texts = queries if texts is None else texts
        answers = [_with_texts(one, other) for one, other in zip(queries, of_texts, strict=True)]
        pairs = zip(self.asked["metrics"], answers, strict=True)
        return [_read(metric, answer) for metric, answer in pairs]


def reworded(question: Said, series: list[Said]) -> Reworded | None:
    """None where both read it alike. series: what was written, for what a regex means."""
    readings: set[str] = set()
    metrics = [_metric(question, metric, series, readings) for metric in question["metrics"]]
    if not readings:
        return None
    pairs = zip(metrics, question["metrics"], strict=True)
    with_texts = [_with_thresholds(other, one) for other, one in pairs]
    texts = {**question, "metrics": with_texts} if QUOTED in readings else None
    return Reworded({**question, "metrics": metrics}, sorted(readings), question, texts)


def _with_thresholds(metric: Said, asked: Said) -> Said:
    """The reworded metric with the thresholds as they were asked for."""
    pairs = zip(metric.get("aggregators", ()), asked.get("aggregators", ()), strict=True)
    counted = False
    chain = []
    for other, one in pairs:
        counted = counted or one["name"] == "count"  # after which texts are numbers
        chain.append({**other, "threshold": one["threshold"]} if "threshold" in one and not counted else other)
    return {**metric, "aggregators": chain} if "aggregators" in metric else metric


def _with_texts(answer: Said, texts: Said) -> Said:
    others = [one for one in texts["results"] if _is_text(one)]
    results = [others.pop(0) if _is_text(one) and others else one for one in answer["results"]]
    return {**answer, "results": results}


def _is_text(result: Said) -> bool:
    return any(group.get("type") == "text" for group in result.get("group_by", ()))


def _is_regrouped(metric: Said, other: Said) -> bool:
    parts = ("order", "group_by")
    return any(metric.get(part) != other.get(part) for part in parts)


def of_ranges(chain: list[Said]) -> list[Said]:
    """The aggregators of a chain whose ranges may be anywhere."""
    return [one for one in chain if "sampling" in one and one["name"] not in ("rate", "sampler")]


def is_several_months(grouper: Said) -> bool:
    """KairosDB takes any number of months for one."""
    size = grouper.get("range_size")
    if grouper.get("name") != "time" or not isinstance(size, dict):
        return False
    return str(size.get("unit")).lower() == "months" and str(size.get("value")).partition(".")[0] != "1"


def _metric(question: Said, metric: Said, series: list[Said], readings: set[str]) -> Said:
    said = dict(metric)
    if "tags" in said and "regex:" in json.dumps(said["tags"]):
        readings.add(REGEX)
        said["tags"] = {
            key: _matching(key, values, series) if "regex:" in json.dumps(values) else values
            for key, values in said["tags"].items()
        }
    chain = [_threshold(one, readings) for one in said.get("aggregators", ())]
    first = [said[1] for one in series for said in ((one, point[0]) for point in one["points"])]
    moved = False
    for at, one in enumerate(chain):
        if not of_ranges([one]):
            continue
        if (moved or "start_time" in one) and "start_absolute" in question:
            readings.add(ANCHOR)
            chain[at] = anchored(one, question, min(first, default=0))
        moved = moved or str(one.get("align_start_time")).lower() == "true"
    if "aggregators" in said:
        said["aggregators"] = chain
    if chain and str(said.get("order")).lower() == "desc":
        readings.add(DESCENDING)
        said["order"] = "asc"
    if any(map(is_several_months, said.get("group_by", ()))):
        readings.add(MONTHS)
        said["group_by"] = [_each_month(one) for one in said["group_by"]]
    return said


def _matching(key: str, values: Any, series: list[Said]) -> list[str]:
    """All values of the tag that are meant; a value that nothing has where none is."""
    there = {one["tags"][key] for one in series if key in one["tags"]}
    found: list[str] = []
    for value in values if isinstance(values, list) else [values]:
        pattern = value.removeprefix("regex:")
        found += sorted(one for one in there if re.fullmatch(pattern, one)) if pattern != value else [value]
    return found or ["nothing has this"]


def _threshold(aggregator: Said, readings: set[str]) -> Said:
    said = aggregator.get("threshold")
    if aggregator["name"] != "filter" or not isinstance(said, str) or not re.fullmatch(r"-?\d+(\.\d+)?", said):
        return aggregator
    readings.add(QUOTED)
    return {**aggregator, "threshold": float(said)}


def with_plain_thresholds(text: str) -> str:
    """A question as a text, whose thresholds have neither quotes nor a plus."""
    return re.sub(r'"threshold": (?:\+(\d+)|"\+?(\d+)")', r'"threshold": \1\2', text)


def _integer(said: Any) -> int:
    return int(float(said))


def _each_month(grouper: Said) -> Said:
    if not is_several_months(grouper):
        return grouper
    months, count = _integer(grouper["range_size"]["value"]), _integer(grouper["group_count"])
    return {**grouper, "range_size": {"value": 1, "unit": "months"}, "group_count": months * count}


def _read(metric: Said, answer: Said) -> Said:
    results = answer["results"]
    for at, grouper in enumerate(metric.get("group_by", ())):
        if is_several_months(grouper):
            results = _by_months(results, metric, grouper, _place(metric["group_by"], at))
    is_descending = str(metric.get("order")).lower() == "desc" and int(answer.get("sample_size", 1)) > 0
    if metric.get("aggregators") and is_descending:  # the gaps of what is not there go forward all the same
        results = [{**one, "values": one["values"][::-1]} for one in results]
    return {**answer, "results": results}


def _place(groupers: list[Said], at: int) -> Callable[[Said], int]:
    """Where the grouper stands among those of its name in a result."""
    nth = sum(one["name"] == "time" for one in groupers[:at])
    return lambda result: [i for i, one in enumerate(result["group_by"]) if one["name"] == "time"][nth]


def _by_months(results: list[Said], metric: Said, grouper: Said, place: Callable[[Said], int]) -> list[Said]:
    """Results of single months, put together as ranges of several, in the order of the question and up to its limit.
    Without aggregators only."""
    months = _integer(grouper["range_size"]["value"])
    merged: dict[str, Said] = {}
    for one in results:
        if not any(group["name"] == "time" for group in one.get("group_by", ())):
            return results  # nothing was found
        groups = [dict(group) for group in one["group_by"]]
        here = groups[place(one)]
        number = type(here["group"]["group_number"])(int(here["group"]["group_number"]) // months)
        unit = str(grouper["range_size"]["unit"]).upper()
        here["range_size"] = {"value": type(number)(months), "unit": unit}
        here["group_count"] = type(number)(_integer(grouper["group_count"]))
        here["group"] = {"group_number": number}
        told = merged.setdefault(json.dumps(groups), {**one, "group_by": groups, "tags": {}, "values": []})
        for key, values in one.get("tags", {}).items():
            told["tags"][key] = list(dict.fromkeys([*told["tags"].get(key, ()), *values]))
        if "tags" not in one:
            told.pop("tags", None)
        told["values"] = [*told["values"], *one["values"]]
    for told in merged.values():
        told["values"].sort(key=lambda point: int(point[0]), reverse=str(metric.get("order")).lower() == "desc")
        told["values"] = told["values"][: _integer(metric.get("limit", 0)) or None]
        if "tags" in told:
            told["tags"] = dict(sorted(told["tags"].items()))
    return list(merged.values())
