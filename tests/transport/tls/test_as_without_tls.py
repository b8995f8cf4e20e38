"""What holds of a connection holds over TLS: the same tests again, with both sides speaking it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import smallhouse
import test_crowding
import test_first_byte
import test_gathering
import test_http_bounds
import test_http_connection
import test_server
import test_telnet_connection
from certified import Authority, trusting
from smallhouse import running

Test = Callable[..., Coroutine[Any, Any, None]]

ONLY_WITHOUT = {
    "test_a_thousand_idle_connections_cost_little",  # half of what it counts is the client's, which Python's TLS has
    "test_beyond_the_bound_connections_are_closed",  # in the handshake: test_handshake.py
    "test_who_says_nothing_makes_room_before_who_asks",  # as above
}


@pytest.fixture(autouse=True)
def _speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setattr(smallhouse, "over_tls", (authority.issue(), trusting(authority.root)))


def calls(test: Test) -> list[dict[str, Any]]:
    """The arguments with which pytest calls it, but for the house."""
    marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
    found: list[dict[str, Any]] = [{}]
    for mark in marks:
        names = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
        values = [value if len(names) > 1 else (value,) for value in mark.args[1]]
        found = [{**had, **dict(zip(names, value, strict=True))} for had in found for value in values]
    return found


MODULES = (
    test_first_byte,
    test_gathering,
    test_http_bounds,
    test_http_connection,
    test_telnet_connection,
    test_crowding,
)

TESTS = [
    pytest.param(test, arguments, id=f"{name}-{number}")
    for module in MODULES
    for name, test in vars(module).items()
    if name.startswith("test_") and inspect.iscoroutinefunction(test) and name not in ONLY_WITHOUT
    for number, arguments in enumerate(calls(test))
]


@pytest.mark.parametrize(("test", "arguments"), TESTS)
async def test_it_holds_over_tls(test: Test, arguments: dict[str, Any]) -> None:
    if "house" in inspect.signature(test).parameters:
        async with running() as house:
            await test(house=house, **arguments)
    else:
        await test(**arguments)


async def test_stopping_finishes_what_is_in_flight() -> None:
    await test_server.test_stopping_finishes_what_is_in_flight()


async def test_stopping_cuts_what_does_not_finish() -> None:
    await test_server.test_stopping_cuts_what_does_not_finish()
