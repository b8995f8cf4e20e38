"""KairosDB 1.3.0 beside headrace: all sorts of cases, mixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from serverprocess import running as headrace_running

from oracles.comparing.asking import Peer
from oracles.comparing.differences import Difference, Table
from oracles.comparing.shrinking import shrunk
from oracles.kairosdb import wanted
from oracles.kairosdb.asked_points import Questions
from oracles.kairosdb.broken_requests import Broken
from oracles.kairosdb.changes import Changes
from oracles.kairosdb.lists import Lists
from oracles.kairosdb.servers import Servers
from oracles.kairosdb.sorts import Case, Said, Sort
from oracles.kairosdb.telnet import Lines
from oracles.servers import kairosdb

missing = kairosdb.missing

SHRINK_S = 6.0


class KairosDBOracle:
    """Cases of all sorts, in turns by weight."""

    def __init__(self, servers: Servers) -> None:
        self.table: Table[Case] = wanted.table()
        self._sorts: list[tuple[Sort, int]] = [
            (Questions(servers), 40),
            (Broken(servers, writes=False), 15),
            (Broken(servers, writes=True), 12),
            (Changes(servers), 30),
            (Lists(servers), 4),
            (Lines(servers), 8),
        ]

    def cases(self, random: Random) -> Iterator[Case]:
        """Whole handfuls of one sort, since they share what is written for them."""
        sorts, weights = zip(*self._sorts, strict=True)
        while True:
            [sort] = random.choices(sorts, weights)
            for said in sort.some(random):
                yield Case(sort, said)

    def kind(self, case: Case) -> str:
        return case.sort.name

    def differences(self, case: Case) -> list[Difference]:
        return case.sort.differences(case.said)

    def minimised(self, case: Case, difference: Difference) -> str:
        def shows(said: Said) -> bool:
            smaller = Case(case.sort, said)
            found = case.sort.differences(said)
            return any(one.kind == difference.kind and self.table.explanation(smaller, one) is None for one in found)

        said = shrunk(case.said, shows, SHRINK_S)
        found = case.sort.differences(said)
        return "\n".join([f"{case.sort.name} {', '.join(map(str, found))}", case.sort.shown(said), ""])


@contextmanager
def running(folder: Path) -> Iterator[KairosDBOracle]:
    """Both servers, each with fresh data in the folder."""
    lines = ("--telnet", "kairosdb")
    with headrace_running(folder / "headrace", *lines) as ours, kairosdb.running(folder / "kairosdb") as real:
        peers = Peer(real.port), Peer(ours.port)
        try:
            yield KairosDBOracle(Servers(*peers, real.telnet_port))
        finally:
            for peer in peers:
                peer.close()
