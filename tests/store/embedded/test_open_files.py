"""A file that was read, or refused, is not held open: neither until the garbage is collected nor by an error that is
kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from point_batches import Point, batch, double, encoded, metric_ids

from headrace.errors import Corrupt
from headrace.model.series import series_name
from headrace.store.embedded.recent.deletes import NO_DELETES, Delete
from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.files.delete_files import read_deletes, write_deletes
from headrace.store.embedded.segments.files.segment import open_segment
from headrace.store.embedded.segments.files.series_files import read_series, write_series
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.making.sealing import sealed_row_groups, sorted_winners


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def open_below(folder: Path) -> list[str]:
    found = []
    for descriptor in list(Path("/proc/self/fd").iterdir()):
        try:
            target = descriptor.readlink()
        except FileNotFoundError:  # that of the listing itself
            continue
        if folder in target.parents:
            found.append(target.name)
    return found


def test_a_file_of_deletes_is_closed_when_it_has_been_read(tmp_path: Path) -> None:
    deletes = NO_DELETES.with_delete(Delete(np.array([3], dtype=np.uint32), 0, 9), 5)
    name = write_deletes(tmp_path, 5, deletes, "d")
    assert len(read_deletes(tmp_path / name, "d")) == 1
    assert not open_below(tmp_path)


def test_a_segment_that_is_not_the_listed_one_is_closed(tmp_path: Path) -> None:
    recent = Recent(1)
    recent.append(batch([Point(1, 1, double(1))]), 7)
    view = recent.view()
    meta = write_segment(tmp_path, sealed_row_groups(view, sorted_winners(view, metric_ids)), (7, 7), metric_ids, "d")
    with pytest.raises(Corrupt) as kept:
        open_segment(tmp_path, replace(meta, rows=2), "d")
    assert kept.value.file == tmp_path / meta.file
    assert not open_below(tmp_path)


def series_file(folder: Path) -> Path:
    ordinals = np.array([0, 1], dtype=np.uint32)
    return folder / write_series(folder, ordinals, lambda some: encoded(series_name(f"m{n}", {}) for n in some), "d")


def test_a_series_file_that_is_not_the_listed_one_is_closed(tmp_path: Path) -> None:
    file = series_file(tmp_path)
    with pytest.raises(Corrupt) as kept:
        next(read_series(file, listed_crc=1))
    assert kept.value.file == file
    assert not open_below(tmp_path)
