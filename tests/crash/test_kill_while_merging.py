"""Promises 1, 2 and 4: `kill -9` in the middle of merges; the points that they were made of are there, each once."""

from __future__ import annotations

import time
from pathlib import Path

from chance import TIMES
from serverprocess import ServerProcess, running

SEAL_POINTS = 30_000
SERIES = 10
START_S = 1_700_000_000
KILLS = 2 * TIMES


def put(server: ServerProcess, first: int, end: int) -> None:
    """The value tells the point's number."""
    for begin in range(first, end, SERIES * 100):
        batch = [
            {
                "metric": "crash.merge",
                "timestamp": START_S + number // SERIES,
                "value": number,
                "tags": {"series": str(number % SERIES)},
            }
            for number in range(begin, min(begin + SERIES * 100, end))
        ]
        assert server.put(batch)[0] == 204


def is_merging(data: Path) -> bool:
    """Whether a segment is being written that is made of several: its name begins with an older one's sequence."""
    writing = [path.name for path in (data / "segments").glob("points-*.parquet.tmp")]
    whole = [path.name for path in (data / "segments").glob("points-*.parquet")]
    return any(name.split("-")[1] == other.split("-")[1] for name in writing for other in whole)


def check(server: ServerProcess, points: int) -> None:
    answer = server.query(
        start=START_S - 1,
        end=START_S + 10_000_000,
        queries=[{"metric": "crash.merge", "aggregator": "none", "tags": {"series": "*"}}],
    )
    found = {(int(one["tags"]["series"]), int(at)): value for one in answer for at, value in one["dps"].items()}
    assert found == {(n % SERIES, START_S + n // SERIES): n for n in range(points)}


def test_a_server_killed_in_the_middle_of_merges_has_every_point_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, "--seal-points", str(SEAL_POINTS)) as server:
        sent = hits = 0
        for number in range(KILLS):
            deadline = time.monotonic() + 60
            while not is_merging(data):
                assert time.monotonic() < deadline, "nothing was merged"
                put(server, sent, sent + SEAL_POINTS // 4)
                sent += SEAL_POINTS // 4
            time.sleep(0.004 * number)
            hits += is_merging(data)
            server.kill()
            server.start()
            check(server, sent)
        assert hits, "each merge was over before the kill"
