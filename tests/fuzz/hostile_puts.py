"""Seeded hostile bodies for the scanner of /api/put, or telnet blocks, each compared with the reference decoder.

Arguments: "json" or "telnet", seed, number of bodies. Run by test_fuzz_scanners.py with bounds checks and
uncompiled. Says how many bodies were taken and how many handed over; an IndexError or a difference ends it with the
body that caused it.
"""

import json
import random
import sys
from collections.abc import Callable

import numpy as np

from headrace.model.points import Points
from headrace.model.series import SeriesTable
from headrace.model.spelling import KeyCache
from headrace.protocols.opentsdb.telnet import _LineByLine as LineByLine
from headrace.protocols.opentsdb.telnet import lines_of, read_name
from headrace.protocols.opentsdb.writing.bodies import as_utf8
from headrace.protocols.opentsdb.writing.scan import scan, scan_lines
from headrace.protocols.opentsdb.writing.wire import ReferenceDecoder

SECRET = np.arange(1, 9, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
TABLE = SeriesTable(SECRET)
reference = ReferenceDecoder(TABLE)

SHARP = ['"', "\\", ",", ":", "{", "}", "[", "]", "0", "9", "-", ".", "e", "\0", "\x1f", " ", "\x80", "\xff"]
SHARP += [
    '"tags":',
    '"metric":"',
    '"timestamp":',
    '"value":',
    "1" * 19,
    "0" * 40,
    '"k":"v",',
    "\\u0041",
    "timestam",
    "null",
]


def plain_body(rng: random.Random) -> bytes:
    points = [
        {
            "metric": "sys.cpu.user"[: rng.randrange(1, 13)],
            "timestamp": rng.choice([1_500_000_000, 1_500_000_000_123, 4_284_768, 9_999_999_999_999]),
            "value": rng.choice(
                [0, -1, 2**63 - 1, -(2**63), 0.5, rng.random(), rng.random() * 10 ** rng.randrange(-300, 300)]
            ),
            "tags": {f"key{n}": "web-01.prod.example.net"[: rng.randrange(1, 24)] for n in range(rng.randrange(1, 6))},
        }
        for _ in range(rng.randrange(1, 4))
    ]
    return json.dumps(points if rng.random() < 0.9 else points[0], indent=rng.choice([None, None, 1])).encode()


def plain_block(rng: random.Random) -> bytes:
    lines = [
        f"put {'sys.cpu.user'[: rng.randrange(1, 13)]} {rng.choice(['1500000000', '1500000000123', '1500000000.123'])} "
        + rng.choice(["0", "-1", str(2**63 - 1), repr(rng.random()), f"{rng.random() * 100:.2f}"])
        + "".join(f" k{n}={'web-01.prod.example.net'[: rng.randrange(1, 24)]}" for n in range(rng.randrange(1, 6)))
        + rng.choice(["\n", "\r\n", " \r\n"])
        for _ in range(rng.randrange(1, 4))
    ]
    return "".join(lines).encode()


def mutated(rng: random.Random, plain: bytes, sharp: list[str] = SHARP) -> bytes:
    body = bytearray(plain)
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(5):
            case 0:
                body[at:at] = rng.choice(sharp).encode("latin-1")
            case 1:
                body[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                del body[at : at + rng.randrange(1, 12)]
            case 3:
                body[at:at] = body[at : at + rng.randrange(1, 60)]
            case _:
                del body[at:]
    return bytes(body)


def hostile_body(rng: random.Random) -> bytes:
    return as_utf8(mutated(rng, plain_body(rng)))


def hostile_block(rng: random.Random) -> bytes:
    return mutated(rng, plain_block(rng))


def body_is_taken(body: bytes) -> bool:
    points = scan(body, SECRET)
    if points is not None:
        decoded = reference(body)
        assert not decoded.failures
        assert_equal(points, decoded.points)
    return points is not None


def block_is_taken(block: bytes) -> bool:
    points = scan_lines(block, SECRET, read_name)
    if points is not None:
        lines = LineByLine(KeyCache(TABLE, read_name)).read(lines_of(block))
        assert not lines.failures
        assert not lines.commands
        assert_equal(points, lines.points)
    return points is not None


def assert_equal(points: Points, expected: Points) -> None:
    assert points.keys.tolist() == expected.keys.tolist()
    assert points.times.tolist() == expected.times.tolist()
    assert points.values.kinds.tolist() == expected.values.kinds.tolist()
    assert points.values.bits.tolist() == expected.values.bits.tolist()


Dialects = dict[str, tuple[Callable[[random.Random], bytes], Callable[[bytes], bool]]]
"""By name: what makes a hostile text, and what says whether the scanner took it, compared."""


def compare_all(dialects: Dialects, arguments: list[str]) -> None:
    """arguments: the program's."""
    hostile, is_taken = dialects[arguments[1]]
    rng = random.Random(int(arguments[2]))
    number = int(arguments[3])
    taken = 0
    for _ in range(number):
        text = hostile(rng)
        try:
            taken += is_taken(text)
        except BaseException:
            sys.stdout.write(f"{text!r}\n")
            raise
    sys.stdout.write(f"{taken} {number - taken}\n")


if __name__ == "__main__":
    compare_all({"json": (hostile_body, body_is_taken), "telnet": (hostile_block, block_is_taken)}, sys.argv)
