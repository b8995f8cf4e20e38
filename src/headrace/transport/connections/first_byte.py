"""Tells HTTP from telnet by the first byte of a connection, then hands the connection over."""

from __future__ import annotations

import asyncio
from typing import Final

from headrace.transport import Sender
from headrace.transport.connections.doors import Doors
from headrace.transport.connections.http_connection import HttpConnection
from headrace.transport.connections.telnet_connection import TelnetConnection
from headrace.transport.senders import address_of
from headrace.transport.state import ServerState, Unheard


class FirstByte(Unheard):
    """A capital letter A to Z is HTTP, all else is telnet (OpenTSDB: PipelineFactory)."""

    def __init__(
        self, state: ServerState, loop: asyncio.AbstractEventLoop, doors: Doors, certificate: str | None = None
    ) -> None:
        """Where telnet is not spoken, such connections are closed; where only lines are, they may begin with any byte.
        certificate: see Sender."""
        super().__init__(state, state.bounds.idle_timeout_s)
        self._loop = loop
        self._doors = doors
        self._certificate = certificate

    def data_received(self, data: bytes) -> None:
        self._state.connections.discard(self)
        if _is_client_hello(data) and self._doors.listener.tls is None:
            why = "TLS was spoken to a listener without"
            address = address_of(self._transport)
            self._doors.failed_handshakes.add(self._doors.listener, address, "plain-listener", why)
            self._transport.close()
            return
        protocol: HttpConnection | TelnetConnection
        doors = self._doors
        if doors.listener.http and b"A" <= data[:1] <= b"Z":
            protocol = HttpConnection(self._state, self._loop, doors, self._certificate)
        elif doors.sessions is not None:
            sender = Sender(address_of(self._transport), doors.listener, self._certificate, data.startswith(_REQUESTS))
            protocol = TelnetConnection(self._state, self._loop, doors.sessions(sender))
        else:
            self._transport.abort()
            return
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)


_REQUESTS: Final = tuple(
    f"{method} /".encode() for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
)
"""How what browsers send begins, and no line of any dialect."""


def _is_client_hello(data: bytes) -> bool:
    """Whether a connection begins as TLS does (RFC 8446, 4.1.2 and 5.1): no line of any dialect does."""
    return data[:2] == b"\x16\x03" and data[5:6] == b"\x01"
