"""Cases about names and notes: suggest, search/lookup, query/last, uid/assign, annotation."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from random import Random
from typing import Any

from oracles.comparing.asking import Peer, Request
from oracles.comparing.differences import Difference
from oracles.opentsdb import judging
from oracles.opentsdb.judging import plain
from oracles.opentsdb.questions import get, post
from oracles.opentsdb.servers import Answers, Servers, side_by_side

SOME = 20
"""Cases at a time."""

HOUR, WRITES_WITHIN = 3600, 20
"""Seconds: OpenTSDB's rows, and what the points of a run take at most to be written."""

METRICS = ["find.cpu", "find.cpu.idle", "find.Mem", "find.net"]
HOSTS = ["fa01", "fa02", "fb01", "FA01"]
SITES = ["fams", "flga"]

NUMBERS = ["0", "-1", "1", "2", "1000000000", "99999999999", "x", "", "1.5", "007", "-0"]
"""As a parameter says an integer."""

NOTED = 1400000000
"""The first moment with an annotation: no question about points goes over it."""


class Finding:
    """The sort "find"."""

    name = "find"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._is_written = False
        self._moments = itertools.count(NOTED, 10)

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        makers = (_suggest, _lookup, _lookup, _last, _last, _assign, _annotate, _annotate)
        return (random.choice(makers)(random) for _ in range(SOME))

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        self._write()
        found: list[Difference] = []
        for request in self._requests(said):
            answers = self._servers.both(request)
            found += _compared(said, request, answers)
        return found

    def shown(self, said: dict[str, Any]) -> str:
        return "\n".join(side_by_side(request, self._servers.both(request)) for request in self._requests(said))

    def _requests(self, said: dict[str, Any]) -> list[Request]:
        """One, or the steps of what is done to the annotation of a moment that has none yet."""
        if said["what"] != "annotation":
            return [_request(said)]
        moment = next(self._moments)
        return [_annotation(step, moment) for step in [*said["steps"], {"method": "GET"}]]

    def _write(self) -> None:
        """Two points a series: OpenTSDB tracks the latest by the second. It looks for it in the hour in which it was
        written, so that this must be its own."""
        if self._is_written:
            return
        self._is_written = True
        while time.time() % HOUR > HOUR - WRITES_WITHIN:
            time.sleep(0.2)
        now = int(time.time())
        series = [
            (metric, {"fhost": host, "fdc": site})
            for metric in METRICS
            for number, (host, site) in enumerate(itertools.product(HOSTS, SITES))
            if (number + len(metric)) % 3
        ]
        for age, value in ((7300, 1), (min(90, now % HOUR), 2.5)):
            points = [
                {"metric": metric, "timestamp": now - age, "value": value, "tags": tags} for metric, tags in series
            ]
            self._servers.write(points)
            self._servers.wait_until_both(lambda peer: _count(peer) == len(series))


def _count(peer: Peer) -> int:
    answer = peer.ask(get("/api/search/lookup", [("m", "*{fhost=*}"), ("limit", 1000), ("use_meta", "true")])).json()
    return len(answer["results"]) if isinstance(answer, dict) and "results" in answer else 0


def _suggest(random: Random) -> dict[str, Any]:
    kind = random.choice(("metrics", "tagk", "tagv"))
    begins = {"metrics": ("find", "find.cpu", "find.M", "find.x"), "tagk": ("fh", "fd"), "tagv": ("fa0", "FA", "fl")}
    asked: dict[str, Any] = {"type": kind, "q": random.choice(begins[kind])}
    if random.random() < 0.5:
        asked["max"] = random.choice(NUMBERS)
    return {"what": "suggest", "asked": asked, "get": random.random() < 0.6}


def _lookup(random: Random) -> dict[str, Any]:
    asked: dict[str, Any] = {"metric": random.choice([*METRICS, "*", "", "find.none"])}
    pairs = []
    for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
        key = random.choice(("fhost", "fhost", "fdc", "*", ""))
        values = {"fhost": HOSTS, "fdc": SITES}.get(key, HOSTS + SITES)
        # OpenTSDB never answers a pair that is anything on both sides.
        pairs.append([key, random.choice(values if key in ("*", "") else [*values, "*", ""])])
    if asked["metric"] in ("*", ""):
        # Among all metrics, those of other cases too, only these have the tag.
        pairs.append(["fdc", random.choice(SITES)])
    asked["tags"] = pairs
    if random.random() < 0.3:
        asked["limit"] = random.choice(NUMBERS)
    return {"what": "lookup", "asked": asked, "get": random.random() < 0.7}


def _last(random: Random) -> dict[str, Any]:
    tags = {key: random.choice(values) for key, values in (("fhost", HOSTS), ("fdc", SITES)) if random.random() < 0.9}
    asked: dict[str, Any] = {"metric": random.choice(METRICS), "tags": tags}
    if random.random() < 0.5:
        asked["back_scan"] = random.choice(("0", "1", "3", "24"))
    return {"what": "last", "asked": asked, "get": random.random() < 0.6, "resolve": random.random() < 0.7}


