"""A segment and a series file without rows, so that the lines of docs/format/segments.md find every column also where
nothing is sealed yet, or all of it by an earlier version."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from headrace.store.embedded.files.durable import replaced_file, sync_folder
from headrace.store.embedded.files.names import EMPTY_POINTS, EMPTY_SERIES
from headrace.store.embedded.segments.files import columns, series_files

log = structlog.get_logger(__name__)

_SCHEMAS = {EMPTY_POINTS: columns.SCHEMA, EMPTY_SERIES: series_files.SCHEMA}


def keep_empty_files(folder: Path) -> None:
    """On return they are in the folder, as this version writes them. Never raises: where the disk does not take them,
    only programs that read the folder miss them."""
    try:
        for name, schema in _SCHEMAS.items():
            content = _without_rows(schema)
            path = folder / name
            if not path.exists() or path.read_bytes() != content:
                with replaced_file(path) as file:
                    file.write(content)
                sync_folder(folder)
    except OSError as failure:
        log.warning("files without rows, for outside readers, cannot be written", reason=str(failure))


def _without_rows(schema: pa.Schema) -> bytes:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, **series_files.PARQUET_OPTIONS):
        pass
    return bytes(sink.getvalue())
