"""Series files: one row a series, beside the segments, so that outside readers can join a name to every point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Corrupt
from headrace.kernels.series.name_columns import split_names
from headrace.model.series import EncodedNames, SeriesName, SeriesTable
from headrace.store.embedded.files.durable import replaced_file
from headrace.store.embedded.files.names import series_file
from headrace.store.embedded.segments.files.footer import check_footer
from headrace.store.embedded.segments.files.meta import DATABASE_KEY, FORMAT_KEY, NAMES_FORMAT
from headrace.store.embedded.segments.files.segment import read_failure

SeriesNames = Callable[[NDArray[np.uint32]], EncodedNames]
"""The names of the given ordinals, in that order (model.series.SeriesTable.encoded_names)."""

SCHEMA = pa.schema(
    [
        pa.field("series", pa.uint32(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("tags", pa.map_(pa.string(), pa.string()), nullable=False),
    ]
)

PARQUET_OPTIONS = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}


def write_series(folder: Path, ordinals: NDArray[np.uint32], names: SeriesNames, database: str) -> str:
    """Write the names of these series (uint32, ascending, not none) into a new file of `folder`, synced and renamed.

    Returns the file's name.

    The file counts only once current.json lists it. Raises OSError, and then leaves nothing behind.
    """
    path = folder / series_file(int(ordinals[0]), int(ordinals[-1]) + 1)
    with replaced_file(path) as file, pq.ParquetWriter(file, SCHEMA, **PARQUET_OPTIONS) as writer:
        at = 0
        for encoded in _chunks(ordinals, names):
            writer.write_batch(_batch(ordinals[at : at + len(encoded.lengths)], encoded))
            at += len(encoded.lengths)
        writer.add_key_value_metadata({FORMAT_KEY: str(NAMES_FORMAT), DATABASE_KEY: database})
    return path.name


def merge_series_files(inputs: Sequence[tuple[Path, int | None]], path: Path, database: str) -> str:
    """Write the rows of several files, one after the other, into a new one, synced and renamed; returns its name.

    inputs: each with the CRC of its footer that is listed, as `read_series`. The file counts only once current.json
    lists it. Raises OSError, Corrupt or Unavailable, and then leaves nothing behind.
    """
    with replaced_file(path) as file, pq.ParquetWriter(file, SCHEMA, **PARQUET_OPTIONS) as writer:
        for input_path, listed_crc in inputs:
            for batch in _batches(input_path, listed_crc):
                writer.write_batch(batch)
        writer.add_key_value_metadata({FORMAT_KEY: str(NAMES_FORMAT), DATABASE_KEY: database})
    return path.name


def _chunks(ordinals: NDArray[np.uint32], names: SeriesNames) -> Iterator[EncodedNames]:
    """The names of all, at most limits.SERIES_CHUNK at once and limits.SERIES_CHUNK_BYTES of them, but for a step of
    long ones."""
    step = min(limits.SERIES_STEP, limits.SERIES_CHUNK)
    gathered: list[EncodedNames] = []
    for start in range(0, len(ordinals), step):
        more = names(ordinals[start : start + step])
        count = sum(len(encoded.lengths) for encoded in [*gathered, more])
        size = sum(len(encoded.heap) for encoded in [*gathered, more])
        if gathered and (count > limits.SERIES_CHUNK or size > limits.SERIES_CHUNK_BYTES):
            yield _joined(gathered)
            gathered = []
        gathered.append(more)
    yield _joined(gathered)


def _joined(parts: Sequence[EncodedNames]) -> EncodedNames:
    return EncodedNames(np.concatenate([part.lengths for part in parts]), np.concatenate([part.heap for part in parts]))


def _batch(ordinals: NDArray[np.uint32], names: EncodedNames) -> pa.RecordBatch:
    size, count = len(names.heap), len(ordinals)
    # A tag takes two bytes at least: the lengths of its key and its value.
    metric_offsets, tag_offsets = np.empty((2, count + 1), dtype=np.int32)
    key_offsets, value_offsets = np.empty((2, size // 2 + 1), dtype=np.int32)
    metrics, keys, values = np.empty((3, size), dtype=np.uint8)
    offsets = (metric_offsets, metrics, tag_offsets, key_offsets, keys, value_offsets, values)
    tags = split_names(names.heap, names.lengths, *offsets)
    pairs = _strings(tags, key_offsets, keys), _strings(tags, value_offsets, values)
    columns = [
        pa.array(ordinals),
        _strings(count, metric_offsets, metrics),
        pa.MapArray.from_arrays(pa.array(tag_offsets), *pairs),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _strings(count: int, offsets: NDArray[np.int32], data: NDArray[np.uint8]) -> pa.StringArray:
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def read_series(path: Path, listed_crc: int | None = None) -> Iterator[tuple[NDArray[np.uint32], list[SeriesName]]]:
    """What write_series wrote, in chunks of at most limits.SERIES_CHUNK.   listed_crc: see footer.check_footer. Raises
    Corrupt or Unavailable."""
    for batch in _batches(path, listed_crc):
        metrics, tags = batch.column("metric").to_pylist(), batch.column("tags").to_pylist()
        names = [SeriesName(metric, tuple(pairs)) for metric, pairs in zip(metrics, tags, strict=True)]
        yield batch.column("series").to_numpy(), names


class NamesCompared(NamedTuple):
    """A chunk of a file. ordinals: uint32.   differ: whether a name is not the one that the table has."""

    ordinals: NDArray[np.uint32]
    differ: bool


def names_differ(path: Path, listed_crc: int | None, table: SeriesTable, database: str) -> Iterator[NamesCompared]:
    """A file against the names of `table`, in chunks of at most limits.SERIES_CHUNK; those of ordinals beyond the table
    are not compared.   listed_crc: see footer.check_footer. Raises Corrupt, also when it is not of this database, or
    Unavailable."""
    for batch in _batches(path, listed_crc, database):
        ordinals = batch.column("series").to_numpy()
        known = ordinals[ordinals < len(table)]
        same = len(known) == len(ordinals) and batch.equals(_batch(known, table.encoded_names(known)))
        yield NamesCompared(ordinals, not same)


def count_series(path: Path) -> int:
    """How many it names. Raises Corrupt or Unavailable."""
    return sum(len(batch) for batch in _batches(path, None))


def _batches(path: Path, listed_crc: int | None, database: str | None = None) -> Iterator[pa.RecordBatch]:
    """Of SCHEMA, a row group each, small ones together; at most limits.SERIES_CHUNK rows.   database: None takes the
    file of any. Raises Corrupt or Unavailable."""
    try:
        source = pa.OSFile(str(path))
    except OSError as error:
        raise read_failure(path, error) from error
    with source:
        try:
            check_footer(path, source, listed_crc)
            file = pq.ParquetFile(source, page_checksum_verification=True)
            described = file.metadata.metadata or {}
            if database is not None and described.get(DATABASE_KEY.encode()) != database.encode():
                raise Corrupt(path, "belongs to another database")
            batches = chain.from_iterable(
                file.iter_batches(limits.SERIES_CHUNK, row_groups=groups, use_threads=False)
                for groups in _small_ones_together(file.metadata)
            )
        except (OSError, ValueError) as error:
            raise read_failure(path, error) from error
        while True:
            # Only reading is in here: what the caller does with a batch raises its own errors.
            try:
                batch = next(batches, None)
            except (OSError, ValueError) as error:
                raise read_failure(path, error) from error
            if batch is None:
                return
            yield batch


def _small_ones_together(metadata: pq.FileMetaData) -> list[list[int]]:
    """The row groups of a file, neighbours together up to limits.SERIES_STEP rows: their names may be long."""
    together: list[list[int]] = []
    rows = 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        if together and rows <= limits.SERIES_STEP:
            together[-1].append(group)
        else:
            together.append([group])
            rows = metadata.row_group(group).num_rows
    return together
