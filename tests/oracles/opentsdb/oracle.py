"""OpenTSDB 2.4.1 beside headrace: all sorts of cases, mixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from serverprocess import running as headrace_running

from oracles.comparing.asking import Peer
from oracles.comparing.differences import Difference, Table
from oracles.comparing.shrinking import shrunk
from oracles.expressions.sort import Expressions
from oracles.opentsdb import wanted, worlds
from oracles.opentsdb.asked_points import Questions
from oracles.opentsdb.broken import Broken
from oracles.opentsdb.finding import Finding
from oracles.opentsdb.servers import Servers
from oracles.opentsdb.sorts import Case, Sort
from oracles.servers import tsd

missing = tsd.missing

SHRINK_S = 6.0

STAY = ("start", "end", "timestamp", "metric", "what", "asked", "steps", "method", "path")
"""Members whose default is a matter of the clock, or whose absence is another case."""


class OpenTSDBOracle:
    """Cases of all sorts, in turns by weight."""

    def __init__(self, servers: Servers) -> None:
        self.table: Table[Case] = wanted.table()
        self._sorts: list[Sort] = [Questions(servers), Expressions(servers), Broken(servers), Finding(servers)]
        self._weights = [6, 3, 2, 1]
        servers.write(worlds.every_tag())

    def cases(self, random: Random) -> Iterator[Case]:
        """Whole handfuls of one sort, since they share what is written for them."""
        while True:
            [sort] = random.choices(self._sorts, self._weights)
            for said in sort.some(random):
                yield Case(sort, said)

    def kind(self, case: Case) -> str:
        return case.sort.name

    def differences(self, case: Case) -> list[Difference]:
        return case.sort.differences(case.said)

    def minimised(self, case: Case, difference: Difference) -> str:
        def shows(said: dict[str, object]) -> bool:
            smaller = Case(case.sort, said)
            found = case.sort.differences(said)
            return any(one.kind == difference.kind and self.table.explanation(smaller, one) is None for one in found)

        said = shrunk(case.said, shows, SHRINK_S, STAY)
        found = case.sort.differences(said)
        return "\n".join([f"{case.sort.name} {', '.join(map(str, found))}", case.sort.shown(said), ""])


@contextmanager
def running(folder: Path) -> Iterator[OpenTSDBOracle]:
    """Both servers, each with fresh data in the folder."""
    with headrace_running(folder / "headrace") as ours, tsd.running(folder / "opentsdb") as real:
        peers = Peer(real.port), Peer(ours.port)
        try:
            yield OpenTSDBOracle(Servers(*peers))
        finally:
            for peer in peers:
                peer.close()
