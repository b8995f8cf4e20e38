"""current.json: what is read is what was written, or it is damage; files of older formats are read as they are."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.segments.current import (
    Current,
    DamagedFile,
    Loss,
    SeriesFile,
    read_current,
    write_current,
)
from headrace.store.embedded.segments.files.meta import OtherStores, SegmentKind, SegmentMeta

META = SegmentMeta("points-1-9.parquet", SegmentKind.IN_ORDER, 10, 900, -5, 5, 0, 3, 1, 9, 1_700_000_000_000, 9, 77)
CURRENT = Current(
    "00ff",
    sealed_through=9,
    segments=(META,),
    series=(SeriesFile("series-0-4.parquet", 4, 88),),
    damaged=(DamagedFile("points-0.parquet", "is missing"),),
    deletes="deletes-9.parquet",
    deletes_crc=99,
    losses=(Loss("journal", "records 3 to 4 are lost", 1_700_000_000_000),),
    others=OtherStores(7, 3),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    write_current(tmp_path, CURRENT)
    assert read_current(tmp_path) == CURRENT


def test_no_flipped_bit_makes_another_state(tmp_path: Path) -> None:
    """Blanks between members are no content: such a flip may be read, as what was written."""
    write_current(tmp_path, CURRENT)
    file = tmp_path / "current.json"
    healthy = file.read_bytes()
    for at in range(len(healthy)):
        for bit in range(8):
            flipped = bytearray(healthy)
            flipped[at] ^= 1 << bit
            file.write_bytes(flipped)
            try:
                assert read_current(tmp_path) == CURRENT, (at, bit)
            except Corrupt:
                continue


@pytest.mark.parametrize("written_format", [1, 2])
def test_older_formats_have_no_checksum(tmp_path: Path, written_format: int) -> None:
    older = {"database": "00ff", "format": written_format, "sealed_through": 9, "series": [{"file": "s", "series": 4}]}
    (tmp_path / "current.json").write_text(json.dumps(older))
    expected = Current("00ff", sealed_through=9, series=(SeriesFile("s", 4, None),))
    assert read_current(tmp_path) == expected
    write_current(tmp_path, expected)
    assert json.loads((tmp_path / "current.json").read_bytes())["format"] == 3


def test_a_disk_that_does_not_give_it_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> bytes:
        raise OSError(5, os.strerror(5))

    write_current(tmp_path, replace(CURRENT, sealed_through=10))
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(Unavailable, match=r"current\.json: Input/output error"):
        read_current(tmp_path)
