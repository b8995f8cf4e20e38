"""An OpenTSDB room over a store in memory, and requests to it as the transport's router would bring them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from roomclient import Answered, as_bytes, ask
from starlette.types import ASGIApp

from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import SeriesTable
from headrace.protocols.opentsdb.routes import room
from headrace.protocols.opentsdb.writing.wire import Decode
from headrace.transport import LineSession, Sender
from headrace.transport.routing import Router

Stored = tuple[str, dict[str, str], int, Any]
"""metric, tags, ms, value."""

SECRET = np.arange(1, 17, 2, dtype=np.uint64)


def value_of(values: Values, row: int) -> int | float | bool | str:
    kind, bits = Kind(values.kinds[row]), int(values.bits[row])
    match kind:
        case Kind.INT64:
            return bits
        case Kind.DOUBLE:
            return float(values.doubles()[row])
        case Kind.BOOL:
            assert bits in (0, 1)
            return bool(bits)
        case _:
            return values.text(row)


@dataclass
class MemoryStore:
    """Keeps what is appended, in order; `fault` is raised and `delay_s` waited before that."""

    table: SeriesTable = field(default_factory=lambda: SeriesTable(SECRET))
    batches: list[Admitted] = field(default_factory=list)
    fault: Unavailable | None = None
    delay_s: float = 0.0

    async def append(self, points: Admitted) -> int:
        await asyncio.sleep(self.delay_s)
        if self.fault:
            raise self.fault
        self.batches.append(points)
        return len(self.batches)

    def stored(self) -> list[Stored]:
        found = []
        for batch in self.batches:
            for row, name in enumerate(self.table.names(batch.series)):
                found.append((name.metric, dict(name.tags), int(batch.times[row]), value_of(batch.values, row)))
        return found


class OpenTSDB:
    """The room, as its clients see it."""

    def __init__(
        self,
        store: MemoryStore | None = None,
        endpoints: Mapping[str, ASGIApp] | None = None,
        decode: Decode | None = None,
    ) -> None:
        self.store = store or MemoryStore()
        self.metrics = Metrics()
        self.room = room(self.store, Settings(), self.metrics, endpoints or {}, decode)
        self.router = Router([self.room])

    async def ask(
        self,
        target: str = "/api/put",
        body: bytes | str = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        compress: bool = False,
    ) -> Answered:
        content, sent = as_bytes(body), dict(headers or {})
        if compress:
            content = gzip.compress(content)
            sent["content-encoding"] = "gzip"
        return await ask(self.router, method, target, content, sent)

    def session(self) -> LineSession:
        assert self.room.lines is not None
        return self.room.lines(Sender("192.0.2.7"))

    async def lines(self, block: bytes | str, first_line: int = 1) -> str:
        reply = await self.session().feed(block.encode() if isinstance(block, str) else block, first_line)
        return reply.data.decode()
