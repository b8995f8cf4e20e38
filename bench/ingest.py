"""`scripts/bench ingest`: points in by /api/put, or KairosDB's way, each peer alone with the sender on
the same two cores.

Every cell (peer, points a request, connections) has a fresh server in an empty folder: a second of warm-up, the
measured run, a settle, a count by the server's own queries, a stop, a look at the disk. A cell is good when every
answer was good and every acknowledged point is there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from bench import load, wrk
from bench.peers import BY_TLS, PEERS, Peer, disk_bytes

SEED = 20180731
CORES = 2
WARM_UP_S = 1
POINTS_PER_REQUEST = (1000, 50, 1)
CONNECTIONS = (4, 16, 64)
RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Cell:
    """One peer under one load. Rates, latency and CPU are of the measured run; the rest includes the warm-up."""

    peer: str
    points_per_request: int
    connections: int
    points_per_s: float
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    server_cpu_s_per_million: float
    """During the measured run."""
    settle_cpu_s_per_million: float
    """After it, until the data folder was still."""
    sender_cpu_s_per_million: float
    rss_peak_mb: float
    rss_anon_peak_mb: float
    disk_bytes_per_point: float
    """After the server has ended."""
    points_acknowledged: int
    points_found: int
    points_generated: int
    errors: dict[str, int]

    @property
    def complaints(self) -> list[str]:
        """What makes the cell's figures worthless."""
        found = [f"{count} {what} errors" for what, count in self.errors.items() if count]
        if self.points_found < self.points_acknowledged:
            found.append(f"{self.points_acknowledged - self.points_found} acknowledged points are missing")
        if self.points_found > self.points_generated:
            found.append(f"{self.points_found - self.points_generated} points too many")
        return found


