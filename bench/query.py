"""`scripts/bench query`: the same questions to headrace (/api/query) and VictoriaMetrics (/api/v1/query_range) over the
same data, one server after the other on the same two cores; and how long a writer waits while a million values go out.

The data: 4000 series (400 hosts of 10 cores) with one value a minute, and one series with a value each second. Each
question is asked a few times; its time runs from the request to the last byte of the answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from bench.ingest import CORES, RESULTS, describe_machine
from bench.peers import Headrace, Peer, VictoriaMetrics, get

SEED = 20180731
START_S = 1_700_006_400
HOSTS = 400
CORES_A_HOST = 10
POINTS_A_REQUEST = 10_000
MINUTES = 1440
REPEATS = 5
WRITER_S = 5.0


class Question(NamedTuple):
    """m: of /api/query.   promql, step_s: of query_range; windows look back there, buckets begin here."""

    name: str
    m: str
    promql: str
    step_s: int


CPU, DENSE = '{__name__="bench.cpu"%s}', '{__name__="bench.dense"}'
ONE, SOME = ',host="h000",core="0"', ',host=~"h[0-6].*"'
QUESTIONS = (
    Question("one series", "sum:1m-avg:bench.cpu{host=h000,core=0}", f"avg_over_time({CPU % ONE}[1m])", 60),
    Question(
        "400 series by a tag",
        "avg:5m-avg:bench.cpu{host=*}{core=literal_or(0)}",
        "avg by (host) (avg_over_time(%s[5m]))" % (CPU % ',core="0"'),
        300,
    ),
    Question("4000 series of a metric", "sum:5m-avg:bench.cpu", f"sum(avg_over_time({CPU % ''}[5m]))", 300),
    Question("a day to minutes", "avg:1m-avg:bench.dense", f"avg_over_time({DENSE}[1m])", 60),
    Question("every point, to hours", "max:1h-max:bench.cpu", f"max(max_over_time({CPU % ''}[1h]))", 3600),
    Question("a million values out", "none:bench.cpu{host=regexp(^h[0-6])}", CPU % SOME, 60),
)


@dataclass(frozen=True)
class Cell:
    """One question to one server. ms from the request to the answer's last byte."""

    question: str
    peer: str
    median_ms: float
    best_ms: float
    answer_bytes: int


