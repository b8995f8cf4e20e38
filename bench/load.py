"""The load: 4000 series of 100 hosts, as requests of one round of collection, refreshed by the sender.

A host reports 40 series every 10 s, all at one time: 22 gauges with two decimals and 18 integer counters, each with
four tags. One round is all 4000 series once, cut in order into bodies of n points. Python writes the requests of one
round as templates with fixed-width fields and says where they are; put.lua fills in the next time and fresh values at
every request, so that no point is sent twice and nothing repeats.

A gauge is its series' level plus noise, triangular within 5.00 on either side: 10.00 ... 99.99.
A counter grows by 0 ... 9999 a round, from a start of its own: ten digits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

HOSTS = 100
DATA_CENTRES = ("fra1", "ams3", "nyc2", "sgp1")
RACKS = 10
EPOCH_S = 1_700_000_000
"""Time of round 0: past, as peers drop points from the future."""
STEP_S = 10

Dialect = Literal["opentsdb", "kairosdb"]
"""The room by which points come. To KairosDB's they come as metric objects of one point each, in milliseconds."""

GAUGE = "g"
COUNTER = "c"
# (metrics, kind, fourth tag, its values): 16 + 12 + 6 + 6 = 40 series a host.
FAMILIES = (
    (("sys.cpu.user", "sys.cpu.system", "sys.cpu.iowait", "sys.cpu.idle"), GAUGE, "cpu", ("0", "1", "2", "3")),
    (
        ("sys.disk.read_bytes", "sys.disk.write_bytes", "sys.disk.reads", "sys.disk.writes"),
        COUNTER,
        "device",
        ("sda", "sdb", "nvme0n1"),
    ),
    (("sys.net.rx_bytes", "sys.net.tx_bytes"), COUNTER, "iface", ("eth0", "eth1", "lo")),
    (("app.request.latency_ms", "app.request.queue_depth"), GAUGE, "endpoint", ("/login", "/search", "/checkout")),
)
METRICS = tuple(metric for metrics, *_ in FAMILIES for metric in metrics)
SERIES = HOSTS * sum(len(metrics) * len(values) for metrics, _, _, values in FAMILIES)
TIME_DIGITS = 10
GAUGE_DIGITS = 5  # dd.dd
COUNTER_DIGITS = 10


class Series(NamedTuple):
    metric: str
    tags: dict[str, str]
    kind: str
    start: int
    """A gauge's level in hundredths; a counter's first value."""


class Field(NamedTuple):
    """Where one point of a request keeps what changes: byte offsets into the request."""

    time_at: int
    value_at: int
    kind: str
    start: int


class Spelling(NamedTuple):
    """Where a dialect takes points, and what stands there before a time in seconds, a value and tags."""

    path: str
    before_time: bytes
    before_value: bytes
    before_tags: bytes


_SPELLED: dict[Dialect, Spelling] = {
    "opentsdb": Spelling("/api/put", b'{"metric":"%s","timestamp":', b',"value":', b',"tags":'),
    "kairosdb": Spelling("/api/v1/datapoints", b'{"name":"%s","datapoints":[[', b"000,", b']],"tags":'),
}


@dataclass(frozen=True)
class Template:
    """One request with its head; all rounds have the same bytes but for the fields."""

    request: bytes
    fields: list[Field]


def series(seed: int) -> Iterator[Series]:
    """All series, host by host, the same for the same seed."""
    rng = random.Random(seed)
    for host in range(HOSTS):
        where = {
            "host": f"web-{host:03d}.prod.example.net",
            "dc": DATA_CENTRES[host % len(DATA_CENTRES)],
            "rack": f"r{host % RACKS:02d}",
        }
        for metrics, kind, key, values in FAMILIES:
            for metric in metrics:
                for value in values:
                    start = rng.randrange(1500, 9500) if kind == GAUGE else rng.randrange(10**9, 5 * 10**9)
                    yield Series(metric, {**where, key: value}, kind, start)


def templates(seed: int, points_per_request: int, host_header: str, dialect: Dialect = "opentsdb") -> list[Template]:
    """The requests of one round, in order. One point travels as an object, more as an array."""
    assert SERIES % points_per_request == 0, "a round is a whole number of requests"
    every = list(series(seed))
    return [
        _template(every[at : at + points_per_request], host_header, dialect)
        for at in range(0, len(every), points_per_request)
    ]


def _template(points: list[Series], host_header: str, dialect: Dialect) -> Template:
    spelled = _SPELLED[dialect]
    body = bytearray()
    fields = []
    body += b"[" if len(points) > 1 else b""
    for number, point in enumerate(points):
        body += b"," if number else b""
        body += spelled.before_time % point.metric.encode()
        time_at = len(body)
        body += b"0" * TIME_DIGITS + spelled.before_value
        value_at = len(body)
        body += b"00.00" if point.kind == GAUGE else b"0" * COUNTER_DIGITS
        body += spelled.before_tags + b"%s}" % json.dumps(point.tags, separators=(",", ":")).encode()
        fields.append(Field(time_at, value_at, point.kind, point.start))
    body += b"]" if len(points) > 1 else b""
    head = (
        f"POST {spelled.path} HTTP/1.1\r\nHost: {host_header}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    shift = len(head)
    moved = [Field(f.time_at + shift, f.value_at + shift, f.kind, f.start) for f in fields]
    return Template(head + bytes(body), moved)


def write(requests: list[Template], folder: Path) -> None:
    """Write requests.bin (all templates, one after the other) and layout.txt for put.lua to read.

    layout.txt: per template a line "length points", then a line "time_at value_at kind start" for each point.
    """
    (folder / "requests.bin").write_bytes(b"".join(template.request for template in requests))
    lines = []
    for template in requests:
        lines.append(f"{len(template.request)} {len(template.fields)}")
        lines += [f"{f.time_at} {f.value_at} {f.kind} {f.start}" for f in template.fields]
    (folder / "layout.txt").write_text("\n".join(lines) + "\n")
