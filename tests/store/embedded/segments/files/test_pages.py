"""Whatever byte of a file has rotted: it is damage, or what the file says is the same."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.disk_file import DiskFile
from headrace.store.embedded.recent.deletes import Delete, Deletes
from headrace.store.embedded.segments.files.delete_files import write_deletes
from headrace.store.embedded.segments.files.footer import footer_crc
from headrace.store.embedded.segments.files.pages import check_pages


@pytest.fixture
def path(tmp_path: Path) -> Path:
    deletes = Deletes().with_delete(Delete(np.arange(50, dtype=np.uint32), 5, 70), 3)
    return tmp_path / write_deletes(tmp_path, 3, deletes, "database")


def test_every_flipped_byte_is_damage_or_means_nothing(path: Path) -> None:
    crc, sound, table = footer_crc(path), path.read_bytes(), pq.read_table(path)
    check_pages(path, pa.OSFile(str(path)), crc)
    found: list[Path] = []
    for at in range(len(sound)):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 16]) + sound[at + 1 :])
        try:
            check_pages(path, pa.OSFile(str(path)), crc)
        except Corrupt as damage:
            found.append(damage.file)
        else:
            assert pq.read_table(path).equals(table)
    assert len(found) > len(sound) * 0.8
    assert set(found) == {path}


@pytest.mark.parametrize("read", [0, 1, 2, 3, 4])
def test_what_the_disk_does_not_give_is_no_damage(path: Path, read: int) -> None:
    told: list[int] = []

    def fail(count: int) -> None:
        told.append(count)
        if len(told) > read:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with (
        closing(DiskFile(path, fail)) as file,
        pa.PythonFile(file, mode="r") as source,
        pytest.raises(Unavailable, match="Input/output error"),
    ):
        check_pages(path, source, footer_crc(path))
