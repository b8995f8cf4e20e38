"""`scripts/bench series`: a million new series by /api/put, then lookups among them, memory, and the next start.

All series are of one metric, 8 of each host with four tags; every body brings 1000 series that the server has not met,
one point each. The bodies are made beforehand, so that the sender takes little of the two cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import tempfile
import threading
import time
from pathlib import Path

from bench.load import EPOCH_S
from bench.peers import Headrace, disk_bytes, get

SERIES = 1_000_000
QUICK_SERIES = 8_000
SERIES_PER_REQUEST = 1000
SERIES_PER_HOST = 8
CONNECTIONS = 4
CORES = 2
TIMES = 5
"""Each question is asked so often; the median counts."""

METRIC = "app.requests"
QUESTIONS = {
    "one of": "host=literal_or(web-000123.prod.example.net|web-000999.prod.example.net)",
    "wildcard": "host=wildcard(web-00012*)",
    "regex": "host=regexp(^web-00[0-9]12[.]prod)",
    "absent tag": "host=literal_or(web-000123.prod.example.net),pod=not_key()",
}


def add_parser(parser: argparse.ArgumentParser) -> None:
    parser.description = __doc__
    parser.add_argument("--series", type=int, default=SERIES, help="(default %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SERIES} series: does everything still work?")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print. 1 when an answer was not good or a series is missing."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    count = QUICK_SERIES if arguments.quick else arguments.series
    bodies = [body(first) for first in range(0, count, SERIES_PER_REQUEST)]
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder:
        server = Headrace(Path(folder))
        with server:
            begin = time.perf_counter()
            statuses = send(server.port, bodies)
            seconds = time.perf_counter() - begin
            print(f"new series: {count / seconds:,.0f}/s, server CPU {server.cpu_s() / count * 1e6:.2f} us each")
            print(f"memory: {server.rss_anon_peak_bytes / 1e6:.0f} MB anonymous at the peak")
            ask(server)
        print(f"disk: {disk_bytes(server.data) / count:.0f} bytes a series with its point")
        begin = time.perf_counter()
        server.rss_anon_peak_bytes = 0
        with server:
            opened = re.findall(r"seconds=([0-9.]+)", (server.folder / "log").read_text())
            print(
                f"start: {time.perf_counter() - begin:.2f} s to the first answer", *(f"(store {s} s)" for s in opened)
            )
            known = int(float(re.findall(rb"^headrace_series (\S+)", _metrics(server), re.MULTILINE)[0]))
            ask(server)
            print(f"memory: {server.rss_anon_peak_bytes / 1e6:.0f} MB anonymous at the peak")
    good = statuses == [204] * len(bodies) and known == count
    print("ok" if good else f"{known} of {count} series known; answers: {set(statuses)}")
    return 0 if good else 1


def body(first: int) -> bytes:
    """A put of series `first` and on."""
    points = []
    for number in range(first, first + SERIES_PER_REQUEST):
        host = number // SERIES_PER_HOST
        tags = {
            "host": f"web-{host:06d}.prod.example.net",
            "dc": f"fra{host % 4}",
            "rack": f"r{host % 10:02d}",
            "cpu": str(number % SERIES_PER_HOST),
        }
        points.append({"metric": METRIC, "timestamp": EPOCH_S, "value": 12.5, "tags": tags})
    return json.dumps(points, separators=(",", ":")).encode()


def send(port: int, bodies: list[bytes]) -> list[int]:
    """Put all bodies over CONNECTIONS connections. Returns the statuses."""
    statuses: list[int] = []
    waiting = iter(bodies)
    taking = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with taking:
                mine = next(waiting, None)
            if mine is None:
                return
            connection.request("POST", "/api/put", mine, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def ask(server: Headrace) -> None:
    """Print how long each of QUESTIONS takes, and two suggestions."""
    for name, filters in QUESTIONS.items():
        parameters = {"start": str(EPOCH_S - 60), "end": str(EPOCH_S + 60), "m": f"sum:{METRIC}{{}}{{{filters}}}"}
        print(f"query, {name}: {_median_ms(server, '/api/query', parameters)}")
    for name, prefix in {"prefix": "web-0001", "empty prefix": ""}.items():
        print(f"suggest, {name}: {_median_ms(server, '/api/suggest', {'type': 'tagv', 'q': prefix})}")


def _median_ms(server: Headrace, path: str, parameters: dict[str, str]) -> str:
    taken = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        get(f"http://{server.address}{path}", parameters)
        taken.append((time.perf_counter() - begin) * 1e3)
    return f"{sorted(taken)[TIMES // 2]:.1f} ms (first {taken[0]:.1f})"


def _metrics(server: Headrace) -> bytes:
    return get(f"http://{server.address}/metrics")
