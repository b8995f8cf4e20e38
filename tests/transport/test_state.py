"""What the connections of a server share."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from smallhouse import House

from headrace.transport.bounds import Bounds
from headrace.transport.state import ServerState, SilentMeter


async def test_every_answer_is_dated(house: House) -> None:
    reader, writer = await house.open()
    writer.write(b"GET /echo/put HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    [date] = re.findall(rb"\r\ndate: ([^\r]+ GMT)\r\n", head)
    assert parsedate_to_datetime(date.decode()).tzinfo is not None


def test_a_tick_looks_at_every_connection_even_at_one_that_goes_away_meanwhile() -> None:
    state = ServerState(Bounds(), SilentMeter())
    looked: list[float] = []

    class Leaving:
        unread_bytes = taken_lately = 0
        idle = None

        def check(self, now_s: float) -> None:
            looked.append(now_s)
            state.connections.discard(self)

        def hold_off(self) -> None: ...

        def read_on(self) -> None: ...

        def cut(self) -> bool:
            return False

        def stop(self) -> None: ...

        def abort(self) -> None: ...

    state.connections |= {Leaving(), Leaving()}
    state.tick(5.0)
    assert looked == [5.0, 5.0]
    assert not state.connections
