"""The first bytes of a connection with TLS, until both sides agree. It counts among the open connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final

from headrace import limits
from headrace.transport import Listener
from headrace.transport.senders import address_of
from headrace.transport.state import ServerState, Unheard
from headrace.transport.tls.failures import FailedHandshakes, reason_of, words_of
from headrace.transport.tls.secured import Secured
from headrace.transport.tls.unfinished import Unfinished

Above = Callable[[str | None], asyncio.Protocol]
"""Makes what speaks over a connection once it is secure, from the common name of the client's certificate, if any."""


_NO_TLS: Final = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 37\r\nconnection: close\r\n\r\n"
    b"this port speaks TLS: write https://\n"
)
"""To who asks without."""


class Handshake(Unheard):
    """To the event loop, a protocol that hands the connection over; to the server, a Connection that is idle."""

    def __init__(
        self,
        state: ServerState,
        listener: Listener,
        context: ssl.SSLContext,
        failed: FailedHandshakes,
        unfinished: Unfinished,
        above: Above,
    ) -> None:
        """context: that of the listener at this moment.   failed: is told when it comes to nothing.   unfinished: all
        that are under way."""
        super().__init__(state, state.bounds.handshake_timeout_s)
        self._listener = listener
        self._failed = failed
        self._unfinished = unfinished
        self._network = ""
        self._above = above
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_over = True
        """That there is nothing more to tell of it: before its first byte, too. Load balancers look so whether somebody
        is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if not self._transport.is_closing():
            self._network = self._unfinished.add(self, address_of(transport))

    def data_received(self, data: bytes) -> None:
        self._is_over = False
        for begin in range(0, len(data), limits.TLS_PIECE_BYTES):
            end = begin + limits.TLS_PIECE_BYTES
            self._incoming.write(data[begin:end])
            if self._agreed():
                self._hand_over(data[end:])
                return
            if self._transport.is_closing():
                return

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unfinished.remove(self, self._network)
        self._fail("left", "the client left in the middle of it")

    # What the server calls, see Connection.

    def give_up(self) -> None:
        self._fail("timeout", f"it did not end within {self._most_s:g} s")
        self._transport.abort()

    def crowded_out(self) -> None:
        """See Crowded."""
        self._is_over = False
        self._fail("crowded", "its address has begun too many at once, and this was the oldest")
        self._transport.abort()

    def stop(self) -> None:
        self._is_over = True
        super().stop()

    def abort(self) -> None:
        self._is_over = True
        super().abort()

    # Ours.

    def _agreed(self) -> bool:
        """Go on with what has come. Closes the connection, with an alert for the client, where there is no way."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as fault:
            self._flush()
            if fault.reason == "HTTP_REQUEST":
                self._transport.write(_NO_TLS)
            self._fail(reason_of(fault), words_of(fault))
            self._transport.close()
            return False
        self._flush()
        return True

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _fail(self, reason: str, why: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._failed.add(self._listener, address_of(self._transport), reason, why)

    def _hand_over(self, rest: bytes) -> None:
        """rest: of what came, behind what has gone into `_incoming`."""
        self._state.connections.discard(self)
        self._unfinished.remove(self, self._network)
        above = self._above(_common_name(self._tls))
        secured = Secured(self._transport, self._tls, self._incoming, self._outgoing, above)
        self._transport.set_protocol(secured)
        above.connection_made(secured)
        secured.data_received(rest)


def _common_name(tls: ssl.SSLObject) -> str | None:
    """Of the subject of the client's certificate, which was verified."""
    parts: Any = (tls.getpeercert() or {}).get("subject", ())
    return next((str(value) for part in parts for name, value in part if name == "commonName"), None)
