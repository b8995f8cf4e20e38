"""What a segment says of itself, for a list that has lost it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.errors import Corrupt
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.segments.files.meta import (
    CREATED_KEY,
    DATABASE_KEY,
    DELETES_THROUGH_KEY,
    KIND_KEY,
    MAX_SEQUENCE_KEY,
    MIN_SEQUENCE_KEY,
    OTHERS_KEY,
    OtherStores,
    SegmentKind,
    SegmentMeta,
    decode_row_groups,
)
from headrace.store.embedded.segments.files.segment import read_failure


def describe_segment(folder: Path, file: str, database: str) -> tuple[SegmentMeta, OtherStores]:
    """As current.json would list the file, and how far the stores beside the segments were when it was written.

    Reads all of the file: every page that it lists must be as it was written. Raises Corrupt when it is damaged or not
    of this database, Unavailable when the disk does not give it.
    """
    path = folder / file
    try:
        with pa.OSFile(str(path)) as source, pq.ParquetFile(source, page_checksum_verification=True) as opened:
            footer = opened.metadata
            described = {key.decode(): value.decode() for key, value in (footer.metadata or {}).items()}
            if described.get(DATABASE_KEY) != database:
                raise Corrupt(path, "belongs to another database")
            series = pa.chunked_array([batch.column("series") for batch in opened.iter_batches(columns=["series"])])
            for _ in opened.iter_batches():
                pass
        groups = decode_row_groups(footer.metadata, footer.num_row_groups, path)
        ordinals = series.to_numpy()
        meta = SegmentMeta(
            file=file,
            kind=SegmentKind(described[KIND_KEY]),
            rows=footer.num_rows,
            bytes=path.stat().st_size,
            min_time=int(groups.min_times.min()),
            max_time=int(groups.max_times.max()),
            min_series=int(ordinals.min()),
            max_series=int(ordinals.max()),
            min_sequence=int(described[MIN_SEQUENCE_KEY]),
            max_sequence=int(described[MAX_SEQUENCE_KEY]),
            created=int(described[CREATED_KEY]),
            deletes_through=int(described.get(DELETES_THROUGH_KEY, 0)),
            footer_crc=footer_crc(path),
        )
        return meta, msgspec.json.decode(described.get(OTHERS_KEY, "{}"), type=OtherStores)
    except (KeyError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise Corrupt(path, f"does not say what it is: {error}") from error
    except (OSError, ValueError) as error:
        raise read_failure(path, error) from error
