"""KairosDB 1.3.0 beside headrace: all sorts of cases, mixed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serverprocess import running as headrace_running

from oracles.comparing.asking import Peer, Watched
from oracles.comparing.sorts import Case, MixedSorts, Sort
from oracles.kairosdb import wanted
from oracles.kairosdb.asked_points import Questions
from oracles.kairosdb.broken_requests import NEARLY, Broken
from oracles.kairosdb.changes import Changes
from oracles.kairosdb.lists import Lists
from oracles.kairosdb.servers import Servers, may_fail
from oracles.kairosdb.telnet import Lines
from oracles.servers import kairosdb

missing = kairosdb.missing


SETTINGS = ("--telnet", "kairosdb", "--retention-grace", "0")
"""Of headrace. While points are kept that a ttl has dropped, a name of which no point is left stays in the lists."""


def mixed(servers: Servers, ours: Watched) -> MixedSorts[Case]:
    """All sorts of cases."""
    sorts: list[tuple[Sort, int]] = [
        (Questions(servers), 40),
        (Broken(servers, writes=False), 15),
        (Broken(servers, writes=True), 12),
        (Changes(servers), 30),
        (Lists(servers), 4),
        (Lines(servers), 8),
    ]
    return MixedSorts(wanted.table(), sorts, Case, ours, stay=[NEARLY])


@contextmanager
def running(folder: Path) -> Iterator[MixedSorts[Case]]:
    """Both servers, each with fresh data in the folder."""
    with headrace_running(folder / "headrace", *SETTINGS) as ours, kairosdb.running(folder / "kairosdb") as real:
        peers = Peer(real.port), Watched(ours.port, may_fail)
        try:
            yield mixed(Servers(*peers, real.telnet_port), peers[1])
        finally:
            for peer in peers:
                peer.close()
