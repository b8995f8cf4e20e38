"""The store as a bounded request meets it: beyond its bounds nothing is changed, and no document is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from headrace.access.bounded.bounds import UNBOUNDED, Bounds, within
from headrace.access.bounded.patterns import Patterns
from headrace.access.bounded.store import BoundedStore
from headrace.config import Settings
from headrace.errors import Refused
from headrace.gate import admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Points, Values
from headrace.model.series import series_name
from headrace.model.time import ALL_TIME
from headrace.protocols.kairosdb.names import KAIROSDB_RULES
from headrace.protocols.kairosdb.reading.save import OneName
from headrace.store import RETENTION_DOCUMENT, Document
from headrace.store.embedded.store import EmbeddedStore, open_store

NONE, MINE = Patterns([]), Patterns(["mine.*"])


@contextmanager
def opened(folder: Path) -> Iterator[EmbeddedStore]:
    store = open_store(Settings(data_dir=folder), Metrics())
    try:
        yield store
    finally:
        store.close()


def admitted(store: EmbeddedStore, metric: str) -> Admitted:
    name = series_name(metric, {"host": metric[:3]})
    keys = np.array([store.table.key_of(name)], dtype=np.uint64)
    values = Values(np.zeros(1, dtype=np.uint8), np.ones(1, dtype=np.int64))
    points = Points(keys, np.ones(1, dtype=np.int64), values, OneName(name), np.zeros(1, dtype=np.int64))
    return admit(points, KAIROSDB_RULES, store.table).admitted


async def test_changes_beyond_the_bounds_are_refused_whole(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        bounded = BoundedStore(store)
        mine, others = admitted(store, "mine.a"), admitted(store, "others.a")
        both = Admitted(
            np.concatenate([mine.series, others.series]),
            np.ones(2, dtype=np.int64),
            Values(np.zeros(2, dtype=np.uint8), np.ones(2, dtype=np.int64)),
        )
        document = [Document("annotation", "k", b"text")]
        await store.append(both)
        await store.commit(document)
        with store.snapshot() as snapshot:
            _, moment = store.without_points(both.series)
            everything = snapshot.select(both.series, 0, 10).times.tolist()
        bounds = Bounds("agent", MINE, MINE, MINE)
        attempts: list[Callable[[], Awaitable[int]]] = [
            lambda: bounded.append(both),
            lambda: bounded.delete(both.series, 0, 10),
            lambda: bounded.delete(both.series, *ALL_TIME),
            lambda: bounded.forget(both.series, moment),
            lambda: bounded.commit([], both),
            lambda: bounded.commit([], None, both.series),
            lambda: bounded.commit([Document("annotation", "k", None)]),
            lambda: bounded.commit([Document(*RETENTION_DOCUMENT, b"1")], mine),
        ]
        for attempt in attempts:
            with within(bounds), pytest.raises(Refused) as refused:
                await attempt()
            assert refused.value.rule == "permission-missing"
            assert refused.value.detail.startswith("agent ")
            with store.snapshot() as snapshot:
                assert snapshot.select(both.series, 0, 10).times.tolist() == everything
        assert store.document("annotation", "k") == b"text"
        assert store.document(*RETENTION_DOCUMENT) is None
        with within(bounds):
            await bounded.append(mine)
            await bounded.delete(mine.series, 0, 10)
        for bounds, one in (
            (Bounds("agent", writes=NONE), bounded.append(mine)),
            (Bounds("agent", deletes=NONE), bounded.delete(mine.series, 0, 1)),
        ):
            with within(bounds), pytest.raises(Refused):
                await one


async def test_names_and_documents(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        bounded = BoundedStore(store)
        for metric in ("mine.b", "mine.a", "others.a", "mine", "minerals"):
            await store.append(admitted(store, metric))
        await store.commit([Document("annotation", "k", b"text"), Document(*RETENTION_DOCUMENT, b"0")])
        with within(Bounds("agent", sees=MINE)):
            assert bounded.suggest("metrics", "", 10) == ["mine.a", "mine.b"]
            assert bounded.suggest("metrics", "mine.b", 10) == ["mine.b"]
            assert bounded.suggest("metrics", "", 1) == ["mine.a"]
            assert bounded.suggest("metrics", "o", 10) == []
            assert bounded.suggest("tagv", "", 10) == ["min"]
            assert bounded.document("annotation", "k") is None
            assert bounded.documents("annotation", "", "z") == []
            assert bounded.document_keys("annotation", "", "z") == []
            assert bounded.document(*RETENTION_DOCUMENT) == b"0"
        with within(Bounds("agent", sees=Patterns(["*.a", "minerals"]))):
            assert bounded.suggest("metrics", "", 10) == ["mine.a", "minerals", "others.a"]
        with within(UNBOUNDED):
            assert bounded.suggest("tagv", "", 10) == ["min", "oth"]
            assert bounded.documents("annotation", "", "z") == [("k", b"text")]
            assert bounded.table is store.table


async def test_nothing_is_there_where_nobody_has_said_whose_request_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        bounded = BoundedStore(store)
        mine = admitted(store, "mine.a")
        for attempt in (
            lambda: bounded.suggest("metrics", "", 1),
            lambda: bounded.document("annotation", "k"),
            lambda: bounded.table,
            lambda: bounded.snapshot().__enter__(),
        ):
            with pytest.raises(LookupError):
                attempt()
        with pytest.raises(LookupError):
            await bounded.append(mine)
