"""`scripts/bench query`: the same questions to headrace (/api/query) and VictoriaMetrics (/api/v1/query_range) over the
same data, one server after the other on the same two cores; whether the values are the same; and how long a writer
waits while a million values go out.

The data: 4000 series (400 hosts of 10 cores) with one value a minute, and one series with a value each second.
Questions are about the last day, one about all. Each is asked a few times; its time runs from the request to the last
byte of the answer.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.ingest import CORES, RESULTS, describe_machine
from bench.peers import Headrace, Peer, VictoriaMetrics, get

SEED = 20180731
START_S = 1_700_006_400
HOSTS = 400
CORES_A_HOST = 10
POINTS_A_MINUTE = HOSTS * CORES_A_HOST + 60
DAY_MINUTES = 1440
SENDERS = 2
REPEATS = 5
ASKED_S = 0.4
"""A question that is soon answered is repeated for so long: CPU time comes in ticks of 10 ms."""
WRITER_S = 5.0
READER = "import sys, urllib.request\nwhile True:\n    urllib.request.urlopen(sys.argv[1]).read()"
"""A process of its own, so that the writer does not wait for its interpreter."""


class Question(NamedTuple):
    """m: of /api/query.   promql, step_s: of query_range, whose windows look back.   by: the tags that tell the results
    apart.   every_s: between two points of a series.   whole: about all data, not the last day."""

    name: str
    m: str
    promql: str
    step_s: int
    by: tuple[str, ...] = ()
    every_s: int = 60
    whole: bool = False


CPU, DENSE = '{__name__="bench.cpu"%s}', '{__name__="bench.dense"}'
ONE, SEVENTY = ',host="h000",core="0"', ',host=~"h0[0-6].*"'
QUESTIONS = (
    Question("one series", "sum:1m-avg:bench.cpu{host=h000,core=0}", f"avg_over_time({CPU % ONE}[1m])", 60),
    Question(
        "400 series by a tag",
        "avg:5m-avg:bench.cpu{host=*}{core=literal_or(0)}",
        "avg by (host) (avg_over_time(%s[5m]))" % (CPU % ',core="0"'),
        300,
        ("host",),
    ),
    Question("4000 series of a metric", "sum:5m-avg:bench.cpu", f"sum(avg_over_time({CPU % ''}[5m]))", 300),
    Question("a day to minutes", "avg:1m-avg:bench.dense", f"avg_over_time({DENSE}[1m])", 60, every_s=1),
    Question("every point, to hours", "max:1h-max:bench.cpu", f"max(max_over_time({CPU % ''}[1h]))", 3600, whole=True),
    Question(
        "a million values out",
        "none:bench.cpu{host=regexp(^h0[0-6])}",
        CPU % SEVENTY,
        60,
        ("host", "core"),
    ),
)

Answers = dict[tuple[str, ...], tuple[NDArray[np.int64], NDArray[np.float64]]]
"""Of each result, by its tags: times in s, as OpenTSDB stamps them, and values."""


@dataclass(frozen=True)
class Cell:
    """One question to one server. ms from the request to the answer's last byte; cpu_ms: of the server, in all its
    threads, on average.   values: whether they are the first server's."""

    question: str
    peer: str
    median_ms: float
    best_ms: float
    cpu_ms: float
    answer_bytes: int
    values: str = ""


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
    parser.add_argument(
        "--points", type=lambda text: int(float(text)), default=DAY_MINUTES * POINTS_A_MINUTE, help="such as 100e6"
    )
    parser.add_argument("--repeats", type=int, default=REPEATS, help="per question (default %(default)s)")
    parser.add_argument("--only", type=lambda text: text.split(","), default=["headrace", "victoria-metrics"])
    parser.add_argument("--quick", action="store_true", help="an hour of data: does everything still work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON and the table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print and write the table and the JSON. 1 when no server is there, or values differ."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    points, repeats = (1, 2) if arguments.quick else (arguments.points, arguments.repeats)
    minutes = max(round(points / POINTS_A_MINUTE / 60), 1) * 60
    peers = [peer for peer in (Headrace, VictoriaMetrics) if peer.name in arguments.only and peer.version() is not None]
    cells: list[Cell] = []
    beside: list[Beside] = []
    first: dict[str, Answers] = {}
    filled_s = {}
    for peer in peers:
        with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, peer(Path(folder)) as server:
            begin = time.perf_counter()
            fill(server, minutes)
            server.settle()
            filled_s[peer.name] = time.perf_counter() - begin
            for question in QUESTIONS:
                cell, found = ask(server, question, minutes, repeats)
                cells.append(replace(cell, values=compared(found, first.setdefault(question.name, found))))
            beside.append(write_beside(server, minutes, 0.5 if arguments.quick else WRITER_S))
    table = report(describe_machine(), cells, beside, minutes, filled_s)
    print(table)
    arguments.results.mkdir(parents=True, exist_ok=True)
    name = time.strftime("query-%Y%m%dT%H%M%SZ", time.gmtime())
    (arguments.results / f"{name}.md").write_text(table)
    everything = {"minutes": minutes, "cells": list(map(asdict, cells)), "beside": list(map(asdict, beside))}
    (arguments.results / f"{name}.json").write_text(json.dumps(everything, indent=2) + "\n")
    return 0 if cells and all(cell.values.startswith("equal") for cell in cells) else 1


def bodies(minutes: int, sender: int) -> Iterator[bytes]:
    """One sender's share of the points as bodies of /api/put, a minute each, in order of time, the same each time.

    One template with fields of fixed width is filled in again and again: Python is not what is measured.
    """
    rng = np.random.default_rng([SEED, sender])
    hosts = range(sender, HOSTS, SENDERS)
    cpu = '{"metric":"bench.cpu","timestamp":0000000000,"value":00.00,"tags":{"host":"h%03d","core":"%d"}}'
    dense = '{"metric":"bench.dense","timestamp":0000000000,"value":00.00,"tags":{"host":"a"}}'
    points = [cpu % (host, core) for host in hosts for core in range(CORES_A_HOST)] + [dense] * (60 * (sender == 0))
    body = np.frombuffer(f"[{','.join(points)}]".encode(), dtype=np.uint8).copy()
    ends = np.cumsum([len(point) + 1 for point in points])
    starts = ends - np.array([len(point) for point in points])
    times = starts + np.array([point.index("0000000000") for point in points])
    values = starts + np.array([point.index("00.00") for point in points])
    seconds = np.zeros(len(points), dtype=np.int64)
    seconds[len(hosts) * CORES_A_HOST :] = np.arange(len(points) - len(hosts) * CORES_A_HOST)
    for minute in range(minutes):
        _digits(body, times, START_S + 60 * minute + seconds, range(10))
        _digits(body, values, rng.integers(4500, 5500, len(points)), (0, 1, 3, 4))
        yield body.tobytes()


def _digits(body: NDArray[np.uint8], at: NDArray[np.int64], numbers: NDArray[np.int64], places: Sequence[int]) -> None:
    """Write the last decimal digits of each number at these places from `at` on."""
    for place in reversed(places):
        body[at + place] = ord("0") + numbers % 10
        numbers = numbers // 10


def fill(server: Peer, minutes: int) -> None:
    """All points, over one connection a sender. Raises RuntimeError when a put fails."""
    failed: list[Exception] = []

    def send(sender: int) -> None:
        connection = http.client.HTTPConnection(server.address, timeout=60)
        try:
            for body in bodies(minutes, sender):
                put(server, body, connection)
        except (RuntimeError, OSError) as failure:
            failed.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"{server.name} could not be filled") from failed[0]


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
    return get(address_of(server, question, minutes))


