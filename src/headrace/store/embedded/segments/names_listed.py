"""The names of series out of the series files, for a catalog that lacks them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from headrace.model.series import NewSeries, SeriesName, encode_name
from headrace.store.embedded.segments.current import SeriesFile
from headrace.store.embedded.segments.files.series_files import read_series
from headrace.store.rows import MetricIds

KeyOf = Callable[[SeriesName], tuple[int, int]]
"""The key that a name has in this database (model.series.SeriesTable.key_of)."""


def names_listed(folder: Path, files: Sequence[SeriesFile], first: int, end: int, key_of: KeyOf) -> Iterator[NewSeries]:
    """The series with first <= ordinal < end that have a name in one of the listed files, in rising order, each run of
    neighbours at once. Raises Corrupt or Unavailable."""
    for file in files:
        for ordinals, names in read_series(folder / file.file, file.footer_crc):
            wanted = [
                (ordinal, name)
                for ordinal, name in zip(ordinals.tolist(), names, strict=True)
                if first <= ordinal < end and name.metric
            ]
            # Neighbours have the same difference to their place.
            for _, run in groupby(enumerate(wanted), lambda placed: placed[1][0] - placed[0]):
                yield _new_series([entry for _, entry in run], key_of)


def metric_ids_listed(folder: Path, files: Sequence[SeriesFile]) -> MetricIds:
    """The metric ids of all series that the listed files name; takes 4 bytes each. Raises Corrupt or Unavailable."""
    ids: dict[str, int] = {}
    of_series = np.zeros(sum(file.series for file in files), dtype=np.uint32)
    for file in files:
        for ordinals, names in read_series(folder / file.file, file.footer_crc):
            of_series[ordinals] = [ids.setdefault(name.metric, len(ids)) for name in names]
    return lambda ordinals: of_series[ordinals]


def _new_series(run: Sequence[tuple[int, SeriesName]], key_of: KeyOf) -> NewSeries:
    encoded = [encode_name(name) for _, name in run]
    return NewSeries(
        run[0][0],
        np.array([key_of(name) for _, name in run], dtype=np.uint64),
        np.array([len(name) for name in encoded], dtype=np.uint32),
        np.frombuffer(b"".join(encoded), dtype=np.uint8).copy(),
    )
