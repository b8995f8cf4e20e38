"""What an app lets fall is worded by its room, and told apart from what is half said already."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from smallhouse import House, refuse

from headrace.transport import Room
from headrace.transport.routing import Router

GET = b"GET /echo/a HTTP/1.1\r\n\r\n"


async def test_a_bug_is_a_500_in_the_rooms_words_with_a_number_to_ask_for(house: House) -> None:
    answer = await house.talk(b"GET /echo/bug HTTP/1.1\r\n\r\n" + GET)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    body, decoder = rest.decode(), json.JSONDecoder()
    fault, end = decoder.raw_decode(body)
    assert fault["rule"] == "internal-error"
    request_id = next(line for line in head.split(b"\r\n") if line.startswith(b"x-request-id: "))[14:].decode()
    assert request_id in fault["says"]
    assert "a bug of ours" not in fault["says"]
    assert body[end:].endswith("GET /echo/a "), "the connection is sane"


async def test_an_answer_that_breaks_off_ends_the_connection(house: House) -> None:
    reader, writer = await house.open()
    writer.write(b"GET /echo/half HTTP/1.1\r\n\r\n" + GET)
    received = b""
    with contextlib.suppress(ConnectionError):
        while part := await asyncio.wait_for(reader.read(1000), 5):
            received += part
    writer.close()
    assert b"GET /echo/a" not in received
    assert received == b"" or received.endswith(b"\r\n\r\nhalf")


def test_two_rooms_can_not_own_one_prefix() -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    with pytest.raises(AssertionError):
        Router([Room("a", ("/x",), app, refuse), Room("b", ("/x",), app, refuse)])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/put", "opentsdb"),
        ("/API/Put/", "opentsdb"),
        ("/api/v1/put", "opentsdb"),
        ("/api/v1/datapoints", "kairosdb"),
        ("/api/v1/DataPoints/query", "kairosdb"),
        ("/v2/domains/d/x", "datazone"),
        ("/v2/domains", None),
        ("/", "ours"),
        ("/healthy", None),
        ("/q", "opentsdb"),
        ("/Q/x", "opentsdb"),
        ("/quick", None),
        ("/api/v1/datapoints2", "opentsdb"),
    ],
)
def test_the_longest_prefix_wins(path: str, name: str | None) -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    rooms = [
        Room("opentsdb", ("/api/", "/q"), app, refuse),
        Room("kairosdb", ("/api/v1/datapoints", "/api/v1/metric"), app, refuse),
        Room("datazone", ("/v2/domains/",), app, refuse),
    ]
    room = Router(rooms).room_for(path)
    assert (room.name if room else None) == (None if name == "ours" else name)


async def test_the_meter_counts_bytes_and_answers_by_room(house: House) -> None:
    sent = GET + b"GET /echo/bad HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\nGET /echo/other HTTP/1.1\r\n\r\n"
    await house.talk(sent)
    await house.talk(b"put\n")
    assert house.meter.bytes == len(sent) + 4
    assert house.meter.answers == {("echo", 200): 1, ("echo", 400): 1, ("", 404): 1, ("other", 200): 1}
    assert len(house.meter.took_s) == 4
    assert all(0 < seconds < 5 for seconds in house.meter.took_s)
