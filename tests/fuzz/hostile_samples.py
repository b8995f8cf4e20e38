"""Seeded hostile bodies for the scanner of Apollo's samples, each compared with the reference decoder.

Arguments: "json", seed, number of bodies. Run by test_fuzz_scanners.py with bounds checks and uncompiled; says what
hostile_puts.py says.
"""

import json
import random
import sys

import numpy as np
from hostile_puts import SHARP, compare_all, mutated

from headrace.protocols.apollo.writing.decode import PostedSamples, decode
from headrace.protocols.apollo.writing.scan import scan

SECRET = np.arange(1, 9, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
MORE_SHARP = [
    *SHARP,
    '"timeseriesId":"a",',
    '"val":"',
    "true",
    "fals",
    '"mertic":"',
    "timeseri",
    'timestamp":"',
    "+05:30",
    "2016-02-29T",
    "T24:",
    "Z",
]


def moment(rng: random.Random) -> str:
    date = f"{rng.randrange(1, 9999):04}-{rng.randrange(1, 13):02}-{rng.randrange(1, 31):02}"
    clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
    fraction = rng.choice(["", "", ".5", ".123456", ".0009999999"])
    return f"{date}T{clock}{fraction}{rng.choice(['Z', '+00:00', '-08:00', '+05:45', '+23:59'])}"


def sample(rng: random.Random) -> dict[str, object]:
    values = [0, -1, 2**63 - 1, -(2**63), 0.5, rng.random() * 10.0 ** rng.randrange(-5, 15), "7.5", "-12", True, False]
    members: list[tuple[str, object]] = [
        ("timeseriesId", f"51922b39-8cd3-9ae3-d42f-{rng.randrange(3):012}"),
        ("val", rng.choice(values)),
        ("timestamp", moment(rng)),
        (rng.choice(["metric", "mertic"]), rng.choice(["Raw", "Raw", "Hourly average of all"])),
    ]
    rng.shuffle(members)
    return dict(members)


def hostile_body(rng: random.Random) -> bytes:
    samples = [sample(rng) for _ in range(rng.randrange(1, 4))]
    return mutated(rng, json.dumps(samples, indent=rng.choice([None, None, 1])).encode(), MORE_SHARP)


def assert_equal(scanned: PostedSamples, expected: PostedSamples) -> None:
    assert scanned.spellings == expected.spellings
    assert scanned.firsts == expected.firsts
    for one, other in zip(scanned[3:-1] + scanned[1:2], expected[3:-1] + expected[1:2], strict=True):
        assert one.tolist() == other.tolist()
    assert scanned.values.kinds.tolist() == expected.values.kinds.tolist()
    assert scanned.values.bits.tolist() == expected.values.bits.tolist()


def body_is_taken(body: bytes) -> bool:
    scanned = scan(body, SECRET)
    if scanned is not None:
        assert_equal(scanned, decode(body))
    return scanned is not None


if __name__ == "__main__":
    compare_all({"json": (hostile_body, body_is_taken)}, sys.argv)
