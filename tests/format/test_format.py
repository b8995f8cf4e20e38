"""What an earlier version wrote is read for ever: every sample that make_sample.py once made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from make_sample import NOW_MS, Commit, Contents, Point, T, admitted, double, spelled

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.arrivals import NO_ARRIVAL, unpack
from headrace.model.points import Kind
from headrace.model.series import series_name
from headrace.store import Columns, Document
from headrace.store.embedded.store import EmbeddedStore, open_store

SAMPLES = sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name.startswith("v"))

KINDS = ("form", "note", "retention", "later")
"""Of all documents."""


def read(store: EmbeddedStore) -> Contents:
    with store.snapshot() as snapshot:
        columns = snapshot.select(np.arange(len(store.table), dtype=np.uint32), -(2**62), 2**62)
        points: dict[str, list[list[int | str]]] = {}
        for i, name in enumerate(snapshot.names(columns.series)):
            rows = range(int(columns.starts[i]), int(columns.starts[i + 1]))
            points[spelled(name)] = [
                [int(columns.times[row]), *value(columns, row), *came(columns, row)] for row in rows
            ]
    documents = [[kind, key, body.hex()] for kind in KINDS for key, body in store.documents(kind, "", "\U0010ffff")]
    return {"points": points, "documents": sorted(documents), "metrics": store.suggest("metrics", "", 100)}


def value(columns: Columns, row: int) -> tuple[str, int | str]:
    kind = Kind(columns.values.kinds[row])
    is_text = kind in (Kind.TEXT, Kind.CUSTOM)
    return kind.name, columns.values.text(row) if is_text else int(columns.values.bits[row])


def came(columns: Columns, row: int) -> tuple[int, ...]:
    if columns.arrivals is None or columns.arrivals[row] == NO_ARRIVAL:
        return ()
    ingested_ms, offset_minutes = unpack(columns.arrivals[row : row + 1])
    return int(ingested_ms[0]), int(offset_minutes[0])


def test_there_are_samples_of_all_formats() -> None:
    assert [sample.name for sample in SAMPLES] == ["v1", "v2"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_is_read_exactly_and_written_on(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(sample, folder)
    expected = json.loads(sample.with_suffix(".json").read_text())
    settings = Settings(data_dir=folder, disk_reserve_bytes=0)
    store = open_store(settings, Metrics(), lambda: NOW_MS)
    assert store.damaged == []
    assert read(store) == expected
    name = series_name("written.later", {"by": "this version"})
    later = Commit([Point(name, T, double(1.0), came=(T, 30))], [Document("later", "a", b"1")])
    asyncio.run(store.commit(later.changes, admitted(store, later.points)))
    store.close()
    store = open_store(settings, Metrics(), lambda: NOW_MS)
    assert read(store) == {
        "points": {**expected["points"], spelled(name): [[T, "DOUBLE", double(1.0)[1], T, 30]]},
        "documents": sorted([*expected["documents"], ["later", "a", "31"]]),
        "metrics": sorted([*expected["metrics"], name.metric]),
    }
    store.close()
