"""Requests that are wrong in one place: a question of every kind, with one member or parameter that is strange."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from oracles.comparing.asking import Request
from oracles.comparing.differences import Difference
from oracles.opentsdb import judging
from oracles.opentsdb.questions import get
from oracles.opentsdb.servers import Servers, side_by_side

SOME = 25
START, END = 1356998400, 1356998500
METRIC = "broken.m"

VALUES: list[Any] = [None, True, "", "x", 0, 5, -1, 1.5, "5", " sum", [], {}, [None], {"x": 1}]
"""In place of any member."""

STARTS = """yesterday|1x-ago|-5|1h|h-ago|1.5h-ago|2013/99/01|2013-01-01|1356998400.250|1356998400250ms|1e9|0|now
1n-ago|99999999999999999999|1356998400.|2013/01/01 12:50|2013/01/01-12:50|2013/1/1"""

DOWNSAMPLES = """1m|1m-|1m-foo|1m-avg-foo|0m-avg|-1m-avg|1m-none|0all|1all-sum|1.5m-avg|1m avg|1m--avg|1m-avg-NaN
1M-avg|1m-AVG|none|NONE|all-avg|1m-avg-"""

FILTER: dict[str, Any] = {"type": "literal_or", "tagk": "host", "filter": "web01"}
FILTER_CHANGES: list[dict[str, Any]] = [
    *({}, {"type": "LITERAL_OR"}, {"type": "foo"}, {"tagk": ""}, {"filter": ""}, {"filter": None}, {"x": 1}),
    *({"type": "regexp", "filter": "["}, {"filter": "nowhere"}, {"tagk": "nokey"}, {"filter": 5}),
]

MEMBERS: dict[str, list[Any]] = {
    "start": re.split("[|\n]", STARTS),
    "timezone": ["Nowhere/City", "UTC", "Europe/Berlin"],
    "msResolution": [],
    "showTSUIDs": [],
    "queries": [],
}
"""Of the question, and values that are strange for them in particular."""

PART_MEMBERS: dict[str, list[Any]] = {
    "aggregator": ["foo", "SUM", "p42", "movingAverage"],
    "metric": ["nope.m", "broken m", "*"],
    "downsample": re.split("[|\n]", DOWNSAMPLES),
    "rate": ["true", "yes"],
    "rateOptions": [
        *({"counter": "x"}, {"counterMax": "x"}, {"counterMax": -1}, {"counterMax": 1.5}, {"resetValue": 7.9}),
        *({"counter": True, "counterMax": "100"}, {"counterMax": None}, {"foo": 1}, {"resetValue": -5}),
    ],
    "filters": [[{**FILTER, **changed}] for changed in FILTER_CHANGES],
    "tags": [
        *({"host": None}, {"host": ""}, {"host": 5}, {"": "x"}, {"nokey": "*"}, {"host": "nowhere"}, {"host": "|"}),
        *({"host": "foo(web01)"}, {"host": "regexp([)"}, {"host": "Wildcard(we*)"}, {"host": "web01,web02"}),
    ],
    "tsuids": [["xyz"], ["000001"], ["FFFFFFFFFFFFFFFFFF"]],
    "explicitTags": [],
}

M = """sum|sum:|:M|summ:M|SUM:M|sum:1m:M|sum:1m-:M|sum:1m-avg-:M|sum:1m-foo:M|sum:1x-avg:M|sum:m-avg:M
sum:0m-avg:M|sum:1m-none:M|sum:0all:M|sum:0all-avg:M|sum:1all-avg:M|sum:rat:M|sum:rate{:M|sum:rate{}:M
sum:rate{counter,}:M|sum:rate{counter,x}:M|sum:rate{counter,1,x}:M|sum:rate{counter,1,2,3}:M|sum:rate{foo}:M
sum:rate{dropcounter}:M|sum:rate{counter,-5}:M|sum:M{|sum:M}|sum:M{}|sum:M{}{}|sum:M{host}|sum:M{host=}
sum:M{=web01}|sum:M{host=web01|sum:M{host=web01,}|sum:M{,host=web01}|sum:M{host=web01,host=web02}
sum:M{host=foo(web01)}|sum:M{host=Wildcard(we*)}|sum:M{host=wildcard()}|sum:M{host=regexp([)}
sum:M{host=literal_or()}|sum:M{nokey=x}|sum:M{host=nowhere}|sum:M{host=**}|sum:M{host=*}{host=web01}
sum:M{host=a=b}|sum: M|sum:M |sum::M|sum:explicit_tags:M{host=*}|sum:explicit_tags:M|sum:500ms-avg:M
sum:1m-avg-NAN:M|p99:M|p42:M|none:1m-avg:M|sum:1m-first:M|sum:M{host=Not_Literal_Or(web01)}
sum:M{host=REGEXP(web.*)}"""

PATHS = """query|query?start=1|query/last|query/last?timeseries=|query/last?timeseries=nope
query/last?tsuids=zz|query/last?tsuids=|suggest|suggest?type=|suggest?type=foo|suggest?type=metrics&max=x
suggest?type=Metrics|search/lookup|search/lookup?m=|search/lookup?m=nope.x|search/lookup?m=M{|uid/assign
uid/assign?metric=|uid/assign?tagk=k k|annotation|annotation?start_time=x|annotation?start_time=1|aggregators
version|config|config/filters|serializers|dropcaches|nothing|query/last?timeseries=M{host=*}
query/last?timeseries=M{host=nowhere}|tree/branch|rollup|histogram|uid/rename"""

NOT_THERE = ("tree/branch", "rollup", "histogram", "uid/rename")
"""Addresses below /api/ that headrace answers with 501, as its pages say: the only ones that may."""

BODIES = ["", "{", "[]", "{}", "null", '"x"', "5", '{"start":1}', '{"queries":[]}', " ", '{"start":1,"queries":[null]}']
BODY_PATHS = ["query", "query/last", "suggest", "search/lookup", "uid/assign", "annotation", "annotation/bulk"]


COMPARED = ("query/last", "annotation", "annotation/bulk", "uid/assign")
"""Addresses whose answers depend on nothing but what the cases of this sort write."""


class Broken:
    """The sort "broken"."""

    name = "broken"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._is_written = False

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        makers = (_member, _part_member, _part_member, _by_m, _by_m, _path, _body)
        return (random.choice(makers)(random) for _ in range(SOME))

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        self._write()
        answers = self._servers.both(_request(said))
        path = said["path"].split("?")[0].removeprefix("/api/")
        if path != "query" and answers.real.status == answers.ours.status < 400:
            return _bodies(path, *(answer.json() for answer in answers))
        return judging.queries(answers)

    def shown(self, said: dict[str, Any]) -> str:
        request = _request(said)
        return side_by_side(request, self._servers.both(request))

    def _write(self) -> None:
        if not self._is_written:
            self._is_written = True
            hosts = ("web01", "web02")
            self._servers.write(
                [
                    {"metric": METRIC, "timestamp": START + 10 * step, "value": step, "tags": {"host": host}}
                    for host in hosts
                    for step in range(5)
                ]
            )


def _bodies(path: str, real: Any, ours: Any) -> list[Difference]:
    """All that is said, or, where that is a matter of the server or of what else was written, in what shape."""
    if path in COMPARED:
        real, ours = judging.plain(real), judging.plain(ours)
        return [] if real == ours else [Difference("body", f"{real} | {ours}"[:2000], real, ours)]
    if type(real) is not type(ours):
        return [Difference("shape", f"{str(real)[:200]} | {str(ours)[:200]}", real, ours)]
    return []


def _request(said: dict[str, Any]) -> Request:
    body = said.get("body")
    return Request(said["method"], said["path"], None if body is None else body.encode())


def _question(**changed: Any) -> dict[str, Any]:
    return {"start": START, "end": END, "queries": [{"aggregator": "sum", "metric": METRIC}], **changed}


def _posted(said: Any) -> dict[str, Any]:
    return {"method": "POST", "path": "/api/query", "body": json.dumps(said)}


def _member(random: Random) -> dict[str, Any]:
    name = random.choice(list(MEMBERS))
    return _posted(_question(**{name: random.choice(VALUES + 2 * MEMBERS[name])}))


def _part_member(random: Random) -> dict[str, Any]:
    name = random.choice(list(PART_MEMBERS))
    part = {"aggregator": "sum", "metric": METRIC, "rate": name == "rateOptions"}
    return _posted(_question(queries=[{**part, name: random.choice(VALUES + 2 * PART_MEMBERS[name])}]))


def _by_m(random: Random) -> dict[str, Any]:
    m = random.choice(re.split("[|\n]", M)).replace("M", METRIC)
    request = get("/api/query", [("start", START), ("end", END), ("m", m)])
    return {"method": "GET", "path": request.path}


def _path(random: Random) -> dict[str, Any]:
    asked = random.choice(re.split("[|\n]", PATHS)).replace("M{", METRIC + "{").replace(" ", "%20")
    return {"method": random.choice(("GET", "GET", "GET", "DELETE")), "path": f"/api/{asked}"}


def _body(random: Random) -> dict[str, Any]:
    return {"method": "POST", "path": f"/api/{random.choice(BODY_PATHS)}", "body": random.choice(BODIES)}
