"""Parsed footers come and go; reads are the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from point_batches import Point, batch, double, metric_ids

from headrace.errors import Corrupt
from headrace.store.embedded.recent.recent import Recent
from headrace.store.embedded.segments.files import segment
from headrace.store.embedded.segments.files.footers import PARSED_BY_WRITTEN, Footers
from headrace.store.embedded.segments.files.segment import Segment, open_segment
from headrace.store.embedded.segments.files.writer import write_segment
from headrace.store.embedded.segments.making.sealing import sealed_row_groups, sorted_winners


def sealed(folder: Path) -> Segment:
    recent = Recent(9)
    recent.append(batch([Point(series, time, double(time)) for series in range(3) for time in range(3)]), 7)
    view = recent.view()
    groups = sealed_row_groups(view, sorted_winners(view, metric_ids))
    return open_segment(folder, write_segment(folder, groups, (7, 7), metric_ids, "d"), "d")


def times(of: Segment) -> list[int]:
    found: list[int] = np.concatenate([rows.times for rows in of.row_groups()]).tolist()
    return found


def test_as_many_are_kept_as_fit_and_the_one_asked_for_last(tmp_path: Path) -> None:
    opened = sealed(tmp_path)
    footer = pq.read_metadata(opened.path)
    opened.close()
    size = footer.serialized_size * PARSED_BY_WRITTEN
    footers = Footers(2 * size)
    footers.keep("a", footer)
    footers.keep("b", footer)
    assert footers.get("a") is footer
    footers.keep("c", footer)
    assert [footers.get(key) is not None for key in "abc"] == [True, False, True]
    footers.drop("a")
    footers.keep("b", footer)
    footers.keep("b", footer)
    assert [footers.get(key) is not None for key in "abc"] == [False, True, True], "one that comes again counts once"
    assert Footers(size - 1).get("a") is None


@pytest.mark.parametrize("bytes_max", [0, 1 << 30])
def test_reads_are_the_same_whether_a_footer_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_max: int
) -> None:
    monkeypatch.setattr(segment, "FOOTERS", Footers(bytes_max))
    opened = sealed(tmp_path)
    assert times(opened) == times(opened) == [0, 1, 2] * 3
    opened.close()


def test_a_footer_that_was_damaged_meanwhile_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "FOOTERS", Footers(0))
    opened = sealed(tmp_path)
    content = bytearray(opened.path.read_bytes())
    content[-20] ^= 1
    with opened.path.open("r+b") as file:
        file.write(content)
    with pytest.raises(Corrupt, match="footer is not what was written"):
        times(opened)
    opened.close()
