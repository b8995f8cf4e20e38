"""Cases of datapoints/query and query/tags: a small world is written, and questions are asked about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from urllib.parse import quote

from oracles.comparing.asking import Request
from oracles.comparing.differences import Difference
from oracles.comparing.pair import Answers, LastWritten
from oracles.comparing.sorts import Said
from oracles.kairosdb import judging, worlds
from oracles.kairosdb.questions import Asking, named
from oracles.kairosdb.rewording import reworded
from oracles.kairosdb.servers import Servers, get, post, side_by_side

QUESTIONS = 30
"""About one world."""


class Questions:
    """The sort "query"."""

    name = "query"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._worlds = LastWritten(servers, lambda series, prefix: servers.write(worlds.bodies(series, prefix)))

    def some(self, random: Random) -> Iterator[Said]:
        kind, series = (worlds.hard_world if random.random() < 0.05 else worlds.world)(random)
        asking = Asking(random, kind, series)
        for _ in range(QUESTIONS):
            way = random.choices(("post", "get", "tags"), (90, 4, 6))[0]
            yield {"series": series, "question": asking.question(raw=way == "tags"), "way": way}

    def differences(self, said: Said) -> list[Difference]:
        request, _ = self._request(said)
        answers = self._servers.both(request)
        found = judging.queries(answers, said["question"])
        other = reworded(said["question"], said["series"]) if found else None
        if other is None:
            return found
        real, texts = (
            self._servers.real.ask(self._request({**said, "question": one})[0]) if one is not None else None
            for one in (other.question, other.texts)
        )
        assert real is not None
        of_texts = None if texts is None else (judging.parsed(texts) or {}).get("queries")
        found = judging.queries(
            Answers(real, answers.ours), other.judged, lambda queries: other.read(queries, of_texts)
        )
        return [*(Difference("reading", reading) for reading in other.readings), *found]

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