@dataclass(frozen=True)
class Beside:
    """A writer of one point a request, alone and while the last question is asked again and again."""

    peer: str
    alone_p99_ms: float
    beside_p99_ms: float
    rss_before_mb: float
    rss_peak_mb: float


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--minutes", type=int, default=MINUTES, help="span of the data (default %(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="per question (default %(default)s)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=["headrace", "victoria-metrics"])
    parser.add_argument("--quick", action="store_true", help="ten minutes of data: does everything still work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write the table and the JSON. 1 when no server is there."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    minutes, repeats = (10, 2) if arguments.quick else (arguments.minutes, arguments.repeats)
    peers = [peer for peer in (Headrace, VictoriaMetrics) if peer.name in arguments.only and peer.version() is not None]
    cells: list[Cell] = []
    beside: list[Beside] = []
    for peer in peers:
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, peer(Path(folder)) as server:
            for body in bodies(minutes):
                put(server, body)
            server.settle()
            cells += [ask(server, question, minutes, repeats) for question in QUESTIONS]
            beside.append(write_beside(server, minutes, 0.5 if arguments.quick else WRITER_S))
    table = report(describe_machine(), cells, beside, minutes)
    print(table)
    arguments.results.mkdir(parents=True, exist_ok=True)
    name = time.strftime("query-%Y%m%dT%H%M%SZ", time.gmtime())
    (arguments.results / f"{name}.md").write_text(table)
    everything = {"minutes": minutes, "cells": list(map(asdict, cells)), "beside": list(map(asdict, beside))}
    (arguments.results / f"{name}.json").write_text(json.dumps(everything, indent=2) + "\n")
    return 0 if cells else 1


def bodies(minutes: int) -> Iterator[bytes]:
    """All points as bodies of /api/put, in order of time; the same for every server."""
    rng = random.Random(SEED)
    points: list[str] = []
    for minute in range(minutes):
        stamp = START_S + 60 * minute
        for host in range(HOSTS):
            for core in range(CORES_A_HOST):
                value = 50 + rng.randrange(-500, 500) / 100
                tags = f'{{"host":"h{host:03d}","core":"{core}"}}'
                points.append(f'{{"metric":"bench.cpu","timestamp":{stamp},"value":{value:.2f},"tags":{tags}}}')
        points += [
            f'{{"metric":"bench.dense","timestamp":{stamp + s},"value":{rng.random():.4f},"tags":{{"host":"a"}}}}'
            for s in range(60)
        ]
        while len(points) >= POINTS_A_REQUEST:
            yield f"[{','.join(points[:POINTS_A_REQUEST])}]".encode()
            del points[:POINTS_A_REQUEST]
    if points:
        yield f"[{','.join(points)}]".encode()


def put(server: Peer, body: bytes, connection: http.client.HTTPConnection | None = None) -> None:
    """Raises RuntimeError for an answer that is not good."""
    connection = connection or http.client.HTTPConnection(server.address, timeout=60)
    connection.request("POST", "/api/put", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status >= 300:
        raise RuntimeError(f"{server.name} answered {answer.status} to a put")


def fetch(server: Peer, question: Question, minutes: int) -> bytes:
    """The whole answer."""
    end = START_S + 60 * minutes - 1
    if isinstance(server, VictoriaMetrics):
        asked = {"query": question.promql, "start": str(START_S), "end": str(end), "step": f"{question.step_s}s"}
        return get(f"http://127.0.0.1:{server.query_port}/api/v1/query_range", {**asked, "nocache": "1"})
    return get(
        f"http://{server.address}/api/query?arrays&"
        + urllib.parse.urlencode({"start": START_S, "end": end, "m": question.m})
    )


def ask(server: Peer, question: Question, minutes: int, repeats: int) -> Cell:
    """Once to warm up, then measured."""
    size = len(fetch(server, question, minutes))
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        fetch(server, question, minutes)
        taken.append((time.perf_counter() - begin) * 1e3)
    return Cell(question.name, server.name, statistics.median(taken), min(taken), size)


def write_beside(server: Peer, minutes: int, seconds: float) -> Beside:
    """The writer's p99 alone, then beside a reader that never stops."""
    alone = _p99_ms(server, seconds)
    before = server.rss_peak_bytes()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            fetch(server, QUESTIONS[-1], minutes)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        beside = _p99_ms(server, seconds)
    finally:
        stop.set()
        reader.join()
    return Beside(server.name, alone, beside, before / 1e6, server.rss_peak_bytes() / 1e6)


def _p99_ms(server: Peer, seconds: float) -> float:
    connection = http.client.HTTPConnection(server.address, timeout=60)
    taken = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        stamp = time.time_ns() // 1_000_000
        point = f'{{"metric":"bench.beside","timestamp":{stamp},"value":1,"tags":{{"host":"a"}}}}'.encode()
        begin = time.perf_counter()
        put(server, point, connection)
        taken.append((time.perf_counter() - begin) * 1e3)
        time.sleep(0.002)
    connection.close()
    return sorted(taken)[int(len(taken) * 0.99)]


def report(machine: dict[str, str], cells: list[Cell], beside: list[Beside], minutes: int) -> str:
    """The run as Markdown."""
    points = minutes * (HOSTS * CORES_A_HOST + 60)
    lines = [f"- {what}: {value}" for what, value in machine.items()]
    lines += [f"- {points:,} points over {minutes} minutes, seed {SEED}", ""]
    lines += ["| question | server | median ms | best ms | answer MB |", "|---|---|---:|---:|---:|"]
    for cell in sorted(cells, key=lambda cell: [question.name for question in QUESTIONS].index(cell.question)):
        lines.append(
            f"| {cell.question} | {cell.peer} | {cell.median_ms:.1f} | {cell.best_ms:.1f} "
            f"| {cell.answer_bytes / 1e6:.2f} |"
        )
    lines += ["", "| a writer beside the last | p99 ms alone | p99 ms beside | peak RSS MB before | after |"]
    lines += ["|---|---:|---:|---:|---:|"]
    lines += [
        f"| {b.peer} | {b.alone_p99_ms:.2f} | {b.beside_p99_ms:.2f} | {b.rss_before_mb:.0f} | {b.rss_peak_mb:.0f} |"
        for b in beside
    ]
    return "\n".join(lines) + "\n"
