"""The key of a name is on disk and shared between servers: it must never change, whatever compiles it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.hashing import PADDING, fold, hash_name

MASK = (1 << 64) - 1
KEPT = (13914036217357109658, 9728972713684071733)
"""The key of sys.cpu.nice{host=web01,dc=lga} under SECRET."""
SECRET = np.array([2 * number + 0x9E3779B97F4A7C15 for number in range(8)], dtype=np.uint64)

names = st.text(min_size=1, max_size=40)
tag_maps = st.dictionaries(names, names, max_size=6)


def key(metric: str, tags: dict[str, str]) -> tuple[int, int]:
    parts = [metric.encode(), *(part.encode() for pair in tags.items() for part in pair)]
    ends = np.cumsum([len(part) for part in parts]).astype(np.uint64)
    data = np.frombuffer(bytearray(b"".join(parts) + os.urandom(PADDING)), dtype=np.uint8)
    low, high = hash_name(data, ends, SECRET)
    return int(low), int(high)


def plain_fold(a: int, b: int) -> int:
    return (a * b ^ (a * b >> 64)) & MASK


def plain_span(data: bytes, low: int, high: int) -> tuple[int, int]:
    """What the module's docstring says, with Python's own integers."""
    secret = [int(word) for word in SECRET]
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, max(len(data), 1), 8)]
    for word in words[:-1]:
        low = plain_fold(low ^ word ^ secret[0], secret[1])
        high = plain_fold(high ^ word ^ secret[2], secret[3])
    low = plain_fold(low ^ words[-1] ^ secret[4], secret[5] ^ len(data))
    high = plain_fold(high ^ words[-1] ^ secret[6], secret[7] ^ len(data))
    return low, high


def plain_key(metric: str, tags: dict[str, str]) -> tuple[int, int]:
    secret = [int(word) for word in SECRET]
    low, high = plain_span(metric.encode(), secret[0], secret[1])
    for tag, text in tags.items():
        pair = plain_span(text.encode(), *plain_span(tag.encode(), secret[2], secret[3]))
        low, high = (low + pair[0]) & MASK, (high + pair[1]) & MASK
    return plain_fold(low ^ secret[2], secret[5]), plain_fold(high ^ secret[0], secret[7])


@given(names, tag_maps)
def test_equals_the_definition_in_plain_integers(metric: str, tags: dict[str, str]) -> None:
    assert key(metric, tags) == plain_key(metric, tags)


@given(names, tag_maps, st.randoms(use_true_random=False))
def test_the_order_of_tags_means_nothing(metric: str, tags: dict[str, str], chance: random.Random) -> None:
    shuffled = list(tags.items())
    chance.shuffle(shuffled)
    assert key(metric, dict(shuffled)) == key(metric, tags)


@given(
    st.lists(
        st.tuples(names, tag_maps), min_size=2, max_size=30, unique_by=lambda name: (name[0], *sorted(name[1].items()))
    )
)
def test_different_names_have_different_keys_in_both_halves(series: list[tuple[str, dict[str, str]]]) -> None:
    keys = [key(metric, tags) for metric, tags in series]
    assert len({low for low, _ in keys}) == len({high for _, high in keys}) == len(series)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("m", {"ab": "c"}), ("m", {"a": "bc"})),
        (("m", {"a": "b"}), ("m", {"b": "a"})),
        (("ma", {"b": "c"}), ("m", {"ab": "c"})),
        (("m", {"a": "x", "b": "y"}), ("m", {"a": "y", "b": "x"})),
        (("m", {"a": "\0"}), ("m", {"a": "\0\0"})),
    ],
)
def test_moving_a_letter_over_a_border_changes_the_key(
    one: tuple[str, dict[str, str]], other: tuple[str, dict[str, str]]
) -> None:
    assert key(*one) != key(*other)


def test_a_kept_key() -> None:
    """Written down once: databases on disk hold such keys."""
    assert key("sys.cpu.nice", {"host": "web01", "dc": "lga"}) == KEPT


@given(st.integers(0, MASK), st.integers(0, MASK))
def test_fold_uncompiled(a: int, b: int) -> None:
    assert int(fold(np.uint64(a), np.uint64(b))) == plain_fold(a, b)


def test_uncompiled_it_gives_the_same_keys() -> None:
    again = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import test_hashing; test_hashing.test_a_kept_key()"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path(__file__).parent)},
        check=False,
    )
    assert again.returncode == 0
