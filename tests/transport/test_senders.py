from __future__ import annotations

import asyncio

import pytest

from headrace.transport.senders import address_of, sender_of


@pytest.mark.parametrize(
    ("scope", "sender"), [({"client": ("192.0.2.7", 4711)}, "192.0.2.7"), ({"client": None}, ""), ({}, "")]
)
def test_who_sent_a_request(scope: dict[str, object], sender: str) -> None:
    assert sender_of(scope) == sender


async def test_who_is_at_the_other_end_of_a_connection() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(address_of(writer.transport))
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await heard == "127.0.0.1"
    writer.close()
    server.close()
    assert address_of(asyncio.BaseTransport()) == ""
