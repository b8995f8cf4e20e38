"""A connection once it is secure: to the event loop a protocol, to what speaks over it a transport.

We use ssl's memory buffers rather than the event loop's own TLS: that has no half close, which an answer needs whose
client is still sending, keeps 256 KiB a connection, and counts a handshake among no connections. Here nothing waits
between the two: what comes is opened and handed on at once, what goes is sealed and written at once. So the bounds of a
plain connection (what waits to be written, when to stop reading) hold for this one as they are, by the same transport.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from headrace import limits


class Secured(asyncio.Transport, asyncio.Protocol):
    """Both BIOs are empty between two calls, but for the beginning of a record."""

    def __init__(
        self,
        below: asyncio.Transport,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        above: asyncio.BaseProtocol,
    ) -> None:
        """below: of the socket.   tls: after its handshake, over the two BIOs.   above: what is told what comes."""
        super().__init__()
        self._below = below
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing
        self._above: Any = above
        self._ended = False
        """Nothing more comes from the client."""
        self._said_goodbye = False
        self._words_bytes = 0
        """Of TLS's own since the client last said something, or took it (limits.TLS_WORDS_BYTES_MAX)."""
        self._writing_paused = False

    # What the event loop calls.

    def data_received(self, data: bytes) -> None:
        if self._ended or self._said_goodbye:
            return
        opened, ended = self._open(data)
        if opened:
            if not self._writing_paused:
                self._words_bytes = 0
            self._above.data_received(opened)
        if ended and not self._below.is_closing():
            self._end()

    def eof_received(self) -> bool:
        """The end of the stream without TLS's own goodbye counts as one: requests and lines say themselves where they
        end, so nothing is taken for whole that was cut off."""
        if not self._ended:
            self._end()
        return True

    def pause_writing(self) -> None:
        self._writing_paused = True
        self._above.pause_writing()

    def resume_writing(self) -> None:
        self._writing_paused = False
        self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        above = self._above
        del self._above  # breaks the cycle with it, so that the memory goes at once
        above.connection_lost(exc)

    # What the protocol above calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._below.is_closing() or self._said_goodbye:
            return
        if len(data) <= limits.TLS_PIECE_BYTES:
            self._tls.write(data)
            self._below.write(self._outgoing.read())
            return
        view = memoryview(data)
        sealed = []
        for begin in range(0, len(view), limits.TLS_PIECE_BYTES):
            self._tls.write(view[begin : begin + limits.TLS_PIECE_BYTES])
            sealed.append(self._outgoing.read())
        self._below.writelines(sealed)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """End our side. What still comes is thrown away unopened."""
        self._say_goodbye()
        self._below.write_eof()

    def can_write_eof(self) -> bool:
        return True

    def close(self) -> None:
        if not self._below.is_closing():
            self._say_goodbye()
            self._below.close()

    def abort(self) -> None:
        self._below.abort()

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def pause_reading(self) -> None:
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._below.resume_reading()

    def is_reading(self) -> bool:
        return self._below.is_reading()

    def get_write_buffer_size(self) -> int:
        """In bytes as they go over the wire."""
        return self._below.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls if name == "ssl_object" else self._below.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._above = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self._above
        return protocol

    # Ours.

    def _open(self, data: bytes) -> tuple[bytes, bool]:
        """What `data` says, and whether it is the last that comes."""
        opened: list[bytes] = []
        if len(data) <= limits.TLS_PIECE_BYTES:
            ended = self._open_piece(data, opened)
            return (opened[0] if len(opened) == 1 else b"".join(opened)), ended
        view = memoryview(data)
        for begin in range(0, len(view), limits.TLS_PIECE_BYTES):
            if self._open_piece(view[begin : begin + limits.TLS_PIECE_BYTES], opened):
                return b"".join(opened), True
        return b"".join(opened), False

    def _open_piece(self, data: bytes | memoryview, opened: list[bytes]) -> bool:
        """Add to `opened` what it says. Returns whether it is the last that comes."""
        incoming, tls = self._incoming, self._tls
        incoming.write(data)
        try:
            while incoming.pending or tls.pending():
                part = tls.read(limits.TLS_PIECE_BYTES)
                if not part:
                    return True
                opened.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # bytes that nobody sealed: no more can be believed
            self._flush()
            self._below.close()
            return True
        if self._outgoing.pending:
            self._flush()
        return False

    def _flush(self) -> None:
        """Answers of TLS itself, such as to an update of keys."""
        if self._outgoing.pending and not self._below.is_closing():
            words = self._outgoing.read()
            self._words_bytes += len(words)
            if self._words_bytes > limits.TLS_WORDS_BYTES_MAX:
                self._below.abort()
            else:
                self._below.write(words)

    def _end(self) -> None:
        self._ended = True
        if not self._above.eof_received():
            self.close()

    def _say_goodbye(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            # It says ours, and complains that theirs has not come yet.
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
