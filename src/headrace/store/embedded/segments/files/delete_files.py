"""The file of pending deletes beside the segments: one row for each delete and series (docs/format/segments.md)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.errors import Corrupt
from headrace.store.embedded.files.durable import replaced_file
from headrace.store.embedded.files.names import deletes_file
from headrace.store.embedded.recent.deletes import Delete, Deletes
from headrace.store.embedded.segments.files.footer import check_footer
from headrace.store.embedded.segments.files.meta import DATABASE_KEY, FORMAT_KEY, NAMES_FORMAT
from headrace.store.embedded.segments.files.segment import read_failure

SCHEMA = pa.schema(
    [
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("series", pa.uint32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)
"""start and end are ms since 1970 UTC but no timestamps: a delete of all time has ends that readers could not show."""


def write_deletes(folder: Path, sealed_through: int, deletes: Deletes, database: str) -> str:
    """Write the deletes, all up to sequence `sealed_through`, into a new file, synced and renamed; returns its name.
    Raises OSError."""
    pending = list(deletes)
    counts = [len(delete.series) for delete, _ in pending]
    table = pa.table(
        [
            np.repeat(np.array([sequence for _, sequence in pending], dtype=np.int64), counts),
            np.concatenate([np.empty(0, dtype=np.uint32), *(delete.series for delete, _ in pending)]),
            np.repeat(np.array([delete.start_ms for delete, _ in pending], dtype=np.int64), counts),
            np.repeat(np.array([delete.end_ms for delete, _ in pending], dtype=np.int64), counts),
        ],
        schema=SCHEMA,
    )
    path = folder / deletes_file(sealed_through)
    options = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}
    with replaced_file(path) as file, pq.ParquetWriter(file, SCHEMA, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({FORMAT_KEY: str(NAMES_FORMAT), DATABASE_KEY: database})
    return path.name


def read_deletes(path: Path, database: str, listed_crc: int | None = None) -> Deletes:
    """The deletes of a file.   listed_crc: see footer.check_footer. Raises Corrupt when it is missing, damaged or not
    of this database, Unavailable when the disk does not give it."""
    try:
        with pa.OSFile(str(path)) as source, pq.ParquetFile(source, page_checksum_verification=True) as file:
            check_footer(path, source, listed_crc)
            table = file.read(use_threads=False)
            described = file.metadata.metadata or {}
    except (OSError, ValueError) as error:
        raise read_failure(path, error) from error
    if described.get(FORMAT_KEY.encode()) != str(NAMES_FORMAT).encode():
        raise Corrupt(path, f"not of format {NAMES_FORMAT}")
    if described.get(DATABASE_KEY.encode()) != database.encode() or not table.schema.equals(SCHEMA):
        raise Corrupt(path, "holds no deletes of this database")
    sequences, series, starts, ends = (column.to_numpy() for column in table.columns)
    deletes = Deletes()
    bounds = np.flatnonzero(np.diff(sequences, prepend=-1, append=-1)).tolist() if len(sequences) else [0]
    for first, beyond in pairwise(bounds):
        delete = Delete(series[first:beyond].copy(), int(starts[first]), int(ends[first]))
        deletes = deletes.with_delete(delete, int(sequences[first]))
    return deletes
