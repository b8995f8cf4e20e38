"""A client of TLS that decides itself what goes over the wire, and when."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass


@dataclass
class SecureLine:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tls: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO

    async def shake(self, at_a_time: int = 1_000_000) -> None:
        """The handshake, in packets of so many bytes; our last word of it stays in `outgoing`."""
        while True:
            try:
                self.tls.do_handshake()
                return
            except ssl.SSLWantReadError:
                await self.flush(at_a_time)
                data = await asyncio.wait_for(self.reader.read(100_000), 5)
                if not data:
                    raise ConnectionResetError("the server has left") from None
                self.incoming.write(data)

    async def flush(self, at_a_time: int = 1_000_000) -> None:
        sealed = self.outgoing.read()
        for begin in range(0, len(sealed), at_a_time):
            self.writer.write(sealed[begin : begin + at_a_time])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def say(self, data: bytes) -> None:
        self.tls.write(data)
        await self.flush()

    async def hear(self, until: bytes | None = None) -> bytes:
        """What the server says until its goodbye, or until this is in it."""
        heard = b""
        while until is None or until not in heard:
            try:
                part = self.tls.read(100_000)
            except ssl.SSLWantReadError:
                data = await asyncio.wait_for(self.reader.read(100_000), 5)
                if not data:
                    self.incoming.write_eof()
                self.incoming.write(data) if data else None
                continue
            if not part:
                break
            heard += part
        return heard

    def goodbye(self) -> bytes:
        """The bytes that say it."""
        with suppress(ssl.SSLError):
            self.tls.unwrap()
        return self.outgoing.read()


@asynccontextmanager
async def secure_line(port: int, context: ssl.SSLContext) -> AsyncIterator[SecureLine]:
    """Before its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    try:
        yield SecureLine(reader, writer, tls, incoming, outgoing)
    finally:
        writer.close()
