"""OpenTSDB 2.4.1 beside headrace: all sorts of cases, mixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serverprocess import running as headrace_running

from oracles.comparing.asking import Answer, Peer, Request, Watched
from oracles.comparing.sorts import MixedSorts, Sort
from oracles.expressions.sort import Expressions
from oracles.opentsdb import wanted, worlds
from oracles.opentsdb.asked_points import Questions
from oracles.opentsdb.broken import NOT_THERE, Broken
from oracles.opentsdb.finding import Finding
from oracles.opentsdb.noting.notes import Notes
from oracles.opentsdb.servers import Servers
from oracles.opentsdb.sorts import Case
from oracles.opentsdb.writing.ids import Ids
from oracles.opentsdb.writing.lines import Lines
from oracles.opentsdb.writing.puts import Puts
from oracles.servers import tsd

missing = tsd.missing

STAY = ("start", "end", "timestamp", "metric", "what", "asked", "steps", "method", "path")
"""Members whose default is a matter of the clock, or whose absence is another case."""


def mixed(servers: Servers, ours: Watched) -> MixedSorts[Case]:
    """All sorts of cases."""
    servers.write(worlds.every_tag())
    sorts: list[tuple[Sort, int]] = [
        (Questions(servers), 6),
        (Expressions(servers), 3),
        (Broken(servers), 2),
        (Finding(servers), 1),
        (Puts(servers), 2),
        (Lines(servers), 2),
        (Ids(servers), 1),
        (Notes(servers), 2),
    ]
    return MixedSorts(wanted.table(), sorts, Case, ours, STAY)


def documented(request: Request, answer: Answer) -> bool:
    """Whether a 501 is one that the pages tell of."""
    return answer.status == 501 and request.path.split("?")[0].removeprefix("/api/") in NOT_THERE


@contextmanager
def running(folder: Path) -> Iterator[MixedSorts[Case]]:
    """Both servers, each with fresh data in the folder."""
    with headrace_running(folder / "headrace") as ours, tsd.running(folder / "opentsdb") as real:
        peers = Peer(real.port), Watched(ours.port, documented)
        try:
            yield mixed(Servers(*peers), peers[1])
        finally:
            for peer in peers:
                peer.close()
