"""Series files: names come back whole, in chunks, and damage is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from point_batches import encoded

from headrace import limits
from headrace.errors import Corrupt
from headrace.model.series import EncodedNames, SeriesName, series_name
from headrace.store.embedded.segments.files.series_files import read_series, write_series

series_names = st.builds(series_name, st.text(), st.dictionaries(st.text(), st.text(), max_size=3))


def written(folder: Path, names: dict[int, SeriesName]) -> Path:
    def names_of(ordinals: NDArray[np.uint32]) -> EncodedNames:
        return encoded(names[ordinal] for ordinal in ordinals.tolist())

    ordinals = np.array(sorted(names), dtype=np.uint32)
    return folder / write_series(folder, ordinals, names_of, "d")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.dictionaries(st.integers(0, 2**32 - 1), series_names, min_size=1))
def test_names_come_back(tmp_path: Path, names: dict[int, SeriesName]) -> None:
    file = written(tmp_path, names)
    found = {o: name for ordinals, part in read_series(file) for o, name in zip(ordinals.tolist(), part, strict=True)}
    assert found == names


def test_no_more_names_at_once_than_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SERIES_CHUNK", 3)
    monkeypatch.setattr(limits, "SERIES_STEP", 3)
    names = {ordinal: series_name("m", {"o": str(ordinal)}) for ordinal in range(10, 18)}
    file = written(tmp_path, names)
    assert [ordinals.tolist() for ordinals, _ in read_series(file)] == [[10, 11, 12], [13, 14, 15], [16, 17]]
    assert pq.read_metadata(file).num_row_groups == 3


def test_long_names_are_row_groups_of_few_and_few_names_are_read_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SERIES_STEP", 2)
    monkeypatch.setattr(limits, "SERIES_CHUNK_BYTES", 300)
    lengths = [1, 1, 1, 1, 200, 200, 1, 1, 1]
    names = {10 + at: series_name("m", {"o": "x" * length}) for at, length in enumerate(lengths)}
    file = written(tmp_path, names)
    metadata = pq.read_metadata(file)
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [4, 2, 3]
    monkeypatch.setattr(limits, "SERIES_STEP", 5)
    found = list(read_series(file))
    assert [ordinals.tolist() for ordinals, _ in found] == [[10, 11, 12, 13], [14, 15, 16, 17, 18]]
    assert [name for _, part in found for name in part] == list(names.values())


def test_damage_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, {1: series_name("metric", {"host": "a"})})
    whole = file.read_bytes()
    file.write_bytes(whole[:-5])
    with pytest.raises(Corrupt) as damage:
        list(read_series(file))
    assert damage.value.file == file
    file.unlink()
    with pytest.raises(Corrupt, match="missing"):
        list(read_series(file))
