"""Many clients at once: senders of every room, somebody who asks, and an operator who seals and makes backups."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from document_senders import Annotations, Apollo, DataZone, SignedDataZone
from point_senders import KairosDB, KairosTelnet, MultiField, OpenTSDB, Telnet
from sending import START_S, TIMEOUT_S, Sender, Told, Wrong
from serverprocess import ServerProcess

JOIN_S = 2 * TIMEOUT_S
ASK_PAUSE_S = 0.02

FLAGS = ((), ("--telnet", "kairosdb"))
"""Two kinds of server: all that the rooms take, in turns."""


def senders_for(kind: int, seed: int, each: int = 2) -> list[Sender]:
    """kind: place in FLAGS.   each: how many of the busiest clients."""
    lines, forms = (Telnet, DataZone) if kind == 0 else (KairosTelnet, SignedDataZone)
    busiest: list[type[Sender]] = [OpenTSDB, KairosDB, lines, forms]
    several = [client(number, seed) for client in busiest for number in range(each)]
    return [*several, MultiField(0, seed), Apollo(0, seed), Annotations(0, seed)]


class Load:
    """Senders in threads of their own, and an asker. One load for each run of a server."""

    def __init__(self, server: ServerProcess, senders: Sequence[Sender], asker: Asker) -> None:
        self._senders = senders
        self._asker = asker
        for sender in senders:
            sender.stopping.clear()
        asker.stopping.clear()
        runs = [*(sender.run for sender in senders), asker.run]
        self._threads = [threading.Thread(target=run, args=(server,), daemon=True) for run in runs]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """When the server is gone, or to leave it alone."""
        for sender in self._senders:
            sender.stopping.set()
        self._asker.stopping.set()
        for thread in self._threads:
            thread.join(JOIN_S)
            assert not thread.is_alive(), "a client hangs"


class Asker:
    """Asks one question after another and looks at the statuses. allowed: 400 only of names that nobody knows yet."""

    def __init__(self, seed: int, allowed: Sequence[int] = (200, 400)) -> None:
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.stopping = threading.Event()
        self._chance = Random(f"{seed} asker")
        self._allowed = allowed

    def run(self, server: ServerProcess) -> None:
        while not self.stopping.wait(ASK_PAUSE_S):
            path, question = self._question()
            try:
                status, body = server.request("POST", path, json.dumps(question).encode())
            except (OSError, http.client.HTTPException):
                continue
            self.statuses[status] += 1
            if status not in self._allowed or (status == 400 and b"No such name" not in body):
                self.wrong.append(f"{path} was answered by {status} {body[:300]!r}")

    def _question(self) -> tuple[str, object]:
        start = START_S + self._chance.randrange(-1, 200)
        if self._chance.random() < 0.3:
            asked = {"name": "kairosdb0", "aggregators": []}
            times = {"start_absolute": start * 1000, "end_absolute": (START_S + 1000) * 1000}
            return "/api/v1/datapoints/query", {**times, "metrics": [asked]}
        metric = self._chance.choice(["opentsdb0", "opentsdb1", "telnet0", "datazone0.n"])
        query = {"metric": metric, "aggregator": "none", "tags": {}}
        return "/api/query", {"start": start, "end": START_S + 10**6, "queries": [query]}


def operate(server: ServerProcess, chance: Random, target: Path) -> str:
    """A seal, or a backup into `target`: "sealed", "backed up", "" when there was no success. Raises Wrong."""
    backs_up = chance.random() < 0.6
    path, body = ("backup", {"target": str(target)}) if backs_up else ("seal", {})
    try:
        status, answer = server.request(
            "POST", f"/api/headrace/v1/{path}", json.dumps(body).encode(), content_type="application/json"
        )
    except (OSError, http.client.HTTPException):
        return ""
    if status not in (200, 503):
        raise Wrong(f"{path} was answered by {status} {answer[:300]!r}")
    return {"backup": "backed up", "seal": "sealed"}[path] if status == 200 else ""


def told_by(senders: Sequence[Sender]) -> Told:
    """What all of them heard."""
    told = Told()
    for sender in senders:
        told.add(sender.told)
    return told


def check_all(server: ServerProcess, senders: Sequence[Sender]) -> None:
    """Raises Wrong when an answer was wrong, something is missing, twice, or never sent, or the server speaks of
    damage."""
    wrong = told_by(senders).wrong
    status, health = server.get("/health")
    if status != 200 or b"damaged" in health:
        wrong.append(f"/health: {status} {health[:500]!r}")
    for sender in senders:
        try:
            sender.check(server)
        except Wrong as other:
            wrong.append(str(other))
    if wrong:
        raise Wrong("\n".join(wrong))
