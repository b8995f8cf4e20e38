"""Every page of a file of ours: points, names or deletes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.store.embedded.segments.files.footer import check_footer
from headrace.store.embedded.segments.files.segment import read_failure


def check_pages(path: Path, source: pa.NativeFile, listed_crc: int | None) -> None:
    """Read the file at `path`, which is open as `source`: its footer must be the one that is listed (see
    footer.check_footer), every page have its CRC and decode. One row group is in memory at a time.

    Raises Corrupt, Unavailable when the disk does not give it, and what reading `source` raises beside OSError.
    """
    try:
        check_footer(path, source, listed_crc)
        # Without pre_buffer it reads in this thread, one column of a row group after the other.
        with pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False) as file:
            for group in range(file.num_row_groups):
                file.read_row_group(group, use_threads=False)
    except (OSError, ValueError) as error:
        raise read_failure(path, error) from error
