"""A server is killed while it catches up with a roll-up: no range is lost, none is there twice."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

from serverprocess import ServerProcess, running

MINUTE = 60_000
BEGIN = 1_700_000_000_000 // MINUTE * MINUTE
HOSTS, MINUTES, KILLS = 5, 4000, 3


def ask(server: ServerProcess, method: str, path: str, said: Any = None) -> Any:
    status, body = server.request(method, f"/api/v1/{path}", None if said is None else json.dumps(said).encode())
    assert status in (200, 204), body
    return json.loads(body) if body else None


def rolled_up(server: ServerProcess) -> dict[str, list[list[int]]]:
    question = {
        "start_absolute": 0,
        "end_absolute": 2**50,
        "metrics": [{"name": "load.sum", "group_by": [{"name": "tag", "tags": ["host"]}]}],
    }
    [answer] = ask(server, "POST", "datapoints/query", question)["queries"]
    results = (result for result in answer["results"] if result["values"])
    return {result["group_by"][0]["group"]["host"]: result["values"] for result in results}


def computed_through(server: ServerProcess, task: str) -> int:
    [one] = ask(server, "GET", f"rollups/status/{task}")["statuses"]
    through: int = one["computed_through"]
    return through


def test_killed_while_it_catches_up(tmp_path: Path) -> None:
    chance = random.Random(7)
    flags = ("--kairosdb-rollups-after", "0,1s")
    task = {
        "name": "sums",
        "execution_interval": {"value": 1, "unit": "seconds"},
        "rollups": [
            {
                "save_as": "load.sum",
                "query": {
                    "start_absolute": BEGIN,
                    "metrics": [
                        {
                            "name": "load",
                            "group_by": [{"name": "tag", "tags": ["host"]}],
                            "aggregators": [{"name": "sum", "sampling": {"value": 1, "unit": "minutes"}}],
                        }
                    ],
                },
            }
        ],
    }
    with running(tmp_path / "data", *flags) as server:
        for host in range(HOSTS):
            pairs = [[BEGIN + at * MINUTE + second, host] for at in range(MINUTES) for second in (0, 30_000)]
            ask(server, "POST", "datapoints", [{"name": "load", "tags": {"host": str(host)}, "datapoints": pairs}])
        made = ask(server, "POST", "rollups", task)["id"]
        throughs = []
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.0, 0.3))
            server.kill()
            server.start()
            throughs.append(computed_through(server, made))
            # What it says has been computed is there, whole.
            done = range(BEGIN, min(throughs[-1], BEGIN + MINUTES * MINUTE), MINUTE)
            found = rolled_up(server)
            for host in range(HOSTS if done else 0):
                assert [time for time, _ in found[str(host)]][: len(done)] == list(done)
        deadline = time.monotonic() + 60
        while computed_through(server, made) < BEGIN + MINUTES * MINUTE:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # Behind the last point there is nothing to lose: that ranges are empty is noted now and then only.
        with_points = [min(through, BEGIN + MINUTES * MINUTE) for through in throughs]
        assert with_points == sorted(with_points)
        expected = {str(host): [[BEGIN + at * MINUTE, 2 * host] for at in range(MINUTES)] for host in range(HOSTS)}
        assert rolled_up(server) == expected
        assert server.get("/metrics")[1].count(b"headrace_rollup_failures_total{") == 1
        assert server.stop() == 0