def add_parser(parser: argparse.ArgumentParser) -> None:
    names = [peer.name for peer in PEERS]
    parser.description = __doc__
    parser.add_argument("--seconds", type=int, default=5, help="measured time of a cell (default %(default)s)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=names, help=f"of {','.join(names)}")
    parser.add_argument("--points", type=_numbers, default=POINTS_PER_REQUEST, help="points a request (1000,50,1)")
    parser.add_argument(
        "--dialect", choices=list(get_args(load.Dialect)), default="opentsdb", help="whose points (default %(default)s)"
    )
    parser.add_argument("--connections", type=_numbers, default=CONNECTIONS, help="(4,16,64)")
    parser.add_argument("--tls", action="store_true", help="headrace by TLS, too, beside it")
    parser.add_argument("--quick", action="store_true", help="one second of one cell: does everything still work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the table")
    parser.set_defaults(run=run)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def run(arguments: argparse.Namespace) -> int:
    """Measure all cells; print and write the table and the JSON. 1 when a cell is no good or there is none."""
    if wrk.version() is None:
        print("wrk is not installed")
        return 1
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # inherited by all that is started here
    dialect = arguments.dialect
    chosen = [peer for peer in PEERS if peer.name in arguments.only]
    chosen += [BY_TLS] if arguments.tls else []
    peers = [peer for peer in chosen if dialect in peer.dialects]
    versions = {peer.name: peer.version() for peer in peers}
    seconds, points, connections = arguments.seconds, arguments.points, arguments.connections
    if arguments.quick:
        seconds, points, connections = 1, (50,), (4,)
    machine = describe_machine()
    cells = []
    for n in points:
        for c in connections:
            for peer in (peer for peer in peers if versions[peer.name] is not None):
                print(f"{peer.name}: {n} points a request, {c} connections", flush=True)
                cells.append(measure(peer, points_per_request=n, connections=c, seconds=seconds, dialect=dialect))
    table = report(machine, versions, cells, seconds, dialect)
    print("\n" + table)
    arguments.results.mkdir(parents=True, exist_ok=True)
    name = time.strftime("ingest-%Y%m%dT%H%M%SZ", time.gmtime())
    (arguments.results / f"{name}.md").write_text(table)
    everything = {
        "machine": machine,
        "versions": versions,
        "seconds": seconds,
        "seed": SEED,
        "dialect": dialect,
        "cells": [{**asdict(cell), "complaints": cell.complaints} for cell in cells],
    }
    (arguments.results / f"{name}.json").write_text(json.dumps(everything, indent=2) + "\n")
    return 0 if cells and not any(cell.complaints for cell in cells) else 1


def measure(
    peer: type[Peer],
    *,
    points_per_request: int,
    connections: int,
    seconds: int,
    dialect: load.Dialect = "opentsdb",
) -> Cell:
    """One cell: a fresh server, warm-up, run, settle, count."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, peer(Path(folder)) as server:

        def put(duration: int, first_round: int) -> wrk.Sent:
            return wrk.put(
                server.points_url,
                points_per_request=points_per_request,
                connections=connections,
                seconds=duration,
                seed=SEED,
                first_round=first_round,
                dialect=dialect,
            )

        warm_up = put(min(WARM_UP_S, seconds), 0)
        cpu_before = server.cpu_s()
        sent = put(seconds, warm_up.rounds)
        cpu_after = server.cpu_s()
        server.settle()
        cpu_settled = server.cpu_s()
        rss_peak, rss_anon_peak = server.rss_peak_bytes(), server.rss_anon_peak_bytes
        found = server.count(warm_up.rounds + sent.rounds)
        server.stop()
        on_disk = disk_bytes(server.data)
    millions = max(sent.acknowledged, 1) / 1e6
    return Cell(
        peer=peer.name,
        points_per_request=points_per_request,
        connections=connections,
        points_per_s=sent.acknowledged / sent.seconds,
        requests_per_s=sent.requests / sent.seconds,
        p50_ms=sent.p50_ms,
        p99_ms=sent.p99_ms,
        max_ms=sent.max_ms,
        server_cpu_s_per_million=(cpu_after - cpu_before) / millions,
        settle_cpu_s_per_million=(cpu_settled - cpu_after) / millions,
        sender_cpu_s_per_million=sent.cpu_s / millions,
        rss_peak_mb=rss_peak / 1e6,
        rss_anon_peak_mb=rss_anon_peak / 1e6,
        disk_bytes_per_point=on_disk / max(found, 1),
        points_acknowledged=warm_up.acknowledged + sent.acknowledged,
        points_found=found,
        points_generated=(warm_up.generated + sent.generated) * points_per_request,
        errors={what: warm_up.errors[what] + sent.errors[what] for what in sent.errors},
    )


def describe_machine() -> dict[str, str]:
    """What a reader needs to compare these figures with others."""
    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory_kb = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        filesystem = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True)
        fsync_ms = _fsync_ms(Path(folder) / "probe")
    return {
        "cpu": f"{cpu}, {CORES} cores for server and sender together",
        "memory": f"{memory_kb / 1e6:.1f} GB",
        "kernel": platform.release(),
        "disk": f"{filesystem.stdout.strip()}, fdatasync of 4 KB {fsync_ms:.2f} ms",
        "python": platform.python_version(),
        "wrk": wrk.version() or "not installed",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _fsync_ms(path: Path, times: int = 50) -> float:
    """Median time of an append of 4 KB and its fdatasync, in ms."""
    taken = []
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            start = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


def report(
    machine: dict[str, str], versions: dict[str, str | None], cells: Iterable[Cell], seconds: int, dialect: load.Dialect
) -> str:
    """The run as Markdown."""
    lines = [f"- {what}: {value}" for what, value in machine.items()]
    for peer in (peer for peer in (*PEERS, BY_TLS) if peer.name in versions):
        lines.append(f"- {peer.name}: {versions[peer.name] or 'not installed'}; a good answer means: {peer.promise}")
    lines += [
        f"- dialect {dialect}, {load.SERIES} series, 4 tags, seed {SEED}, {seconds} s a cell after a warm-up, "
        "one fresh server a cell",
        "",
        "| points a request | connections | server | points/s | requests/s | p50 ms | p99 ms "
        "| server CPU s per million points | after the run | sender CPU s per million points "
        "| peak RSS MB | of it anonymous | disk bytes a point |  |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for c in cells:
        lines.append(
            f"| {c.points_per_request} | {c.connections} | {c.peer} | {c.points_per_s:,.0f} | {c.requests_per_s:,.0f} "
            f"| {c.p50_ms:.2f} | {c.p99_ms:.2f} | {c.server_cpu_s_per_million:.2f} | {c.settle_cpu_s_per_million:.2f} "
            f"| {c.sender_cpu_s_per_million:.2f} | {c.rss_peak_mb:.0f} | {c.rss_anon_peak_mb:.0f} "
            f"| {c.disk_bytes_per_point:.1f} | {'; '.join(c.complaints) or 'ok'} |"
        )
    return "\n".join(lines) + "\n"
