"""The first events of each minute are told, with how many were not."""

from __future__ import annotations

from headrace import limits
from headrace.model.few_per_minute import FewPerMinute
from headrace.model.time import MINUTE_MS


def test_the_first_of_each_minute_are_told_and_the_others_counted() -> None:
    now_ms = 90 * MINUTE_MS
    few = FewPerMinute(lambda: now_ms)
    told = [few.tell() for _ in range(limits.TOLD_PER_MINUTE + 3)]
    assert told == [0] * limits.TOLD_PER_MINUTE + [None] * 3
    now_ms += MINUTE_MS - 1
    assert few.tell() is None
    now_ms += 1
    assert (few.tell(), few.tell()) == (4, 0)
