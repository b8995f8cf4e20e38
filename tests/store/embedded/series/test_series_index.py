"""The index against plain dicts and loops, over random names added in random slices."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.model.query import OneOf
from headrace.model.series import UNKNOWN, SeriesName, SeriesTable, common_tags, series_name
from headrace.store import TagCondition
from headrace.store.embedded.series import index as series_index
from headrace.store.embedded.series.index import SeriesIndex

SECRET = np.random.default_rng(1).integers(1, 2**63, 8, dtype=np.uint64) | np.uint64(1)

words = st.sampled_from(["a", "b", "ab", "host", "长", "a-very-long-word-of-many-bytes" * 6, ""])
names = st.builds(series_name, words, st.dictionaries(words, words, max_size=4))


def indexed(slices: Sequence[Sequence[SeriesName]]) -> tuple[SeriesIndex, list[SeriesName]]:
    table, index = SeriesTable(SECRET), SeriesIndex(SECRET)
    known: list[SeriesName] = []
    for new in slices:
        for name in new:
            if table.register(table.key_of(name), name, 0) == len(known):
                known.append(name)
        if (taken := table.take_unjournaled()) is not None:
            index.add(taken)
            index.add(taken)  # as a replay would: what is known is passed over
    return index, known


def glob(pattern: str) -> TagCondition:
    def matches(distinct: pa.Array) -> NDArray[np.bool_]:
        values = distinct.to_pylist()
        assert len(set(values)) == len(values), "each distinct value is asked about once"
        return np.array([fnmatchcase(value, pattern) for value in values], dtype=np.bool_)

    return matches


@given(st.lists(st.lists(names, max_size=20), min_size=1, max_size=4), st.data())
def test_common_tags_are_those_of_the_names(slices: list[list[SeriesName]], data: st.DataObject) -> None:
    index, known = indexed([*slices, [series_name("m", {})]])
    chosen = data.draw(st.lists(st.integers(0, len(known) - 1), min_size=1, unique=True))
    found = index.common_tags(np.array(chosen, dtype=np.uint32))
    assert found == common_tags([known[ordinal] for ordinal in chosen])
    assert list(found.tags) == sorted(found.tags)


@given(
    st.lists(st.lists(names, max_size=20), max_size=4),
    words,
    st.dictionaries(words, st.lists(st.sampled_from(["*", "a*", "b", "?"]), min_size=1, max_size=2), max_size=3),
    st.dictionaries(words, st.builds(OneOf, st.frozensets(words, max_size=3), st.booleans()), max_size=2),
    st.sets(words, max_size=2),
    st.booleans(),
)
def test_find_and_tag_values_as_a_plain_loop_would(
    slices: list[list[SeriesName]],
    metric: str,
    patterns: dict[str, list[str]],
    named: dict[str, OneOf],
    absent: set[str],
    exact: bool,
) -> None:
    index, known = indexed(slices)
    of_metric = [ordinal for ordinal, name in enumerate(known) if name.metric == metric]
    conditions: dict[str, list[TagCondition]] = {
        key: [glob(pattern) for pattern in patterns.get(key, ())] + [named[one] for one in named if one == key]
        for key in {*patterns, *named}
    }
    if not of_metric:
        with pytest.raises(KeyError):
            index.find(metric, conditions, absent, exact)
        return

    def is_wanted(tags: dict[str, str]) -> bool:
        return (
            all(key in tags and fnmatchcase(tags[key], one) for key, globs in patterns.items() for one in globs)
            and all(key in tags and (tags[key] in one.values) != one.excluded for key, one in named.items())
            and not tags.keys() & absent
            and (not exact or tags.keys() == conditions.keys())
        )

    expected = [ordinal for ordinal in of_metric if is_wanted(dict(known[ordinal].tags))]
    found = index.find(metric, conditions, absent, exact)
    assert found.dtype == np.uint32
    assert found.tolist() == expected
    for key in ("a", "host", "nowhere"):
        ids, values = index.tag_ids(found, key), index.tag_values(found, key)
        assert len(set(zip(ids.tolist(), values, strict=True))) == len(set(ids.tolist())) == len(set(values))
        assert all((one == UNKNOWN) == (value is None) for one, value in zip(ids, values, strict=True))
        assert values.tolist() == [dict(known[ordinal].tags).get(key) for ordinal in expected]


@given(
    st.lists(st.lists(names, max_size=20), max_size=4),
    st.sampled_from(["*", "a*", "?"]),
    st.dictionaries(words, st.sampled_from(["*", "a*", "b"]), max_size=2),
    st.sets(words, max_size=2),
)
def test_find_everywhere_as_a_plain_loop_would(
    slices: list[list[SeriesName]], metrics: str, patterns: dict[str, str], values: set[str]
) -> None:
    index, known = indexed(slices)
    conditions: dict[str, list[TagCondition]] = {key: [glob(pattern)] for key, pattern in patterns.items()}

    def is_wanted(name: SeriesName) -> bool:
        tags = dict(name.tags)
        return (
            fnmatchcase(name.metric, metrics)
            and all(key in tags and fnmatchcase(tags[key], pattern) for key, pattern in patterns.items())
            and (not values or bool(values & set(tags.values())))
        )

    found = index.find_everywhere(glob(metrics), conditions, values)
    assert found.dtype == np.uint32
    assert found.tolist() == [ordinal for ordinal, name in enumerate(known) if is_wanted(name)]


@given(st.lists(st.lists(names, max_size=20), max_size=3), words, st.integers(0, 5))
def test_suggest_is_sorted_and_cut(slices: list[list[SeriesName]], prefix: str, limit: int) -> None:
    index, known = indexed(slices)
    roles: Mapping[str, set[str]] = {
        "metrics": {name.metric for name in known},
        "tagk": {key for name in known for key, _ in name.tags},
        "tagv": {value for name in known for _, value in name.tags},
    }
    for role, texts in roles.items():
        expected = sorted(text for text in texts if text.startswith(prefix) and text)[:limit]
        assert index.suggest(role, prefix, limit) == expected


def test_metric_ids_are_ranks_by_first_appearance() -> None:
    index, known = indexed(
        [[series_name("b", {}), series_name("a", {}), series_name("b", {"x": "y"})], [series_name("c", {})]]
    )
    assert len(known) == 4
    assert index.metric_ids(np.arange(4, dtype=np.uint32)).tolist() == [0, 1, 0, 2]


def test_readers_beside_the_writer_see_whole_series() -> None:
    table, index = SeriesTable(SECRET), SeriesIndex(SECRET)
    faults: list[str] = []
    done = threading.Event()

    def read() -> None:
        before = 0
        while not done.is_set():
            try:
                found = index.find("m", {"host": [glob("*")]})
            except KeyError:
                continue
            hosts = index.tag_values(found, "host").tolist()
            if hosts != [f"h{ordinal}" for ordinal in range(len(found))] or len(found) < before:
                faults.append(f"{len(found)} series after {before}")
            before = len(found)

    reader = threading.Thread(target=read)
    reader.start()
    deadline = time.monotonic() + 2
    number = 0
    while time.monotonic() < deadline and number < 20_000:
        for _ in range(100):
            name = series_name("m", {"host": f"h{number}"})
            table.register(table.key_of(name), name, 0)
            number += 1
        taken = table.take_unjournaled()
        assert taken is not None
        index.add(taken)
    done.set()
    reader.join()
    assert faults == []
    assert len(index) == number > 1000


def test_the_writer_does_not_wait_for_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    table, index = SeriesTable(SECRET), SeriesIndex(SECRET)
    register(table, index, series_name("m", {"host": "a"}))
    sort = series_index._first_in_order

    def sort_slowly(texts: pa.Array, limit: int) -> pa.Array:
        writer = threading.Thread(target=register, args=(table, index, series_name("m", {"host": "b"})), daemon=True)
        writer.start()
        writer.join(timeout=10)
        assert not writer.is_alive(), "the writer waits"
        return sort(texts, limit)

    monkeypatch.setattr(series_index, "_first_in_order", sort_slowly)
    assert index.suggest("tagv", "", 9) == ["a"]
    monkeypatch.undo()
    assert index.suggest("tagv", "", 9) == ["a", "b"]


def test_a_lost_name_is_nobodys() -> None:
    table, index = SeriesTable(SECRET), SeriesIndex(SECRET)
    table.reserve(2)
    index.add(table.series(0, 2))
    register(table, index, series_name("m", {"host": "a"}))
    assert index.suggest("metrics", "", 9) == ["m"]
    assert index.find("m", {}).tolist() == [2]


def register(table: SeriesTable, index: SeriesIndex, name: SeriesName) -> None:
    table.register(table.key_of(name), name, 0)
    taken = table.take_unjournaled()
    assert taken is not None
    index.add(taken)
