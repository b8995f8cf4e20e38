"""How many series there may be, and what the sender of one too many is told."""

from __future__ import annotations

import numpy as np
import pytest

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import UNKNOWN, SeriesTable, encode_name, series_name
from headrace.model.series_limits import HOUR_S, Held, NamesOfRequest, SeriesLimits

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
        few.refusal("m", Held(1, 0), latest)
    clock.now_s += limits.SERIES_LOOK_S
    few.refusal("m", Held(1, 0), latest)
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


def test_one_series_may_have_a_name_of_so_many_bytes() -> None:
    table = SeriesTable(SECRET)
    longest = limits.SERIES_NAME_BYTES_MAX - len(encode_name(series_name("m", {"a": ""}))) - 1
    add(table, "m", a="x" * longest)
    too_long = refused(table, "m", a="x" * (longest + 1))
    assert too_long.rule == "series-bytes"
    assert '"m": metric and tags take 16385 bytes, at most 16384' in too_long.detail
    assert len(refused(table, "m" * 100_000, a="b").detail) < 2 * limits.SERIES_SHOWN_TEXT_MAX


def test_names_of_all_and_of_an_hour_have_their_bytes() -> None:
    clock, size = FakeClock(), len(encode_name(series_name("m", {"request": "0"})))
    table = SeriesTable(SECRET, SeriesLimits(clock=clock, bytes_max=5 * size, bytes_per_hour_max=3 * size))
    for number in range(3):
        add(table, "m", request=str(number))
    too_many = refused(table, "m", request="3")
    assert (too_many.rule, "series_bytes_per_hour_max" in too_many.detail) == ("series-rate", True)
    assert add(table, "m", request="2") == 2, "known ones go on"
    clock.now_s += HOUR_S
    for number in range(3, 5):
        add(table, "m", request=str(number))
    too_many = refused(table, "m", request="5")
    assert (too_many.rule, "series_bytes_max" in too_many.detail) == ("series-limit", True)
    assert 'of late "m" has grown by 5 values of tag "request"' in too_many.detail
    assert table.held == Held(5, 5 * size)


def test_of_many_those_are_taken_that_fit_and_those_that_are_known() -> None:
    names = [encode_name(series_name("m", {"n": value})) for value in ("a", "b" * 20_000, "c", "d", "e")]
    keys = np.arange(2, 12, dtype=np.uint64).reshape(-1, 2)
    lengths = np.array([len(name) for name in names], dtype=np.uint32)
    heap = np.frombuffer(bytearray(b"".join(names)), dtype=np.uint8)
    table = SeriesTable(SECRET, SeriesLimits(bytes_max=3 * len(names[0])))
    table.register_many(keys[4:], lengths[4:], heap[-int(lengths[4]) :], 0)
    request = NamesOfRequest()
    ordinals = table.register_many(keys, lengths, heap, 1, request)
    assert ordinals.tolist() == [1, UNKNOWN, 2, UNKNOWN, 0]
    assert [table.name(ordinal) for ordinal in range(3)] == [series_name("m", {"n": n}) for n in ("e", "a", "c")]
    assert table.lookup(keys[4:])[1].tolist() == [0b11]
    assert request.bytes_left == limits.REQUEST_NAME_BYTES_MAX - 2 * len(names[0])


def test_the_new_names_of_one_request_have_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(encode_name(series_name("m", {"request": "0"})))
    monkeypatch.setattr(limits, "REQUEST_NAME_BYTES_MAX", 2 * size)
    table, request = SeriesTable(SECRET), NamesOfRequest()
    for number in (0, 1, 0):
        name = series_name("m", {"request": str(number)})
        table.register(table.key_of(name), name, 0, request)
    with pytest.raises(Refused, match='"m": the new names of one request take more than') as too_many:
        table.register((7, 7), series_name("m", {"request": "2"}), 0, request)
    assert too_many.value.rule == "request-names"
    add(table, "m", request="2")
