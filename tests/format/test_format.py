"""What an earlier version wrote is read for ever: every sample that make_sample.py once made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from make_sample import NOW_MS, T, admitted, double, spelled

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import NEVER, Kind
from headrace.model.series import series_name
from headrace.store.embedded import EmbeddedStore, open_store

SAMPLES = sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir() and path.name.startswith("v"))


def read(store: EmbeddedStore) -> dict[str, list[list[int | str]]]:
    with store.snapshot() as snapshot:
        series = np.arange(len(store.table), dtype=np.uint32)
        columns = snapshot.select(series, -(2**62), 2**62)
        found: dict[str, list[list[int | str]]] = {}
        for i, name in enumerate(snapshot.names(columns.series)):
            rows = range(int(columns.starts[i]), int(columns.starts[i + 1]))
            found[spelled(name)] = [[int(columns.times[row]), *value(columns.values, row)] for row in rows]
        return found


def value(values: object, row: int) -> tuple[str, int | str]:
    kind = Kind(values.kinds[row])  # type: ignore[attr-defined]
    is_text = kind in (Kind.TEXT, Kind.CUSTOM)
    return kind.name, values.text(row) if is_text else int(values.bits[row])  # type: ignore[attr-defined]


def test_there_is_a_sample() -> None:
    assert SAMPLES


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
    asyncio.run(store.append(admitted(store, [(name, T, double(1.0), NEVER)])))
    store.close()
    store = open_store(settings, Metrics(), lambda: NOW_MS)
    assert read(store) == {**expected, spelled(name): [[T, "DOUBLE", double(1.0)[1]]]}
    store.close()
