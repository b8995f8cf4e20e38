from __future__ import annotations

import numpy as np
import pytest

from headrace import limits
from headrace.model.series import SeriesName, SeriesTable
from headrace.model.spelling import KeyCache, ScannedNames, SpelledNames, Spelling

SECRET = np.random.default_rng(5).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)


def read(spelling: Spelling) -> SeriesName:
    return SeriesName(spelling[0].decode(), (("k", spelling[1].decode()),))


def test_keys_are_those_of_the_names() -> None:
    table = SeriesTable(SECRET)
    cache = KeyCache(table, read)
    spelling = (b"m", b"v")
    for _ in range(2):  # a miss, then a hit
        assert cache.keys_of([spelling]).tolist() == [list(table.key_of(read(spelling)))]


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CACHED_NAMES_MAX", 10)
    cache = KeyCache(SeriesTable(SECRET), read)
    cache.keys_of([(b"m", b"%d" % number) for number in range(100)])
    assert len(cache) <= 10


def test_the_cache_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CACHED_NAMES_BYTES_MAX", 100_000)
    cache = KeyCache(SeriesTable(SECRET), read)
    for number in range(100):
        cache.keys_of([(b"m" * 4096, b"%d" % number)])
        assert sum(len(metric) + len(tags) for metric, tags in cache) <= cache.bytes_held <= 100_000
    assert len(cache) > 10, "it is not emptied at each of them"


def test_a_spelling_that_no_agent_has_is_read_but_not_remembered() -> None:
    table = SeriesTable(SECRET)
    cache = KeyCache(table, read)
    long = (b"m" * (limits.CACHED_SPELLING_BYTES_MAX + 1), b"v")
    assert cache.keys_of([long]).tolist() == [list(table.key_of(read(long)))]
    assert not cache


def test_names_are_read_from_spellings_and_from_spans() -> None:
    assert SpelledNames([(b"a", b"1"), (b"b", b"2")], read).name(1) == SeriesName("b", (("k", "2"),))
    spans = np.array([0, 1, 1, 2, 3, 4, 5, 6])
    assert ScannedNames(b"a1,b:2", spans, read).name(1) == SeriesName("b", (("k", "2"),))
