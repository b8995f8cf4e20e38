"""Seeded hostile bodies for the scanner of /api/v1/datapoints, or KairosDB's telnet blocks, each compared with the
reference decoder.

Arguments: "json" or "telnet", seed, number of bodies. Run by test_fuzz_scanners.py with bounds checks and
uncompiled; says what hostile_puts.py says.
"""

import itertools
import json
import random
import sys

import numpy as np
from hostile_puts import SHARP, assert_equal, compare_all, mutated

from headrace.model.series import SeriesTable
from headrace.model.spelling import KeyCache
from headrace.protocols.kairosdb.telnet import Lines, read_name, read_words
from headrace.protocols.kairosdb.types.registry import Types
from headrace.protocols.kairosdb.writing.decode import ReferenceDecoder
from headrace.protocols.kairosdb.writing.scan import scan, scan_lines

SECRET = np.arange(1, 9, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
TABLE = SeriesTable(SECRET)
NOW_MS = 1_700_000_000_000
reference = ReferenceDecoder(TABLE, Types())

MORE_SHARP = [
    *SHARP,
    '"datapoints":[[',
    "[1,2],",
    "],[",
    "]]",
    '"name":"',
    '"timestamp":1,',
    '"ttl":',
    "datapoin",
    "1e5",
]


def value(rng: random.Random) -> int | float:
    gauge: float = rng.random() * 10.0 ** rng.randrange(-5, 15)
    return rng.choice([0, -1, 2**63 - 1, -(2**63), 0.5, gauge])


def time_ms(rng: random.Random) -> int:
    return rng.choice([0, -5, 1_500_000_000_123, 2**53, rng.randrange(-(2**53), 2**53)])


def metric(rng: random.Random) -> dict[str, object]:
    tags = {f"key{n}": "web-01.prod.example.net"[: rng.randrange(1, 24)] for n in range(rng.randrange(1, 6))}
    members: list[tuple[str, object]] = [("name", "sys.cpu.user"[: rng.randrange(1, 13)]), ("tags", tags)]
    if rng.random() < 0.7:
        members.append(("datapoints", [[time_ms(rng), value(rng)] for _ in range(rng.randrange(1, 9))]))
    else:
        members += [("timestamp", time_ms(rng)), ("value", value(rng))]
    if rng.random() < 0.3:
        members.append(("ttl", rng.choice([0, 1, 2**31 - 1])))
    rng.shuffle(members)
    return dict(members)


def hostile_body(rng: random.Random) -> bytes:
    metrics = [metric(rng) for _ in range(rng.randrange(1, 4))]
    body = json.dumps(metrics if rng.random() < 0.9 else metrics[0], indent=rng.choice([None, None, 1])).encode()
    return mutated(rng, body, MORE_SHARP).decode(errors="replace").encode()


def hostile_block(rng: random.Random) -> bytes:
    lines = [
        f"{rng.choice(['put', 'putm'])} {'sys.cpu.user'[: rng.randrange(1, 13)]} "
        f"{rng.choice([0, -5, 2999999999, 2**43])} "
        + rng.choice(["0", "-1", str(2**63 - 1), repr(rng.random()), f"{rng.random() * 100:.2f}"])
        + "".join(f" k{n}={'web-01.prod.example.net'[: rng.randrange(1, 24)]}" for n in range(rng.randrange(1, 6)))
        + rng.choice(["\n", "\r\n", " \r\n"])
        for _ in range(rng.randrange(1, 4))
    ]
    return mutated(rng, "".join(lines).encode(), SHARP)


def body_is_taken(body: bytes) -> bool:
    points = scan(body, SECRET, NOW_MS)
    if points is not None:
        decoded = reference(body, NOW_MS)
        assert not decoded.failures
        assert_equal(points, decoded.points)
        assert points.runs is not None
        assert decoded.points.runs is not None
        assert points.runs.tolist() == decoded.points.runs.tolist()
    return points is not None


def block_is_taken(block: bytes) -> bool:
    points = scan_lines(block, SECRET, read_words)
    if points is not None:
        lines = Lines(KeyCache(TABLE, read_name))
        assert sum(map(lines.read, block.split(b"\n"), itertools.count())) == 0
        assert not lines.bad
        assert_equal(points, lines.points(NOW_MS))
    return points is not None


if __name__ == "__main__":
    compare_all({"json": (hostile_body, body_is_taken), "telnet": (hostile_block, block_is_taken)}, sys.argv)
