"""Seeded hostile bodies for the scanner of /api/put, each compared with the reference decoder.

Arguments: seed, number of bodies. Run by test_fuzz_opentsdb_scan.py with bounds checks and uncompiled. Says how many
bodies were taken and how many handed over; an IndexError or a difference ends it with the body that caused it.
"""

import json
import random
import sys

import numpy as np

from headrace.model.series import SeriesTable
from headrace.protocols.opentsdb.scan import scan
from headrace.protocols.opentsdb.wire import ReferenceDecoder, as_utf8

SECRET = np.arange(1, 9, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
reference = ReferenceDecoder(SeriesTable(SECRET))

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


def hostile_body(rng: random.Random) -> bytes:
    body = bytearray(plain_body(rng))
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(5):
            case 0:
                body[at:at] = rng.choice(SHARP).encode("latin-1")
            case 1:
                body[at : at + 1] = bytes([rng.randrange(256)])
            case 2:
                del body[at : at + rng.randrange(1, 12)]
            case 3:
                body[at:at] = body[at : at + rng.randrange(1, 60)]
            case _:
                del body[at:]
    return as_utf8(bytes(body))


def main() -> None:
    rng = random.Random(int(sys.argv[1]))
    taken = handed_over = 0
    for _ in range(int(sys.argv[2])):
        body = hostile_body(rng)
        try:
            points = scan(body, SECRET)
            if points is None:
                handed_over += 1
                continue
            taken += 1
            decoded = reference(body)
            assert not decoded.failures
            assert points.keys.tolist() == decoded.points.keys.tolist()
            assert points.times.tolist() == decoded.points.times.tolist()
            assert points.values.kinds.tolist() == decoded.points.values.kinds.tolist()
            assert points.values.bits.tolist() == decoded.points.values.bits.tolist()
        except BaseException:
            sys.stdout.write(f"{body!r}\n")
            raise
    sys.stdout.write(f"{taken} {handed_over}\n")


if __name__ == "__main__":
    main()
