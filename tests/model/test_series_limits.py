"""How many series there may be, and what the sender of one too many is told."""

from __future__ import annotations

import numpy as np
import pytest

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import UNKNOWN, SeriesTable, encode_name, series_name
from headrace.model.series_limits import HOUR_S, SeriesLimits

SECRET = np.arange(1, 17, 2, dtype=np.uint64)


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def add(table: SeriesTable, metric: str, **tags: str) -> int:
    name = series_name(metric, tags)
    return table.register(table.key_of(name), name, 0)


def refused(table: SeriesTable, metric: str, **tags: str) -> Refused:
    with pytest.raises(Refused) as caught:
        add(table, metric, **tags)
    return caught.value


def test_an_hour_takes_so_many_and_the_next_as_many_again() -> None:
    clock = FakeClock()
    table = SeriesTable(SECRET, SeriesLimits(100, 3, clock))
    for number in range(3):
        add(table, "m", request=str(number))
    clock.now_s += HOUR_S - 1
    assert refused(table, "m", request="3").rule == "series-rate"
    assert add(table, "m", request="2") == 2, "known ones go on"
    clock.now_s += 1
    for number in range(3, 6):
        add(table, "m", request=str(number))
    assert refused(table, "m", request="6").rule == "series-rate"


def test_the_hour_does_not_go_above_the_limit_in_all() -> None:
    table = SeriesTable(SECRET, SeriesLimits(2, 3, FakeClock()))
    for number in range(2):
        add(table, "m", request=str(number))
    assert refused(table, "m", request="2").rule == "series-limit"


def test_a_refusal_names_the_tags_that_make_the_series() -> None:
    table = SeriesTable(SECRET, SeriesLimits(20, 0, FakeClock()))
    for number in range(19):
        add(table, "http.latency", request=str(number), host=f"h{number % 2}", dc="fra")
    add(table, "cpu", host="h0")
    assert refused(table, "http.latency", request="new").detail == (
        'no new series of "http.latency": all 20 are in use (series_max); of late "http.latency" has grown by '
        '19 values of tag "request", 2 values of tag "host", 1 values of tag "dc"'
    )
    # An innocent metric is told who has taken the room.
    assert '"disk": all 20' in refused(table, "disk", host="h0").detail
    assert 'of late "http.latency" has grown by 19 values of tag "request"' in refused(table, "disk", host="h0").detail
    assert 'of late "cpu" has grown by 1 values of tag "host"' in refused(table, "cpu", host="h1").detail


def test_the_latest_series_are_looked_at_once_a_while() -> None:
    clock = FakeClock()
    few = SeriesLimits(1, 0, clock)
    looks = []

    def latest() -> list:  # type: ignore[type-arg]
        looks.append(clock.now_s)
        return [series_name("m", {"a": "b"})]

    for _ in range(100):
        few.refusal("m", 1, latest)
    clock.now_s += limits.SERIES_LOOK_S
    few.refusal("m", 1, latest)
    assert looks == [1000.0, 1000.0 + limits.SERIES_LOOK_S]


def test_refused_series_take_no_memory() -> None:
    table = SeriesTable(SECRET, SeriesLimits(1000))
    for number in range(1000):
        add(table, "m", n=str(number))
    before = table.nbytes
    for batch in range(50):
        keys = np.arange(2000, dtype=np.uint64).reshape(-1, 2) + np.uint64(10_000 * (batch + 1))
        name = encode_name(series_name("m", {"request": "x" * 100}))
        heap = np.frombuffer(bytearray(name * 1000), dtype=np.uint8)
        ordinals = table.register_many(keys, np.full(1000, len(name), dtype=np.uint32), heap, 0)
        assert set(ordinals.tolist()) == {int(UNKNOWN)}
    assert table.nbytes == before
    assert len(table) == 1000


def test_what_is_there_is_restored_though_fewer_are_allowed_now() -> None:
    whole = SeriesTable(SECRET)
    for number in range(5):
        add(whole, "m", n=str(number))
    table = SeriesTable(SECRET, SeriesLimits(2))
    table.restore(whole.series(0, 5))
    assert len(table) == 5
    assert add(table, "m", n="4") == 4
    assert refused(table, "m", n="5").rule == "series-limit"
