"""`scripts/bench endurance`: very many points into one server by /api/put, then one series out of all of them.

While points come, a line each second: points acknowledged so far, points in memory that are not sealed (the backlog),
those that wait for the journal, segments, anonymous memory. The backlog is flat when its highest values do not rise.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bench import load, wrk
from bench.ingest import CORES, SEED
from bench.peers import Headrace, Peer, disk_bytes, get

POINTS = 100_000_000
POINTS_PER_REQUEST = 1000
CONNECTIONS = 16
STRETCH_S = 10
"""The sender runs so long at a time, then goes on where it was."""
TIMES = 7
"""Each question is asked so often; the median counts."""
ASKED_POINTS = 1000
GAUGES = ("points_accepted_total", "recent_points", "queue_points", "segments")


@dataclass(frozen=True)
class Sample:
    """At one moment, a second after the one before."""

    accepted: int
    recent: int
    queued: int
    segments: int
    anonymous_mb: float


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--points", type=int, default=POINTS, help="stop after so many (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=0, help="or after so long (default: no matter how long)")
    parser.add_argument("--quick", action="store_true", help="two seconds: does everything still work?")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. 1 when an answer was not good or an acknowledged point is missing."""
    if wrk.version() is None:
        print("wrk is not installed")
        return 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    seconds = 2 if arguments.quick else arguments.seconds or 10**6
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, Headrace(Path(folder)) as server:
        stopping = threading.Event()
        samples: list[Sample] = []
        watcher = threading.Thread(target=watch, args=(server, stopping, samples))
        watcher.start()
        begin = time.perf_counter()
        cpu_before = server.cpu_s()
        acknowledged, rounds, errors = send(server, arguments.points, seconds)
        taken = time.perf_counter() - begin
        cpu = server.cpu_s() - cpu_before
        stopping.set()
        watcher.join()
        print(
            f"{acknowledged:,} points in {taken:.0f} s: {acknowledged / taken:,.0f}/s, "
            f"server CPU {cpu / acknowledged * 1e6:.2f} s a million, merging included"
        )
        backlog = [sample.recent + sample.queued for sample in samples]
        halves = backlog[: len(backlog) // 2] or [0], backlog[len(backlog) // 2 :] or [0]
        print(f"backlog at most {max(halves[0]):,} in the first half, {max(halves[1]):,} in the second")
        print(f"memory: {server.rss_anon_peak_bytes / 1e6:.0f} MB anonymous at the peak")
        server.settle()
        found = server.count(rounds)
        print(f"disk: {disk_bytes(server.data) / max(found, 1):.2f} bytes a point, journal included")
        ask(server, rounds)
    good = not any(errors.values()) and found >= acknowledged
    print("ok" if good else f"{acknowledged - found} points are missing; {errors}")
    return 0 if good else 1


def send(server: Peer, points: int, seconds: int) -> tuple[int, int, dict[str, int]]:
    """Put points until there are enough or the time is over: (points acknowledged, rounds begun, errors)."""
    ends = time.monotonic() + seconds
    acknowledged = rounds = 0
    errors: dict[str, int] = {}
    while acknowledged < points and time.monotonic() < ends:
        sent = wrk.put(
            server.points_url,
            points_per_request=POINTS_PER_REQUEST,
            connections=CONNECTIONS,
            seconds=max(1, min(STRETCH_S, round(ends - time.monotonic()))),
            seed=SEED,
            first_round=rounds,
            dialect="opentsdb",
        )
        acknowledged += sent.acknowledged
        rounds += sent.rounds
        errors = {what: errors.get(what, 0) + count for what, count in sent.errors.items()}
    return acknowledged, rounds, errors


def watch(server: Peer, stopping: threading.Event, samples: list[Sample]) -> None:
    """A sample each second, printed as it comes."""
    began = time.monotonic()
    while not stopping.wait(1):
        shown = get(f"http://{server.address}/metrics").decode()
        numbers: list[int] = []
        for name in GAUGES:
            found = re.findall(rf"^headrace_{name}(?:{{[^}}]*}})? (\S+)$", shown, re.MULTILINE)
            numbers.append(int(sum(map(float, found))))
        accepted, recent, queued, segments = numbers
        sample = Sample(accepted, recent, queued, segments, server.rss_anon_bytes() / 1e6)
        samples.append(sample)
        print(
            f"{time.monotonic() - began:5.0f} s {sample.accepted / 1e6:8.2f} million, backlog {sample.recent:9,}, "
            f"waiting {sample.queued:7,}, {sample.segments:3} segments, {sample.anonymous_mb:4.0f} MB",
            flush=True,
        )


def ask(server: Peer, rounds: int) -> None:
    """Print how long one series takes: its latest thousand points, and all of its time in a hundred buckets."""
    one = next(load.series(SEED))
    tags = ",".join(f"{key}=literal_or({value})" for key, value in one.tags.items())
    last = load.EPOCH_S + (rounds - 1) * load.STEP_S
    bucket_s = max(rounds // 100, 1) * load.STEP_S
    questions = {
        f"its latest {ASKED_POINTS} points": (last - ASKED_POINTS * load.STEP_S, f"none:{one.metric}{{}}{{{tags}}}"),
        "all of its time in 100 buckets": (load.EPOCH_S, f"sum:{bucket_s}s-avg:{one.metric}{{}}{{{tags}}}"),
    }
    for name, (start, question) in questions.items():
        parameters = {"start": str(start), "end": str(last), "m": question}
        taken = []
        for _ in range(TIMES):
            begin = time.perf_counter()
            answer = get(f"http://{server.address}/api/query", parameters)
            taken.append((time.perf_counter() - begin) * 1e3)
            assert b'"dps"' in answer
        print(f"one series, {name}: {statistics.median(taken):.1f} ms (first {taken[0]:.1f})")
