"""What needs no store; that pages are those that plain Python makes is shown in test_apollo_read.py."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.errors import Unavailable
from headrace.model.arrivals import NO_ARRIVAL, pack
from headrace.model.points import Kind, Values
from headrace.protocols.apollo.reading.cursor import Cursor
from headrace.protocols.apollo.reading.ordering import Held, Page, arrivals_of, page, value_of
from headrace.protocols.apollo.reading.question import Order
from headrace.store import Columns


def held(*series: list[int]) -> Held:
    """Series of int64 samples whose values are their times."""
    times = np.array([time for one in series for time in one], dtype=np.int64)
    starts = np.cumsum([0, *map(len, series)], dtype=np.int64)
    values = Values(np.full(len(times), Kind.INT64, dtype=np.uint8), times)
    columns = Columns(np.arange(len(series), dtype=np.uint32), starts, times, values)
    ranks = [(place, 0) for place in range(len(series))]
    return Held(columns, ["x"] * len(series), ["Raw"] * len(series), ranks, *arrivals_of(columns))


def shown(found: Page) -> tuple[list[int], Cursor | None]:
    return found.rows.tolist(), found.cursor


def test_ties_come_in_the_order_of_the_series_either_way() -> None:
    both = held([1, 2], [1, 2])
    assert shown(page(both, Order(), None, None)) == ([1, 3, 0, 2], None)
    assert shown(page(both, Order(descending=False), None, None)) == ([0, 2, 1, 3], None)


def test_a_cursor_stands_between_two_series_of_one_instant() -> None:
    both = held([1, 2], [1, 2])
    assert shown(page(both, Order(), None, 1)) == ([1], Cursor(2, (0, 0)))
    assert shown(page(both, Order(), Cursor(2, (0, 0)), 1)) == ([3], Cursor(2, (1, 0)))
    assert shown(page(both, Order(), Cursor(2, (1, 0)), 5)) == ([0, 2], None)
    assert shown(page(both, Order(descending=False), Cursor(1, (0, 0)), 2)) == ([2, 1], Cursor(2, (0, 0)))


def test_a_cursor_counts_though_its_sample_and_its_series_are_gone() -> None:
    assert shown(page(held([1, 3]), Order(), Cursor(2, (9, 9)), None)) == ([0], None)
    assert shown(page(held([1, 3]), Order("val", descending=True), Cursor(2, (9, 9), 2), None)) == ([0], None)


def test_an_order_that_takes_long_may_be_given_up() -> None:
    def give_up() -> None:
        raise Unavailable("the client has gone")

    with pytest.raises(Unavailable):
        page(held([1, 2]), Order("val"), None, None, give_up)


def test_nothing_is_an_empty_page() -> None:
    assert shown(page(held(), Order(), None, 1)) == ([], None)
    assert shown(page(held(), Order("val"), None, 1)) == ([], None)
    assert shown(page(held([1]), Order(), Cursor(1, (0, 0)), 1)) == ([], None)


def test_points_of_other_rooms_have_their_own_time_and_no_offset() -> None:
    columns = held([5, 6]).columns
    arrivals = np.array([NO_ARRIVAL, pack(7, np.array([-90]))[0]], dtype=np.int64)
    with_one = Columns(columns.series, columns.starts, columns.times, columns.values, arrivals)
    for found, expected in ((columns, ([5, 6], [0, 0])), (with_one, ([5, 7], [0, -90]))):
        ingested, offsets = arrivals_of(found)
        assert (ingested.tolist(), offsets.tolist()) == expected


def test_a_custom_value_of_another_room_is_its_json() -> None:
    heap = b'complex-number\0{"real":1}'
    values = Values(np.array([Kind.CUSTOM], dtype=np.uint8), np.array([len(heap)], dtype=np.int64), heap)
    one = np.array([0], dtype=np.int64)
    columns = Columns(np.array([0], dtype=np.uint32), np.array([0, 1], dtype=np.int64), one, values)
    assert value_of(columns, 0) == '{"real":1}'
