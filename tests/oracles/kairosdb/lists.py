"""Cases of all doors but those of points: names, health, features, metadata, wrong paths and methods."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote

from oracles.comparing.asking import Answer, Request
from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers
from oracles.comparing.sorts import Said
from oracles.kairosdb import judging
from oracles.kairosdb.servers import API, Servers, get, side_by_side

HANDFUL = 20

PATHS = [
    *("version", "version/", "health/check", "health/status", "features", "features/aggregators", "features/group_by"),
    *("features/bogus", "metricnames", "metricnames?prefix=P", "metricnames?prefix=P.a", "metricnames?prefix=nope"),
    *("metricnames?prefix=", "tagnames", "tagvalues", "bogus", "datapoints/bogus", "metric/P.nope"),
]
METHODS = ["GET", "GET", "GET", "GET", "POST", "DELETE", "PUT"]

NAMES = ["P.a", "P.b", "P.c d", "P.é", "Pq"]
KEYS = ["k", "l", "a b"]


class Lists:
    """The sort "list". P stands for the beginning of the names of a case."""

    name = "list"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def some(self, random: Random) -> Iterator[Said]:
        for _ in range(HANDFUL):
            names = random.sample(NAMES, random.randint(0, 3))
            asked = [random.choice((_metadata, _asked))(random) for _ in range(random.randint(1, 4))]
            yield {"names": names, "asked": asked}

    def differences(self, said: Said) -> list[Difference]:
        return [one for request, answers in self._asked(said)[1] for one in _judged(request, answers)]

    def shown(self, said: Said) -> str:
        prefix, asked = self._asked(said)
        unlike = [side_by_side(*one, prefix) for one in asked if _judged(*one)]
        return "\n".join([str(said["names"]), *unlike])

    def _asked(self, said: Said) -> tuple[str, list[tuple[Request, Answers]]]:
        prefix = self._servers.fresh()
        points = [f'{{"name":"{name}","timestamp":1,"value":1,"tags":{{"a":"b"}}}}' for name in said["names"]]
        if points:
            self._servers.write([f"[{','.join(points)}]".replace("P", prefix)])
        requests = [_request(one, prefix) for one in said["asked"]]
        return prefix, [(request, self._servers.both(request)) for request in requests]


def _asked(random: Random) -> Said:
    return {"method": random.choice(METHODS), "path": random.choice(PATHS)}


def _metadata(random: Random) -> Said:
    key = random.choice(KEYS)
    path = random.choice((f"P/{key}/{random.choice(KEYS)}", f"P/{key}/{random.choice(KEYS)}", f"P/{key}", "P"))
    method = random.choice(("GET", "GET", "POST", "POST", "DELETE"))
    text = random.choice(("text", "", '{"a":1}', "é")) if method == "POST" else None
    return {"method": method, "path": f"metadata/{path}", "text": text}


def _request(said: Said, prefix: str) -> Request:
    path = quote(said["path"], safe="/?=").replace("P", prefix)
    text = said.get("text", "x" if said["method"] in ("POST", "PUT") else None)
    if said["method"] == "GET":
        return get(path)
    return Request(said["method"], API + path, None if text is None else text.encode(), "text/plain")


def _judged(request: Request, answers: Answers) -> list[Difference]:
    if request.path.startswith(f"{API}metricnames") and answers.real.status == answers.ours.status == 200:
        names = [_names(one, request.path) for one in answers]
        found = judging.headers(answers)
        return found + ([Difference("names", f"{names[0]} | {names[1]}")] if names[0] != names[1] else [])
    if request.path.startswith((f"{API}features", f"{API}version")) and answers.real.status == 200:
        shapes = [_shape(judging.parsed(one)) for one in answers]
        found = judging.headers(answers)
        return found + ([Difference("shape", f"{shapes[0]} | {shapes[1]}", *shapes)] if shapes[0] != shapes[1] else [])
    if answers.real.status == answers.ours.status in (404, 405):
        return []
    return judging.plain(answers)


def _names(answer: Answer, path: str) -> list[str]:
    """Sorted, as no order is promised. Of all names only that there are some: other cases have theirs."""
    names = (judging.parsed(answer) or {}).get("results", [])
    return sorted(names) if "prefix=t" in path else [type(names).__name__]


def _shape(said: Any) -> Any:
    """The names of features and of those in them: how they are described, and what versions say, is ours."""
    if isinstance(said, list):
        inner = [one["properties"] for one in said if one["name"] in ("aggregators", "group_by")]
        return sorted(one["name"] for one in said), [_shape(one) for one in inner]
    return list(said) if isinstance(said, dict) else None
