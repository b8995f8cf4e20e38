"""Cases of what changes a world: later values, deletes, save_as. All that is left is read afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from oracles.comparing.asking import Request
from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Said
from oracles.kairosdb import judging, worlds
from oracles.kairosdb.left import EVER, as_left
from oracles.kairosdb.questions import Asking, named
from oracles.kairosdb.rewording import SPLITS, is_several_months, reworded
from oracles.kairosdb.servers import API, Servers, get, post, side_by_side

WORLDS = 4
"""In a handful; each is written for its case alone."""

_METRICS = (0, 1, "saved")


class Changes:
    """The sort "change"."""

    name = "change"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def some(self, random: Random) -> Iterator[Said]:
        for _ in range(WORLDS):
            kind, series = worlds.world(random)
            asking = Asking(random, kind, series)
            steps = [_step(random, asking, series) for _ in range(random.choice((1, 1, 2, 3)))]
            saves = [step for step in steps if "save" in step]
            # What is saved once only is all there or, where the question is refused, nothing.
            yield {"series": series, "steps": [step for step in steps if "save" not in step or step is saves[0]]}

    def differences(self, said: Said) -> list[Difference]:
        prefix, found = self._changed(said)
        for question, answers in self._left(prefix):
            found += map(as_left, _judged(question, answers))
        return found

    def shown(self, said: Said) -> str:
        prefix, _ = self._changed(said)
        lines = [f"  {json.dumps(one, ensure_ascii=False)}" for one in (*said["series"], *said["steps"])]
        left = [(request_of(question, prefix), question, answers) for question, answers in self._left(prefix)]
        unlike = [
            side_by_side(request, answers, prefix) for request, question, answers in left if _judged(question, answers)
        ]
        return "\n".join([*lines, *unlike])

    def _changed(self, said: Said) -> tuple[str, list[Difference]]:
        prefix = self._servers.fresh()
        if said["series"]:
            self._servers.write(worlds.bodies(said["series"], prefix))
        found: list[Difference] = []
        for step in said["steps"]:
            for real, ours in _requests(step, said["series"], prefix):
                answers = Answers(self._servers.real.ask(real), self._servers.ours.ask(ours))
                found += judging.refusals(answers) or []
                self._servers.settle()
        return prefix, found

    def _left(self, prefix: str) -> Iterator[tuple[Said | str, Answers]]:
        for name in _METRICS:
            metric = {"name": f"{prefix}.m{name}" if name != "saved" else f"{prefix}.saved"}
            for way in ("datapoints/query", "datapoints/query/tags"):
                question = {**EVER, "metrics": [metric], "way": way}
                yield question, self._servers.both(post(way, question))
        yield "names", self._servers.both(get(f"metricnames?prefix={prefix}"))


def request_of(question: Said | str, prefix: str) -> Request:
    """How it was asked."""
    return get(f"metricnames?prefix={prefix}") if isinstance(question, str) else post(question["way"], question)


def _judged(question: Said | str, answers: Answers) -> list[Difference]:
    if not isinstance(question, str):
        return judging.queries(answers, question)
    names = [sorted((judging.parsed(one) or {}).get("results", ())) for one in answers]
    return [Difference("names", f"{names[0]} | {names[1]}", *names)] if names[0] != names[1] else []


def _step(random: Random, asking: Asking, series: list[worlds.Series]) -> Said:
    match random.choices(("write", "delete", "drop", "save"), (20, 45, 10, 25))[0]:
        case "write":
            return {"write": [_rewritten(random, one) for one in series]}
        case "drop":
            return {"drop": random.choice(series)["metric"]}
        case "delete":
            return {"delete": asking.question(raw=True)}
    question = asking.question()
    for metric in question["metrics"]:
        metric.pop("order", None)
        if asking.is_mixed:
            metric.pop("limit", None)
        # A line through one time makes KairosDB fail amid its saving.
        chain = [one for one in metric.get("aggregators", ()) if one["name"] not in ("gaps", "least_squares")]
        chain.insert(_place(random, metric, chain), _save_as(random))
        metric["aggregators"] = [{**one, "threshold": 5} if one.get("threshold") in ("5", 0) else one for one in chain]
        for grouper in filter(is_several_months, metric.get("group_by", ())):
            grouper["range_size"]["value"] = 1
    return {"save": question}


def _place(random: Random, metric: Said, chain: list[Said]) -> int:
    """Of save_as in the chain. Where a step follows, KairosDB saves the first point of every group that points make
    before the others, so that of points at one time another is the last: it is not asked for that."""
    if any(one["name"] in SPLITS for one in metric.get("group_by", ())):
        return len(chain)
    return random.randint(0, len(chain))


def _save_as(random: Random) -> Said:
    said: Said = {"name": "save_as", "metric_name": "saved"}
    if random.random() < 0.85:
        said["tags"] = {"k": random.choice(("v", "w"))}
    if random.random() < 0.3:
        said["add_saved_from"] = False
    return said | random.choice(({}, {}, {"ttl": 0}, {"ttl": "0"}, {"ttl": 0.5}))


def _rewritten(random: Random, one: worlds.Series) -> worlds.Series:
    modes = {int: "integer", float: "double"}
    points: list[Any] = [
        [time_ms, worlds.value(random, modes.get(type(old), "text"))]
        for time_ms, old in one["points"]
        if random.random() < 0.2
    ]
    return {**{name: inner for name, inner in one.items() if name != "again"}, "points": points}


def _requests(step: Said, series: list[worlds.Series], prefix: str) -> list[tuple[Request, Request]]:
    """What both are asked; KairosDB in the words that it reads as headrace reads the others."""
    if "write" in step:
        return [(one, one) for one in (post("datapoints", body) for body in worlds.bodies(step["write"], prefix))]
    if "drop" in step:
        one = Request("DELETE", f"{API}metric/{prefix}.m{step['drop']}")
        return [(one, one)]
    path, question = ("datapoints/delete", step["delete"]) if "delete" in step else ("datapoints/query", step["save"])
    other = reworded(question, series)
    real = question if other is None else other.question
    return [(post(path, named(real, prefix)), post(path, named(question, prefix)))]
