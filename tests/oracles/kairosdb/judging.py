"""In what two answers of KairosDB's doors differ: the status, the headers, the words, the results, their points."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracles.comparing.asking import Answer
from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Said

HEADERS = ("content-type", "pragma", "cache-control", "expires")
"""Which clients go by. Access-Control-Allow-Origin is a setting of ours."""


class Number(str):
    """A JSON number as it was spelled."""

    @property
    def is_integer(self) -> bool:
        return re.fullmatch(r"-?\d+", self) is not None

    @property
    def value(self) -> int | float:
        return int(self) if self.is_integer else float(self)


@dataclass(frozen=True)
class Seen:
    """What the table judges by. metric: as it was asked, or the whole question.   said: what was answered.
    whole: all of the answer about this metric."""

    metric: Any
    said: Any
    whole: Any = None


def parsed(answer: Answer) -> Any:
    """The body, with numbers as they are spelled; None where it is no JSON."""
    try:
        return json.loads(answer.body, parse_int=Number, parse_float=Number, parse_constant=Number)
    except ValueError:
        return None


def errors(answer: Answer) -> list[str]:
    said = parsed(answer)
    found = said.get("errors") if isinstance(said, dict) else None
    return [str(one) for one in found] if isinstance(found, list) else []


def plain(answers: Answers) -> list[Difference]:
    """Status, headers of a success, words of a refusal; of a success also the whole body."""
    found = refusals(answers)
    if found is not None:
        return found
    real, ours = parsed(answers.real), parsed(answers.ours)
    if real is None and ours is None:
        real, ours = answers.real.body, answers.ours.body
    found = headers(answers)
    if real != ours:
        found.append(Difference("body", f"{str(real)[:300]} | {str(ours)[:300]}", real, ours))
    return found


def refusals(answers: Answers) -> list[Difference] | None:
    """What differs in the statuses, or in the words if both refuse; None if both are content."""
    real, ours = answers
    if real.status != ours.status:
        return [Difference("status", f"{_told(real)} | {_told(ours)}", real, ours)]
    if real.status < 300:
        return None
    said = [errors(answer) for answer in answers]
    if said[0] == said[1]:
        return []
    return [Difference("words", f"{str(said[0])[:300]} | {str(said[1])[:300]}", *said)]


def headers(answers: Answers) -> list[Difference]:
    found = [(name, *(one.headers.get(name) for one in answers)) for name in HEADERS]
    unlike = [one for one in found if one[1] != one[2]]
    return [Difference("headers", str(unlike))] if unlike else []


def queries(answers: Answers, question: Any, read: Read = list) -> list[Difference]:
    """Of the answers to a question of datapoints/query or query/tags, which may be no question at all. read: how
    KairosDB's answers about the metrics are taken."""
    found = refusals(answers)
    if found is not None:
        return [Difference(one.kind, one.words, Seen(question, one.real), Seen(question, one.ours)) for one in found]
    found = headers(answers)
    real, ours = parsed(answers.real)["queries"], parsed(answers.ours)["queries"]
    if len(real) != len(ours):
        return [*found, Difference("queries", f"{len(real)} | {len(ours)}")]
    for metric, one, other in zip(_metrics(question, len(real)), read(real), ours, strict=True):
        for kind, words, first, second in _answer(one, other):
            found.append(Difference(kind, words[:600], Seen(metric, first, one), Seen(metric, second, other)))
    return found


