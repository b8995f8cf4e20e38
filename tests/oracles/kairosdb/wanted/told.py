"""What a difference is about: the question, the answers, what was written for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from oracles.comparing.differences import Difference
from oracles.comparing.sorts import Case, Said
from oracles.kairosdb.judging import Seen

POINTS = ("times", "values")


def kind(found: Difference) -> str:
    """Whether it is in an answer or in what is left by a change."""
    return found.kind.removeprefix("left ")


def metric_of(found: Difference) -> Said:
    """The metric as it was asked for, or the whole question; nothing of what is none."""
    return found.real.metric if isinstance(found.real, Seen) and isinstance(found.real.metric, dict) else {}


def chain_of(found: Difference) -> list[Said]:
    """The aggregators that the question names."""
    return [one for metric in _metrics(found) for one in _named(metric.get("aggregators"))]


def groupers_of(found: Difference) -> list[Said]:
    """What the question groups by."""
    return [one for metric in _metrics(found) for one in _named(metric.get("group_by"))]


def groups_by(found: Difference, *names: str) -> bool:
    """Whether the question groups by one of them."""
    return any(one["name"] in names for one in groupers_of(found))


def said_of(found: Difference) -> tuple[Any, Any]:
    """What was answered there and here, as far as it differs."""
    real, ours = ((one.said if isinstance(one, Seen) else one) for one in (found.real, found.ours))
    return real, ours


def whole_of(found: Difference) -> tuple[Said, Said]:
    """All that was answered about the metric, there and here. Only of what is in the answer about one."""
    assert isinstance(found.real, Seen)
    assert isinstance(found.ours, Seen)
    return found.real.whole, found.ours.whole


def has_whole(found: Difference) -> bool:
    """Whether it is in the answer about one metric."""
    return isinstance(found.real, Seen) and isinstance(found.real.whole, dict)


def type_of(result: Any) -> str:
    """ "number" or "text"."""
    return str(result["group_by"][-1]["type"]) if isinstance(result, dict) and "group_by" in result else ""


def saved_metrics(case: Case) -> list[Said]:
    """Those of the questions that save."""
    return [metric for step in case.said.get("steps", ()) if "save" in step for metric in step["save"]["metrics"]]


def saves(case: Case) -> list[Said]:
    """The aggregators that save."""
    chains = [metric.get("aggregators", ()) for metric in saved_metrics(case)]
    return [one for chain in chains for one in chain if one["name"] == "save_as"]


def is_of_saved(found: Difference) -> bool:
    """Whether it is in what save_as has stored."""
    return str(metric_of(found).get("name")).endswith(".saved")


def passed(case: Case, found: Difference) -> list[Said]:
    """The aggregators that the points have passed, now or before they were saved."""
    saved = [one for metric in saved_metrics(case) for one in metric.get("aggregators", ()) if is_of_saved(found)]
    return [*saved, *chain_of(found)]


def written(case: Case) -> Iterator[tuple[Said, int, Any]]:
    """All that a case has written: the series, the time, the value."""
    steps = [one for step in case.said.get("steps", ()) for one in step.get("write", ())]
    for one in (*case.said.get("series", ()), *steps):
        for time_ms, value in (*one.get("points", ()), *one.get("again", ())):
            yield one, time_ms, value


def greatest(case: Case) -> float:
    """Of all numbers that were written, without the sign."""
    return float(max((abs(value) for _, _, value in written(case) if isinstance(value, int | float)), default=0))


def _named(said: Any) -> list[Said]:
    """The objects with names in a list; of what is none, none."""
    objects = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [one for one in objects if isinstance(one.get("name"), str)]


def _metrics(found: Difference) -> list[Said]:
    """That it may be about."""
    metric = metric_of(found)
    return _named(metric["metrics"]) if "metrics" in metric else [metric]
