"""Questions are read on the event loop, long ones on a thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from headrace.errors import Refused
from headrace.protocols.kairosdb.reading import asking
from headrace.protocols.kairosdb.reading.wire import MetricQuery, parse_query
from headrace.query.pool import QueryPool

SHORT = b"{start_absolute:1,metrics:[{name:m}]}"
LONG = SHORT.replace(b"{name", b"{" + b"'x':1," * 1000 + b"name")
PLAIN = b'{"start_absolute":1,"metrics":[{"name":"m"%b}]}' % (b',"x":1' * 1000)


@pytest.mark.parametrize(("body", "on_loop"), [(SHORT, True), (LONG, False), (PLAIN, False)])
async def test_where_a_question_is_read(body: bytes, on_loop: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read_by: list[threading.Thread] = []

    def parsing(text: bytes | str, now_ms: int) -> list[MetricQuery]:
        found = parse_query(text, now_ms)
        read_by.append(threading.current_thread())
        return found

    monkeypatch.setattr(asking, "parse_query", parsing)
    with ThreadPoolExecutor(1) as threads:
        [query] = await asking.asked_of(body, 10, QueryPool(threads, 60))
    assert query.name == "m"
    assert [thread is threading.current_thread() for thread in read_by] == [on_loop]


async def test_a_fault_on_the_thread_is_a_refusal() -> None:
    with ThreadPoolExecutor(1) as threads, pytest.raises(Refused):
        await asking.asked_of(LONG[:-1], 10, QueryPool(threads, 60))
