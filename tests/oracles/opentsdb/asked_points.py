"""Cases of /api/query: a small world is written, and questions are asked about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from oracles.comparing.asking import Peer, Request
from oracles.comparing.differences import Difference
from oracles.opentsdb import judging, questions, worlds
from oracles.opentsdb.servers import Answers, Servers, side_by_side

QUESTIONS = 25
"""About one world."""


class Questions:
    """The sort "query"."""

    name = "query"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._written: tuple[str, str] = ("", "")
        self._ids: dict[str, str] = {}

    def some(self, random: Random) -> Iterator[dict[str, Any]]:
        """Beside the question, `ids`: what OpenTSDB calls "key" and "key=value", as its order goes by that."""
        self._ids = self._ids or _ids(self._servers.real)
        series = worlds.world(random)
        return ({**questions.question(random, series), "ids": self._ids} for _ in range(QUESTIONS))

    def differences(self, said: dict[str, Any]) -> list[Difference]:
        return judging.queries(self._answers(said)[1])

    def shown(self, said: dict[str, Any]) -> str:
        request, answers, prefix = self._answers(said)[0], self._answers(said)[1], self._written[1]
        lines = [f"  {json.dumps(one)}" for one in said["series"]]
        return "\n".join([side_by_side(request, answers, prefix), *lines])

    def _answers(self, said: dict[str, Any]) -> tuple[Request, Answers]:
        prefix = self._prefix_of(said["series"])
        real, ours = (
            questions.request(said, prefix, self._tsuids(peer, prefix) if said.get("by_tsuid") else [])
            for peer in (self._servers.real, self._servers.ours)
        )
        return ours, Answers(self._servers.real.ask(real), self._servers.ours.ask(ours))

    def _prefix_of(self, series: list[dict[str, Any]]) -> str:
        """The last world stays written, as most cases ask about the same one as the case before."""
        text = json.dumps(series)
        if self._written[0] != text:
            prefix = self._servers.fresh()
            self._servers.write(worlds.puts(series, prefix, "points"))
            self._servers.write(worlds.puts(series, prefix, "again"))
            self._written = (text, prefix)
        return self._written[1]

    def _tsuids(self, peer: Peer, prefix: str) -> list[str]:
        """Of some series of one metric, the same on both servers. Raises AssertionError if there are none."""
        asked = [("start", 1), ("end", 2000000000), ("show_tsuids", ""), ("m", f"none:{prefix}.m0")]
        answer = peer.ask(questions.get("/api/query", asked)).json()
        found = (
            [(json.dumps(one["tags"], sort_keys=True), one["tsuids"]) for one in answer if "tags" in one]
            if isinstance(answer, list)
            else []
        )
        return [tsuid for _, tsuids in sorted(found)[:3] for tsuid in tsuids]


def _ids(real: Peer) -> dict[str, str]:
    """Of all tags that worlds have, out of the tsuids of worlds.every_tag: three bytes each for metric, key, value."""
    asked = [("start", 1), ("end", 2000000000), ("show_tsuids", ""), ("m", "none:every.tag")]
    found: dict[str, str] = {}
    for one in real.ask(questions.get("/api/query", asked)).json():
        [(key, value)], [tsuid] = one["tags"].items(), one["tsuids"]
        found |= {key: tsuid[6:12], f"{key}={value}": tsuid[12:]}
    assert len(found) == len(worlds.TAGS) + len(worlds.every_tag()), "OpenTSDB does not know all tags"
    return found
