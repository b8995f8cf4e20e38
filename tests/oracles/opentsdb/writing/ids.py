"""Cases about ids of names, step by step: uid/assign by GET and POST, with all that can be wrong, and uid/rename."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote

from oracles.comparing.asking import Answer, Request
from oracles.comparing.differences import Difference, Wanted
from oracles.opentsdb import judging
from oracles.opentsdb.servers import Answers, Servers, side_by_side
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing.put_wanted import is_ours

SOME = 10

NAMES = ("P.m", "P.n", "P.n", "P.x!", "", "P.ü", "P. ", "P.(", "P.a:b", "P./-_")
KINDS = ("metric", "tagk", "tagv", "metrics", "foo")

ID = re.compile(r'"([0-9A-F]{6}|[0-9A-F]{16})"|UID: ([0-9A-F]{6}|[0-9A-F]{16})"')


class Ids:
    """The sort "ids". P. begins the names of a case, of which P.m has a point."""

    name = "ids"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        for _ in range(SOME):
            steps = [(_assign if random.random() < 0.85 else _rename)(random) for _ in range(random.randint(1, 3))]
            yield {"steps": steps}

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        return [one for request, answers in self._asked(said) for one in _compared(request, answers)]

    def shown(self, said: dict[str, Any]) -> str:
        return "\n".join(side_by_side(request, answers) for request, answers in self._asked(said))

    def _asked(self, said: dict[str, Any]) -> Iterator[tuple[Request, Answers]]:
        prefix = self._servers.fresh()
        self._servers.write([{"metric": f"{prefix}.m", "timestamp": 1365465600, "value": 1, "tags": {"host": "a"}}])
        for step in said["steps"]:
            path, body = (step.get(name) and step[name].replace("P.", f"{prefix}.") for name in ("path", "body"))
            request = Request(step["method"], path, body.encode() if body else None)
            yield request, self._servers.both(request)


def _compared(request: Request, answers: Answers) -> list[Difference]:
    """A difference for each name; whether all went well is said by the status, too."""
    told = [_by_name(answer) for answer in answers]
    if None in told:
        found = judging.refusals(answers) or []
        return [Difference(one.kind, f"{request}: {one.words}", one.real, one.ours) for one in found]
    real, ours = (one or {} for one in told)
    names = sorted(real.keys() | ours.keys())
    unlike = [(name, real.get(name), ours.get(name)) for name in names if real.get(name) != ours.get(name)]
    return [Difference("id", f"{request}: {name} {one} | {other}", one, other) for name, one, other in unlike]


def _by_name(answer: Answer) -> dict[str, list[str]] | None:
    """Kind and name -> what is said of it; of each kind whether it is there, and of all whether the status fits. None
    for an answer that says nothing of names."""
    said = _plain(answer)
    if not isinstance(said, dict) or "error" in said or "result" in said:
        return None
    found: dict[str, list[str]] = {
        "as the status says": [str((answer.status == 400) == ("_errors" in str(said.keys())))]
    }
    for kind, names in said.items():
        found[kind.removesuffix("_errors")] = ["is there"]
        for name, words in names.items():
            found.setdefault(f"{kind.removesuffix('_errors')} {name}", []).append(words)
    return {name: sorted(words) for name, words in found.items()}


def _plain(answer: Answer) -> Any:
    try:
        return json.loads(ID.sub(lambda found: '"id"' if found[1] else 'UID: id"', answer.body.decode()))
    except ValueError:
        return answer.body


def _assign(random: Random) -> dict[str, Any]:
    kinds = random.sample(KINDS, random.choice((1, 1, 1, 2, 3, 0)))
    named = {kind: [random.choice(NAMES) for _ in range(random.choice((1, 1, 2, 3, 0)))] for kind in kinds}
    method = random.choice(("GET", "POST", "POST", "POST", "PUT", "DELETE"))
    if method == "GET":
        asked = "&".join(f"{kind}={quote(','.join(names))}" for kind, names in named.items())
        return {"method": method, "path": "/api/uid/assign" + (f"?{asked}" if asked else "")}
    said: Any = named if random.random() < 0.9 else {kind: random.choice(("P.n", None, {}, [None])) for kind in kinds}
    return {"method": method, "path": "/api/uid/assign", "body": json.dumps(said)}


def _rename(random: Random) -> dict[str, Any]:
    said = {random.choice(("metric", "tagk", "foo")): random.choice(("P.m", "P.nope")), "name": "P.r"}
    if random.random() < 0.3:
        del said[random.choice(list(said))]
    method = random.choice(("GET", "POST", "POST", "PUT", "DELETE"))
    if method == "GET":
        asked = "&".join(f"{name}={text}" for name, text in said.items())
        return {"method": method, "path": f"/api/uid/rename?{asked}"}
    return {"method": method, "path": "/api/uid/rename", "body": json.dumps(said)}


def _more_characters(case: Case, found: Difference) -> bool:
    """headrace gives an id for what is no name for OpenTSDB."""
    words = found.real[0] if isinstance(found.real, list) and len(found.real) == 1 else ""
    return (
        found.kind == "id"
        and "illegal character: " in words
        and is_ours(words[-1])
        and found.ours in (["id"], ["Unknown type name"])
    )


def _again(case: Case, found: Difference) -> bool:
    """A name that was given an id before, and has no point."""
    said = found.real if isinstance(found.real, list) else []
    return found.kind == "id" and set(said) <= {"Name already exists with UID: id", "id"} and found.ours == ["id"]


def _renaming(case: Case, found: Difference) -> bool:
    real, ours = found.real, found.ours
    if found.kind != "status" or not isinstance(real, Answer) or not isinstance(ours, Answer):
        return False
    return ours.status == 501 and b"Renaming is not implemented" in ours.body and b'{"result":' in real.body


IDS: list[Wanted[Case]] = [
    Wanted("ids of more names", "Alibaba allows more characters in names", _more_characters),
    Wanted(
        "ids again", "an id is a hash of its name: nothing is assigned, and a name exists from its first point", _again
    ),
    Wanted("renaming", "points are stored with their names, which is said with 501", _renaming),
]
