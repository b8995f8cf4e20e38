"""`scripts/bench commit`: what one commit to the journal takes, write and fdatasync, by the points in it; that of a
point also without the zeros that small commits bring along (docs/decisions/journal.md).

One thread, one commit after the other, nothing else of the server. The kinds take turns, a hundred commits each: what
else is done to the disk meanwhile meets all of them.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headrace import limits
from headrace.model.points import Admitted, Kind, Values
from headrace.store.embedded.journal.journal import Journal
from headrace.store.embedded.journal.reader import Replay
from headrace.store.embedded.journal.records import Record, encode_points

COMMITS = 1000
QUICK_COMMITS = 20
COMMITS_A_TURN = 100
KINDS = ((1, True), (1, False), (50, True), (1000, True), (20_000, False))
"""Points of a commit, and whether it may bring room. The largest never would."""


@dataclass
class Case:
    """Commits of one kind, and what each took."""

    points: int
    brings_room: bool
    journal: Journal
    record: Record
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    def commit(self) -> None:
        begin, cpu_begin = time.perf_counter(), time.thread_time()
        self.journal.append([self.record])
        self.wall_s.append(time.perf_counter() - begin)
        self.cpu_s.append(time.thread_time() - cpu_begin)

    @property
    def row(self) -> str:
        percentiles = statistics.quantiles(self.wall_s, n=100)
        return (
            f"| {self.points} | {self.record.bytes} | {'yes' if self.brings_room else 'no'} "
            f"| {percentiles[9] * 1e3:.3f} | {percentiles[49] * 1e3:.3f} | {percentiles[98] * 1e3:.3f} "
            f"| {statistics.median(self.cpu_s) * 1e6:.0f} |"
        )


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--commits", type=int, default=COMMITS, help="of each kind (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_COMMITS} commits: does everything still work?")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print the table."""
    commits = QUICK_COMMITS if arguments.quick else arguments.commits
    small_bytes = limits.JOURNAL_SMALL_COMMIT_BYTES
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        cases = [case(Path(folder), points, brings_room) for points, brings_room in KINDS]
        try:
            for begin in range(0, commits, COMMITS_A_TURN):
                for kind in cases:
                    limits.JOURNAL_SMALL_COMMIT_BYTES = small_bytes if kind.brings_room else 0
                    for _ in range(min(COMMITS_A_TURN, commits - begin)):
                        kind.commit()
        finally:
            limits.JOURNAL_SMALL_COMMIT_BYTES = small_bytes
        for kind in cases:
            kind.journal.close()
    print("| points | bytes | room ahead | p10 ms | p50 ms | p99 ms | CPU us |\n|---:|---:|---|---:|---:|---:|---:|")
    print("\n".join(kind.row for kind in cases))
    return 0


def case(folder: Path, points: int, brings_room: bool) -> Case:
    """Its journal is a new one of its own."""
    own = folder / f"{points}-{brings_room}"
    own.mkdir()
    replay = Replay(own, bytes(16), 0)
    assert not list(replay), "a new journal holds nothing"
    columns = Values(np.full(points, Kind.DOUBLE, dtype=np.uint8), np.arange(points, dtype=np.int64))
    admitted = Admitted(np.arange(points, dtype=np.uint32), np.arange(points, dtype=np.int64), columns)
    return Case(points, brings_room, Journal(replay), encode_points(admitted, 0))
