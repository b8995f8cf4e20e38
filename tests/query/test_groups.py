"""Which series a query means, and which of them make a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from asking import T, plain
from memorystore import MemoryStore

from headrace.errors import Refused
from headrace.model.query import (
    Selection,
    SeriesQuery,
    TagFilter,
)
from headrace.model.time import TimeRange
from headrace.query.aggregation import engine
from headrace.query.filters import wildcard


def fleet() -> MemoryStore:
    store = MemoryStore()
    for host in ("web01", "web02", "db01"):
        for core in ("0", "1"):
            store.put("cpu", {"host": host, "core": core}, {T * 1000: len(host)})
    store.put("cpu", {"host": "bare"}, {T * 1000: 1})
    return store


def groups(*filters: TagFilter, aggregator: str = "sum", **parts: Any) -> list[tuple[int, list[Any]]]:
    asked = TimeRange(T * 1000, T * 1000)
    query = SeriesQuery(Selection("cpu", filters, **parts), asked, aggregator)
    return [(len(r.series), plain(r.values)) for r in engine.run(fleet(), query)]


def test_groups_by_tag_values() -> None:
    assert groups() == [(7, [5 * 4 + 4 * 2 + 1])]
    assert groups(TagFilter("host", wildcard("*"), group_by=True)) == [(2, [10]), (2, [10]), (2, [8]), (1, [1])]
    web = TagFilter("host", wildcard("WEB*", ignore_case=True))
    assert groups(web, TagFilter("core", wildcard("*"), group_by=True)) == [(2, [10]), (2, [10])]
    assert groups(TagFilter("host", wildcard("*")), exact_keys=True) == [(1, [1])]
    assert groups(absent_keys=("core",)) == [(1, [1])]
    assert len(groups(aggregator="none")) == 7
    assert groups(TagFilter("host", wildcard("nobody"))) == []


def test_unknown_metric() -> None:
    with pytest.raises(Refused) as refused:
        list(engine.run(fleet(), SeriesQuery(Selection("nope"), TimeRange(0, 1), "sum")))
    assert (refused.value.rule, refused.value.detail) == ("metric-unknown", "nope")


def test_results_are_arrays() -> None:
    store = fleet()
    (result,) = engine.run(store, SeriesQuery(Selection("cpu"), TimeRange(T * 1000, T * 1000), "sum"))
    assert result.times.dtype == np.int64
    assert result.series.dtype == np.uint32