def address_of(server: Peer, question: Question, minutes: int) -> str:
    """The URL of a question. A bucket that begins at t is a window that ends with the bucket's last point."""
    end = START_S + 60 * minutes - 1
    start = START_S if question.whole else max(START_S, end + 1 - 60 * DAY_MINUTES)
    if isinstance(server, VictoriaMetrics):
        later = _later_s(question)
        span = {"start": start + later, "end": end + later, "step": f"{question.step_s}s"}
        asked = urllib.parse.urlencode({"query": question.promql, **span, "nocache": 1})
        return f"http://127.0.0.1:{server.query_port}/api/v1/query_range?{asked}"
    asked = urllib.parse.urlencode({"start": start, "end": end, "m": question.m})
    return f"http://{server.address}/api/query?arrays&{asked}"


def _later_s(question: Question) -> int:
    return question.step_s - question.every_s


def ask(server: Peer, question: Question, minutes: int, repeats: int) -> tuple[Cell, Answers]:
    """Once to warm up, then measured."""
    answer = fetch(server, question, minutes)
    taken: list[float] = []
    cpu_s = server.cpu_s()
    while len(taken) < repeats or sum(taken) < ASKED_S:
        begin = time.perf_counter()
        fetch(server, question, minutes)
        taken.append(time.perf_counter() - begin)
    cpu_s = (server.cpu_s() - cpu_s) / len(taken)
    found = parsed(server, question, answer)
    median, best = statistics.median(taken), min(taken)
    return Cell(question.name, server.name, 1e3 * median, 1e3 * best, 1e3 * cpu_s, len(answer)), found


