"""What is wrong with a request that is nearly right, and whether a refusal is about that."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from oracles.comparing.sorts import Case

GONE = object()
"""Stands for what is no longer there."""

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """path: where the request is no longer what it was.   value: what is there; GONE, if nothing is.
    writes: whether the request is one of points, not a question."""

    path: Path
    value: Any
    writes: bool

    @property
    def is_nothing(self) -> bool:
        return self.value is None or self.value is GONE


def mistake_of(case: Case) -> Mistake | None:
    """None where nothing is wrong, or the text is no JSON any more."""
    try:
        now, before = json.loads(case.said["text"]), json.loads(case.said["nearly"])
    except (ValueError, KeyError):
        return None
    found = _difference(before, now, ())
    return None if found is None else Mistake(*found, writes=case.said["path"] == "datapoints")


def is_broken_text(case: Case) -> bool:
    """Whether a request that was nearly right is no JSON any more, strictly read."""
    try:
        json.loads(case.said["text"])
    except KeyError:
        return False
    except ValueError:
        return True
    return False


def is_about(error: str, mistake: Mistake) -> bool:
    """Whether an error of headrace's names the place of the mistake."""
    named = re.sub(r"\(name=[^)]*\)|(?<=\.tags)\[\d+\]", "", error)
    places = _written_places(mistake) if mistake.writes else _asked_places(mistake)
    return any(re.match(re.escape(place) + r"(?!\w)", named) for place in places)


def _difference(before: Any, now: Any, here: Path) -> tuple[Path, Any] | None:
    """The innermost place beside which all is alike, and what is there now."""
    if json.dumps(before) == json.dumps(now):
        return None
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in {**before, **now} if _differ(before, now, key)]
        if len(keys) == 1:
            [key] = keys
            return _inner(before, now, key, here)
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        places = [at for at in range(len(now)) if json.dumps(before[at]) != json.dumps(now[at])]
        if len(places) == 1:
            return _difference(before[places[0]], now[places[0]], (*here, places[0]))
    return here, now


def _differ(before: dict[str, Any], now: dict[str, Any], key: str) -> bool:
    return json.dumps(before.get(key, "-")) != json.dumps(now.get(key, "-")) or (key in before) != (key in now)


def _inner(before: dict[str, Any], now: dict[str, Any], key: str, here: Path) -> tuple[Path, Any] | None:
    if key not in before or key not in now:
        return (*here, key), now.get(key, GONE)
    return _difference(before[key], now[key], (*here, key))


def _asked_places(mistake: Mistake) -> list[str]:
    """How an error of a question may begin: with the place, or with the one around it and what stands there, as
    KairosDB has it; of what is not there, with the one around it."""
    path = mistake.path
    if not path:
        return ["query", f"Not a JSON Object: {json.dumps(mistake.value, separators=(',', ':'))}"]
    around = _place(path[:-1])
    said = mistake.value
    while isinstance(said, list) and len(said) == 1:
        [said] = said
    places = [_place(path)]
    if mistake.is_nothing:
        places.append(around)
    if isinstance(said, str | int | float):
        spelled = said if isinstance(said, str) else json.dumps(said)
        places += [f"{around}.{spelled}", *([f"{_place(path[:-2])}.{spelled}"] if path[-1] == "unit" else [])]
        places.append(f"{around.removesuffix('[0]')}.{spelled}")  # of thresholds KairosDB names the list
    if path[-1] == "size":
        places.append(f"{around}.m_size")
    return places


def _place(path: Path) -> str:
    place, before = "query", ""
    for step in path:
        if isinstance(step, str):
            place += ".metric" if step == "metrics" else f".{step}"
            before = step
        elif before in ("metrics", "aggregators", "group_by", "thresholds"):
            place += f"[{step}]"
    return place


def _written_places(mistake: Mistake) -> list[str]:
    """How an error of a write may begin, without the name of the metric."""
    path = mistake.path
    if not path:
        return ["metric", "Invalid start of json"]
    [number, *inner] = path if isinstance(path[0], int) else (0, *path)
    metric = f"metric[{number}]"
    match inner:
        case []:
            return [metric]
        case ["tags", key]:
            return [f"{metric}.tag[{key}]", *([f"{metric}.tags", f"{metric} tag count"] if mistake.is_nothing else [])]
        case ["datapoints", point, *part]:
            place = f"{metric}.datapoints[{point}]"
            of_value = [f"{place}.value", f"{metric} value"]
            return (
                [place, f"{metric} value"]
                if not part
                else [f"{place}.timestamp"]
                if part == [0]
                else [place, *of_value]
            )
        case ["value"]:
            return [f"{metric}.value", f"{metric} value"]
    return [f"{metric}.{inner[0]}"]
