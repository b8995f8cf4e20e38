"""Cases of datapoints/query and query/tags: a small world is written, and questions are asked about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from urllib.parse import quote

from oracles.comparing.asking import Request
from oracles.comparing.differences import Difference
from oracles.comparing.sorts import Said
from oracles.kairosdb import judging, worlds
from oracles.kairosdb.questions import Asking, named
from oracles.kairosdb.servers import Servers, get, post, side_by_side

QUESTIONS = 30
"""About one world."""


class Worlds:
    """Writes worlds. The last one stays written, as most cases ask about the same one as the case before."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._written: tuple[str, str] = ("", "")

    def prefix_of(self, series: list[worlds.Series]) -> str:
        """Before the names of its metrics."""
        text = json.dumps(series)
        if self._written[0] != text:
            prefix = self._servers.fresh()
            self._servers.write(worlds.bodies(series, prefix))
            self._written = (text, prefix)
        return self._written[1]


class Questions:
    """The sort "query"."""

    name = "query"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._worlds = Worlds(servers)

    def some(self, random: Random) -> Iterator[Said]:
        kind, series = worlds.world(random)
        asking = Asking(random, kind, series)
        for _ in range(QUESTIONS):
            way = random.choices(("post", "get", "tags"), (90, 4, 6))[0]
            yield {"series": series, "question": asking.question(raw=way == "tags"), "way": way}

    def differences(self, said: Said) -> list[Difference]:
        request, _ = self._request(said)
        return judging.queries(self._servers.both(request), said["question"])

    def shown(self, said: Said) -> str:
        request, prefix = self._request(said)
        lines = [f"  {json.dumps(one, ensure_ascii=False)}" for one in said["series"]]
        return "\n".join([side_by_side(request, self._servers.both(request), prefix), *lines])

    def _request(self, said: Said) -> tuple[Request, str]:
        prefix = self._worlds.prefix_of(said["series"])
        question = named(said["question"], prefix)
        match said.get("way"):
            case "get":
                return get(f"datapoints/query?query={quote(json.dumps(question))}"), prefix
            case "tags":
                return post("datapoints/query/tags", question), prefix
        return post("datapoints/query", question), prefix