def parsed(server: Peer, question: Question, answer: bytes) -> Answers:
    """What the bytes say."""
    if isinstance(server, VictoriaMetrics):
        results = [(result["metric"], result["values"]) for result in json.loads(answer)["data"]["result"]]
    else:
        results = [(result["tags"], result["dps"]) for result in json.loads(answer)]
    later = _later_s(question) if isinstance(server, VictoriaMetrics) else 0
    return {
        tuple(tags[key] for key in question.by): (
            np.array([point[0] for point in points], dtype=np.int64) - later,
            np.array([float(point[1]) for point in points]),
        )
        for tags, points in results
    }


def compared(found: Answers, expected: Answers) -> str:
    """ "equal" and how many, or where they differ first."""
    if found.keys() != expected.keys():
        return f"differ: {len(found)} results, not {len(expected)}"
    for key, (times, values) in found.items():
        if not np.array_equal(times, expected[key][0]):
            return f"differ: times of {key}"
        if not np.allclose(values, expected[key][1], rtol=1e-9, atol=0):
            return f"differ: values of {key}"
    return f"equal ({sum(len(times) for times, _ in found.values())})"


def write_beside(server: Peer, minutes: int, seconds: float) -> Beside:
    """The writer's p99 alone, then beside a reader that never stops."""
    alone = _p99_ms(server, seconds)
    before = server.rss_peak_bytes()
    with subprocess.Popen([sys.executable, "-c", READER, address_of(server, QUESTIONS[-1], minutes)]) as reader:
        try:
            beside = _p99_ms(server, seconds)
        finally:
            reader.kill()
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


def report(
    machine: dict[str, str], cells: list[Cell], beside: list[Beside], minutes: int, filled_s: dict[str, float]
) -> str:
    """The run as Markdown."""
    lines = [f"- {what}: {value}" for what, value in machine.items()]
    lines.append(f"- {minutes * POINTS_A_MINUTE:,} points over {minutes} minutes, seed {SEED}")
    lines += [f"- {peer} filled and settled in {seconds:.0f} s" for peer, seconds in filled_s.items()]
    lines += ["", "| question | server | median ms | best ms | CPU ms | answer MB | values |"]
    lines += ["|---|---|---:|---:|---:|---:|---|"]
    for cell in sorted(cells, key=lambda cell: [question.name for question in QUESTIONS].index(cell.question)):
        lines.append(
            f"| {cell.question} | {cell.peer} | {cell.median_ms:.1f} | {cell.best_ms:.1f} "
            f"| {cell.cpu_ms:.1f} | {cell.answer_bytes / 1e6:.2f} | {cell.values} |"
        )
    lines += ["", "| a writer beside the last | p99 ms alone | p99 ms beside | peak RSS MB before | after |"]
    lines += ["|---|---:|---:|---:|---:|"]
    lines += [
        f"| {b.peer} | {b.alone_p99_ms:.2f} | {b.beside_p99_ms:.2f} | {b.rss_before_mb:.0f} | {b.rss_peak_mb:.0f} |"
        for b in beside
    ]
    return "\n".join(lines) + "\n"