def question_of(text: str) -> Any:
    """What a text asks for; an empty object where that cannot be read."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _metrics(question: Any, count: int) -> list[Any]:
    metrics = question.get("metrics") if isinstance(question, dict) else None
    is_list = isinstance(metrics, list) and len(metrics) == count and all(isinstance(one, dict) for one in metrics)
    return metrics if is_list and metrics is not None else [{}] * count


def _told(answer: Answer) -> str:
    return f"{answer.status} {' '.join(errors(answer))[:200]}".strip()


Read = Callable[[list[Said]], list[Said]]

Found = tuple[str, str, Any, Any]
"""kind, words, what is there, what is here."""


def _answer(real: Said, ours: Said) -> list[Found]:
    found = []
    if real.get("sample_size") != ours.get("sample_size"):
        sizes = real.get("sample_size"), ours.get("sample_size")
        found.append(("sample_size", f"{sizes[0]} | {sizes[1]}", *sizes))
    results, others = real["results"], ours["results"]
    names, other_names = [name_of(one) for one in results], [name_of(one) for one in others]
    if names != other_names:
        if sorted(names) != sorted(other_names):
            only = (
                [name for name in names if name not in other_names],
                [name for name in other_names if name not in names],
            )
            found.append(("results", f"{only[0]} | {only[1]}", results, others))
            results = [one for one in results if names.count(name_of(one)) == other_names.count(name_of(one))]
            others = [one for one in others if names.count(name_of(one)) == other_names.count(name_of(one))]
            names, other_names = [name_of(one) for one in results], [name_of(one) for one in others]
        if names != other_names:
            found.append(("order of results", f"{names} | {other_names}", results, others))
            others = _in_order(others, names)
    for one, other in zip(results, others, strict=True):
        found += _result(one, other)
    return found


def _in_order(results: list[Said], names: list[str]) -> list[Said]:
    """By their names; those of one name, which are of two types, as they came."""
    left = list(results)
    return [left.pop(next(at for at, one in enumerate(left) if name_of(one) == name)) for name in names]


def name_of(result: Said) -> str:
    """What tells a result from the others of one type, whatever the order in it."""
    groups = [_plain_numbers(one) for one in result.get("group_by", ()) if one["name"] != "type"]
    return json.dumps([result.get("name"), sorted(json.dumps(one, sort_keys=True) for one in groups)])


def _plain_numbers(said: Any) -> Any:
    """With numbers as they are, however they are spelled."""
    if isinstance(said, dict):
        return {name: _plain_numbers(inner) for name, inner in said.items()}
    if isinstance(said, list):
        return [_plain_numbers(inner) for inner in said]
    return float(said.value) if isinstance(said, Number) else said


def _result(real: Said, ours: Said) -> list[Found]:
    found: list[Found] = []
    if real.keys() != ours.keys():
        found.append(("members", f"{list(real)} | {list(ours)}", real, ours))
        if not real["values"] or not ours["values"]:
            return found
    elif list(real) != list(ours):
        found.append(("order of members", f"{list(real)} | {list(ours)}", real, ours))
    grouped, other_grouped = _plain_numbers(real.get("group_by")), _plain_numbers(ours.get("group_by"))
    if json.dumps(grouped) != json.dumps(other_grouped):
        is_type = bool(grouped and other_grouped) and grouped[:-1] == other_grouped[:-1]
        found.append(
            ("type" if is_type else "group_by", f"{real.get('group_by')} | {ours.get('group_by')}", real, ours)
        )
    if real.get("tags") != ours.get("tags"):
        found.append(("tags", f"{real.get('tags')} | {ours.get('tags')}", real, ours))
    elif json.dumps(real.get("tags")) != json.dumps(ours.get("tags")):
        found.append(("order of tags", f"{real.get('tags')} | {ours.get('tags')}", real, ours))
    return found + [(kind, words, real, ours) for kind, words in _points(real["values"], ours["values"])]


def _points(real: list[list[Any]], ours: list[list[Any]]) -> list[tuple[str, str]]:
    """Kinds and words of what differs in the points of a result."""
    times, others = [point[0] for point in real], [point[0] for point in ours]
    spelled = _spelled(real, ours)
    found = [("spelling", str(spelled[:6]))] if spelled else []
    if times != others:
        only = [one for one in times if one not in set(others)], [one for one in others if one not in set(times)]
        words = f"{len(times)} | {len(others)} points, only KairosDB {only[0][:6]}, only headrace {only[1][:6]}"
        return [("times", words), *found]
    pairs = [(point[0], point[1], other[1]) for point, other in zip(real, ours, strict=True)]
    if unlike := [pair for pair in pairs if not alike(pair[1], pair[2])]:
        return [("values", str(unlike[:6])), *found]
    return found


def _spelled(real: list[list[Any]], ours: list[list[Any]]) -> list[tuple[Any, Any, Any]]:
    """The numbers that are spelled otherwise, of times at which both have one value."""
    there, here = Counter(point[0] for point in real), Counter(point[0] for point in ours)
    values = {time_ms: value for time_ms, value in ours if here[time_ms] == 1}
    both = [(time_ms, value, values.get(time_ms)) for time_ms, value in real if there[time_ms] == 1]
    return [pair for pair in both if same_number(pair[1], pair[2]) and pair[1] != pair[2]]


def alike(real: Any, ours: Any) -> bool:
    """Equal; doubles to 1e-9, since the order of additions is free."""
    if not isinstance(real, Number) or not isinstance(ours, Number):
        return bool(real == ours and type(real) is type(ours))
    if real.is_integer and ours.is_integer:
        return real.value == ours.value
    return math.isclose(real.value, ours.value, rel_tol=1e-9, abs_tol=1e-9)


def same_number(real: Any, ours: Any) -> bool:
    """An integer and a double are the same where they are so as doubles."""
    if not isinstance(real, Number) or not isinstance(ours, Number):
        return False
    return real.value == ours.value if real.is_integer and ours.is_integer else float(real) == float(ours)
