"""Parts of a query's work, done by who asks and by helpers that are free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from headrace.errors import Refused, Unavailable
from headrace.store import Check, go_on
from headrace.store.embedded.reading.helpers import Helpers

WAIT_S = 10


@pytest.fixture
def helpers() -> Iterator[Helpers]:
    with closing(Helpers(1)) as one:
        yield one


def square(number: int, check: Check) -> int:
    check()
    return number * number


@pytest.mark.parametrize("count", [0, 1, 3])
def test_what_is_done_comes_in_the_order_of_the_items(count: int) -> None:
    with closing(Helpers(count)) as some:
        for items in ([], [7], list(range(100))):
            assert some.each(items, square, go_on) == [item * item for item in items]


def test_two_parts_are_worked_on_at_a_time(helpers: Helpers) -> None:
    both = threading.Barrier(2)

    def meet(_: int, __: Check) -> str:
        both.wait(WAIT_S)
        return threading.current_thread().name

    names = helpers.each([1, 2], meet, go_on)
    assert threading.current_thread().name in names
    assert any(name.startswith("headrace-helper") for name in names)


def test_who_asks_does_all_where_no_helper_is_free(helpers: Helpers) -> None:
    busy, done = threading.Barrier(3), threading.Event()

    def keep_busy(_: int, __: Check) -> None:
        busy.wait(WAIT_S)
        assert done.wait(WAIT_S)

    other = threading.Thread(target=helpers.each, args=([1, 2], keep_busy, go_on))
    other.start()
    busy.wait(WAIT_S)
    own = helpers.each([1, 2, 3], lambda *_: threading.current_thread(), go_on)
    done.set()
    other.join()
    assert own == [threading.current_thread()] * 3


@pytest.mark.parametrize("fails_in_helper", [True, False])
def test_the_first_failure_is_told_once_both_have_stopped(helpers: Helpers, fails_in_helper: bool) -> None:
    asker, both = threading.current_thread(), threading.Barrier(2)
    stopped: list[str] = []

    def work(_: int, check: Check) -> None:
        both.wait(WAIT_S)
        if (threading.current_thread() is asker) != fails_in_helper:
            raise Refused("query-points", "too many")
        until_stopped(check, stopped)

    with pytest.raises(Refused, match="too many"):
        helpers.each(range(10), work, go_on)
    assert stopped == ["another part of the query has failed"]
    assert helpers.each([1, 2], square, go_on) == [1, 4]


def test_a_query_that_must_not_go_on_stops_in_both(helpers: Helpers) -> None:
    both, left = threading.Barrier(2), threading.Event()
    stopped: list[str] = []

    def check() -> None:
        if left.is_set():
            raise Unavailable("the client has gone")

    def work(_: int, check: Check) -> None:
        if both.wait(WAIT_S) == 0:
            left.set()
        until_stopped(check, stopped)

    with pytest.raises(Unavailable, match="the client has gone"):
        helpers.each(range(10), work, check)
    assert len(stopped) == 2


def until_stopped(check: Callable[[], None], stopped: list[str]) -> None:
    for _ in range(WAIT_S * 100):
        try:
            check()
        except Unavailable as failure:
            stopped.append(str(failure))
            raise
        threading.Event().wait(0.01)
    raise AssertionError("nobody stopped it")