def _assign(random: Random) -> dict[str, Any]:
    names = {"metric": [*METRICS, "find b!d"], "tagk": ["fhost", "f k"], "tagv": [*HOSTS, ""]}
    roles = random.sample(list(names), random.randint(1, 3))
    return {"what": "assign", "asked": {role: random.sample(names[role], 1) for role in roles}, "get": False}


def _annotate(random: Random) -> dict[str, Any]:
    return {"what": "annotation", "steps": [_step(random) for _ in range(random.randint(1, 4))]}


def _step(random: Random) -> dict[str, Any]:
    """ends: seconds after the moment."""
    method = random.choice(("POST", "POST", "POST", "PUT", "DELETE"))
    choices: dict[str, tuple[Any, ...]] = {
        "description": ("a", "b", ""),
        "notes": ("n", ""),
        "custom": ({"k": "v"}, {}),
    }
    if method == "DELETE":
        return {"method": method}
    said = {name: random.choice(values) for name, values in choices.items() if random.random() < 0.35}
    spelled = {"as": random.choice(("text", "fraction"))} if random.random() < 0.4 else {}
    ends = {"ends": random.choice((0, 5))} if random.random() < 0.2 else {}
    return {"method": method, "said": said, **spelled, **ends}


def _request(said: dict[str, Any]) -> Request:
    asked = said["asked"]
    match said["what"]:
        case "suggest":
            path = "/api/suggest"
            return get(path, list(asked.items())) if said.get("get") else post(path, asked)
        case "lookup":
            return _lookup_request(asked, said.get("get", False))
        case "last":
            return _last_request(asked, said.get("get", False), said.get("resolve", False))
        case _:
            return post("/api/uid/assign", asked)


def _annotation(step: dict[str, Any], moment: int) -> Request:
    if step["method"] == "GET":
        return get("/api/annotation", [("start_time", moment)])
    start = {"text": str(moment), "fraction": moment + 0.5}.get(step.get("as", ""), moment)
    end = {"endTime": moment + step["ends"]} if "ends" in step else {}
    said = {"startTime": start, **end, **step.get("said", {})}
    return Request(step["method"], "/api/annotation", json.dumps(said).encode())


def _lookup_request(asked: dict[str, Any], by_url: bool) -> Request:
    pairs = asked.get("tags", [])
    limit = [("limit", asked["limit"])] if "limit" in asked else []
    path = "/api/search/lookup"
    if by_url:
        braces = ",".join(f"{key}={value}" for key, value in pairs)
        return get(path, [("m", asked["metric"] + (f"{{{braces}}}" if pairs else "")), ("use_meta", "true"), *limit])
    tags = [{"key": key, "value": value} for key, value in pairs]
    return post(path, {"metric": asked["metric"], "tags": tags, "useMeta": True, **dict(limit)})


def _last_request(asked: dict[str, Any], by_url: bool, resolve: bool) -> Request:
    hours = asked.get("back_scan")
    if by_url:
        braces = ",".join(f"{key}={value}" for key, value in asked["tags"].items())
        parameters = [("timeseries", f"{asked['metric']}{{{braces}}}"), *[("resolve", "")] * resolve]
        return get("/api/query/last", parameters + ([("back_scan", hours)] if hours is not None else []))
    said = {"queries": [{"metric": asked["metric"], "tags": asked["tags"]}], "resolveNames": resolve}
    return post("/api/query/last", {**said, **({"backScan": int(hours)} if hours is not None else {})})


def _compared(said: dict[str, Any], request: Request, answers: Answers) -> list[Difference]:
    real, ours = answers
    if real.status != ours.status or real.status >= 400:
        return judging.refusals(answers) or []
    one, other = real.json(), ours.json()
    if said["what"] == "lookup" and isinstance(one, dict) and isinstance(other, dict):
        return _lookups(said["asked"], one, other)
    if said["what"] == "assign" and isinstance(one, dict) and isinstance(other, dict):
        one, other = ({role: sorted(names) for role, names in answer.items()} for answer in (one, other))
    one, other = plain(one), plain(other)
    return [] if one == other else [Difference("body", f"{request}: {one} | {other}", one, other)]


def _lookups(asked: dict[str, Any], real: dict[str, Any], ours: dict[str, Any]) -> list[Difference]:
    """Of a page that is full, only its size: which series it shows is a matter of order."""
    found = [plain(answer["results"]) for answer in (real, ours)]
    if "limit" in asked and len(found[0]) == len(found[1]) == ours["limit"]:
        return []
    return [] if found[0] == found[1] else [Difference("body", f"{found[0]} | {found[1]}", *found)]
