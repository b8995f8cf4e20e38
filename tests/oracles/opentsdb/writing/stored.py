"""What each server stored under a name, read back by /api/query."""

from __future__ import annotations

import json
from typing import Any

from oracles.comparing.asking import Peer
from oracles.opentsdb.questions import post
from oracles.opentsdb.servers import Servers

Points = list[tuple[str, int, Any]]
"""(tags as JSON, ms, value), in order."""

REAL_END, OUR_END = 4294000000, 9999999999999
"""Up to where each is read; OpenTSDB finds nothing if this is at the end of its 32 bits."""


def settle(servers: Servers) -> None:
    """Until OpenTSDB has stored what it was sent; headrace has when it answers."""
    said = {"metric": "writing.sentinel", "timestamp": 1365465600, "value": 1, "tags": {"host": "a"}}
    assert servers.real.ask(post("/api/put?sync&details", said)).status == 200


def make_known(servers: Servers, metrics: set[str]) -> None:
    """OpenTSDB gives a new name its id before it stores the point, in its own time: it is given before."""
    if metrics:
        servers.real.ask(post("/api/uid/assign", {"metric": sorted(metrics)}))


def points_of(peer: Peer, metric: str, end: int) -> Points:
    """[] where nobody knows the name."""
    asked = {
        "start": 1,
        "end": end,
        "msResolution": True,
        "queries": [{"aggregator": "none", "metric": metric}],
    }
    answer = peer.ask(post("/api/query", asked))
    if answer.status == 400 and b"No such name for 'metrics'" in answer.body:
        return []
    said = answer.json()
    assert answer.status == 200, f"what was stored cannot be read: {answer}"
    return sorted(
        (
            (json.dumps(one["tags"], sort_keys=True), int(time), value)
            for one in said
            for time, value in one["dps"].items()
        ),
        key=str,
    )


def both_points(servers: Servers, metric: str | None) -> tuple[Points, Points]:
    """OpenTSDB's and headrace's."""
    if not metric:
        return [], []
    return points_of(servers.real, metric, REAL_END), points_of(servers.ours, metric, OUR_END)
