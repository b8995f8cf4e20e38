"""Times by kernels against Python's own reading of ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.iso_times import PADDING, read_iso, read_iso_column

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-1439, 1439)


def padded(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(text.encode() + bytes(PADDING), dtype=np.uint8)


def written(local: datetime, minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    return f"{local.isoformat()}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def meant(local: datetime, minutes: int) -> tuple[int, int]:
    since = local.replace(tzinfo=UTC) - EPOCH
    return since // timedelta(milliseconds=1) - minutes * 60_000, minutes


@given(st.datetimes(), OFFSETS)
def test_every_moment_of_the_calendar(local: datetime, minutes: int) -> None:
    text = written(local, minutes)
    assert read_iso(padded(text), 0) == (len(text), *meant(local, minutes))


@given(st.text("0123456789-T:.+Z", max_size=30))
def test_any_bytes_are_read_as_python_reads_them_or_not_at_all(text: str) -> None:
    end, time, offset = read_iso(padded(text), 0)
    if end != NOT_PLAIN:
        parsed = datetime.fromisoformat(text[:end])
        assert (parsed - EPOCH) // timedelta(milliseconds=1) == time
        assert parsed.utcoffset() == timedelta(minutes=int(offset))


@pytest.mark.parametrize(
    ("date", "is_one"),
    [("2000-02-29", True), ("1900-02-29", False), ("2016-02-29", True), ("2018-02-29", False), ("2018-04-31", False)]
    + [(f"2018-{month:02}-30", month != 2) for month in range(1, 13)]
    + [("2018-00-10", False), ("2018-13-10", False), ("2018-01-00", False), ("2018-01-32", False)],
)
def test_days_of_months(date: str, is_one: bool) -> None:
    assert (read_iso(padded(f"{date}T00:00:00Z"), 0)[0] != NOT_PLAIN) == is_one


@given(st.lists(st.tuples(st.datetimes(), OFFSETS), min_size=1, max_size=9), st.data())
def test_a_column_ends_before_what_is_not_plain(moments: list[tuple[datetime, int]], data: st.DataObject) -> None:
    texts = [written(*moment) for moment in moments]
    broken = data.draw(st.integers(0, len(texts)))
    texts[broken:broken] = [data.draw(st.sampled_from(["", "2018", texts[0] + "Z", "2018-01-01T00:00:00", "Z" * 40]))]
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    times, offsets = np.zeros((2, len(texts)), dtype=np.int64)
    column = padded("".join(texts))
    assert read_iso_column(column, ends, 0, times, offsets) == broken
    assert read_iso_column(column, ends, broken + 1, times, offsets) == len(texts)
    found = list(zip(times.tolist(), offsets.tolist(), strict=True))
    del found[broken]
    assert found == [meant(*moment) for moment in moments]
