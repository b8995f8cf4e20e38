"""Units become milliseconds in one place."""

from __future__ import annotations

import pytest

from headrace.errors import Refused
from headrace.model.time import HOUR_MS, duration_ms, floor_to


def test_durations() -> None:
    assert duration_ms(2, "hour") == 2 * HOUR_MS == 7_200_000
    assert duration_ms(1, "month") == 30 * 86_400_000
    assert duration_ms(1, "year") == 365 * 86_400_000


@pytest.mark.parametrize("count", [0, -1, 2**53])
def test_durations_are_positive_and_bounded(count: int) -> None:
    with pytest.raises(Refused):
        duration_ms(count, "year")


def test_floors() -> None:
    assert [floor_to(time, 10) for time in (0, 9, 10, -1)] == [0, 0, 10, -10]
