"""Promises 1, 2 and 4: `kill -9` under load from several writers, at any moment, also in the middle of sealing."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from pathlib import Path

import pytest
from chance import TIMES
from serverprocess import ServerProcess, running

WRITERS = 4
BATCH_POINTS = 50
KILLS = 2 * TIMES
START_S = 1_700_000_000


class Load(threading.Thread):
    """Sends batches of ever later seconds of its own series until the server is gone; remembers what was acked."""

    def __init__(self, server: ServerProcess, writer: int, first: int) -> None:
        super().__init__()
        self.server = server
        self.writer = writer
        self.sent = first
        self.acknowledged = first

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            while True:
                batch = range(self.sent, self.sent + BATCH_POINTS)
                self.sent = batch.stop
                connection.request("POST", "/api/put", json.dumps([point(self.writer, number) for number in batch]))
                answer = connection.getresponse()
                answer.read()
                if answer.status == 204:
                    self.acknowledged = batch.stop
                    continue
                assert answer.status == 503, answer.status
                self.sent = batch.start
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


def point(writer: int, number: int) -> dict[str, object]:
    # The value tells the point's number, so that one in the wrong place shows.
    return {
        "metric": "crash.load",
        "timestamp": START_S + number,
        "value": number if writer % 2 else number + 0.5,
        "tags": {"writer": str(writer)},
    }


def stored(server: ServerProcess) -> dict[int, dict[int, float]]:
    answer = server.query(
        start=START_S - 1,
        end=START_S + 10_000_000,
        queries=[{"metric": "crash.load", "aggregator": "none", "tags": {"writer": "*"}}],
    )
    return {int(one["tags"]["writer"]): {int(at): value for at, value in one["dps"].items()} for one in answer}


@pytest.mark.parametrize(("seal_points", "seed"), [(1_000_000, 1), (2_000, 2), (700, 3)])
def test_every_acknowledged_point_is_there_exactly_once(tmp_path: Path, seal_points: int, seed: int) -> None:
    chance = random.Random(seed)
    loads: list[Load] = []
    with running(tmp_path / "data", "--seal-points", str(seal_points)) as server:
        first = [0] * WRITERS
        for _ in range(KILLS):
            loads = [Load(server, writer, first[writer]) for writer in range(WRITERS)]
            for load in loads:
                load.start()
            time.sleep(chance.uniform(0.3, 1.2))
            server.kill()
            for load in loads:
                load.join()
            server.start()
            found = stored(server)
            for load in loads:
                mine = found[load.writer]
                numbers = sorted(at - START_S for at in mine)
                assert load.acknowledged > first[load.writer], "the load did run"
                assert numbers[: load.acknowledged] == list(range(load.acknowledged)), (
                    "an acknowledged point is missing"
                )
                assert numbers[-1] < load.sent, "a point that was never sent"
                assert all(mine[START_S + number] == point(load.writer, number)["value"] for number in numbers)
            first = [load.sent for load in loads]
            for load in loads:
                # What was sent but not acknowledged may be there or not; send it again, as a client would.
                again = [point(load.writer, number) for number in range(load.acknowledged, load.sent)]
                assert not again or server.put(again)[0] == 204
        assert {writer: len(mine) for writer, mine in stored(server).items()} == {
            load.writer: load.sent for load in loads
        }
