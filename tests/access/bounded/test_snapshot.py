"""What is found by whoever sees some metrics: the same as where there are no others, whatever is asked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from memorystore import MemoryStore
from numpy.typing import NDArray

from headrace.access.bounded.patterns import Patterns
from headrace.access.bounded.snapshot import BoundedSnapshot
from headrace.model.query import OneOf
from headrace.model.series import UNKNOWN
from headrace.store import Snapshot

SEEN, HIDDEN = ("mine.a", "mine.b"), ("others.a", "mine")
MINE = Patterns(["mine.*"])


def filled(metrics: tuple[str, ...]) -> MemoryStore:
    store = MemoryStore()
    for metric in metrics:
        for host in ("a", "b"):
            tags = {"host": host} if metric in SEEN else {"host": f"hidden-{host}", "secret": "x"}
            store.put(metric, tags, {1000: 1, 2000: 2})
    return store


def bounded() -> BoundedSnapshot:
    store = filled((HIDDEN[0], SEEN[0], HIDDEN[1], SEEN[1]))
    return BoundedSnapshot(store, MINE, store.table)


def shown(snapshot: Snapshot, series: NDArray[np.uint32]) -> list[object]:
    return [*snapshot.names(series), *snapshot.tag_values(series, "host"), len(snapshot.select(series, 0, 3000))]


def test_finding() -> None:
    ours, plain = bounded(), filled(SEEN)
    for metric in SEEN:
        assert shown(ours, ours.find(metric, {})) == shown(plain, plain.find(metric, {}))
    for metric in (*HIDDEN, "nothing"):
        for snapshot in (ours, plain):
            with pytest.raises(KeyError, match=metric):
                snapshot.find(metric, {})

    def all_of(names: pa.Array) -> NDArray[np.bool_]:
        return np.ones(len(names), dtype=np.bool_)

    for metrics in (all_of, OneOf(frozenset(("mine.a", "others.a"))), OneOf(frozenset(("mine.a",)), excluded=True)):
        found = ours.find_everywhere(metrics, {})
        assert shown(ours, found) == shown(plain, plain.find_everywhere(metrics, {}))
    assert len(ours.find_everywhere(all_of, {}, ("hidden-a",))) == 0


def test_by_keys_and_in_threads() -> None:
    ours = bounded()
    every = np.arange(8, dtype=np.uint32)
    found = ours.with_keys(ours.keys(every))
    assert [one for one in found.tolist() if one != UNKNOWN] == [2, 3, 6, 7]
    counts = ours.each([0, 1], lambda snapshot, _: len(snapshot.find_everywhere(MINE.matching, {})))
    assert counts == [4, 4]
    assert ours.each([HIDDEN[0]], _is_there) == [False]


def _is_there(snapshot: Snapshot, metric: str) -> bool:
    try:
        snapshot.find(metric, {})
    except KeyError:
        return False
    return True


def test_names_of_tags_are_those_of_the_series_that_are_seen() -> None:
    ours = bounded()
    assert ours.suggest("tagk", "", 10) == ["host"]
    assert ours.suggest("tagv", "", 10) == ["a", "b"]
    assert ours.suggest("tagv", "b", 10) == ["b"]
    assert ours.suggest("tagv", "", 1) == ["a"]
    store = filled(HIDDEN)
    assert BoundedSnapshot(store, MINE, store.table).suggest("tagk", "", 10) == []
