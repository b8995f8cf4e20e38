"""Table 1.3 of the facts; the limits as the seed prints them."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.protocols.opentsdb.times import all_to_ms, is_legal, to_ms


@pytest.mark.parametrize(
    ("stamp", "ms"),
    [
        (4284768, 4284768_000),
        (4294967295, 4294967295_000),
        (4294967296, 4294967296_000),  # OpenTSDB 2.5 takes it for milliseconds, the seed does not
        (9999999999, 9999999999_000),
        (10000000000, 10000000000),
        (9999999999999, 9999999999999),
    ],
)
def test_seconds_or_milliseconds(stamp: int, ms: int) -> None:
    assert is_legal(stamp)
    assert to_ms(stamp) == ms
    column = all_to_ms(np.array([stamp], dtype=np.int64))
    assert column is not None
    assert column.tolist() == [ms]


@pytest.mark.parametrize("stamp", [-(2**63), -1, 0, 1, 4284767, 10000000000000, 2**63 - 1])
def test_what_is_no_time(stamp: int) -> None:
    assert not is_legal(stamp)
    assert all_to_ms(np.array([1346846400, stamp], dtype=np.int64)) is None


def test_no_times_are_all_legal() -> None:
    column = all_to_ms(np.array([], dtype=np.int64))
    assert column is not None
    assert column.tolist() == []
