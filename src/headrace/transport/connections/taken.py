"""How much of what we wrote to a client it has taken."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from typing import Final

from headrace import limits

_COUNT: Final = struct.Struct("=i")

_TCP_NOTSENT_LOWAT: Final = 25
"""tcp(7); Python has a name for it from 3.12 on."""

_RESET: Final = struct.pack("=ii", 1, 0)
"""To linger for no time (socket(7))."""


class Taken:
    """Counts the bytes of one connection.   lately: taken between the last two looks."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.lately = 0
        self.bytes = 0
        self._transport = transport
        self._socket = transport.get_extra_info("socket")
        self._socket.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, limits.KERNEL_UNSENT_BYTES)
        self._written = 0

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._written += len(data)
        self._transport.write(data)

    def look(self) -> int:
        """Count what has been taken until now, in `bytes`. Returns what still waits in our own memory."""
        if self.bytes == self._written:
            self.lately = 0
            return 0
        waits = self._transport.get_write_buffer_size()
        taken = self._written - waits - _in_kernel(self._socket.fileno())
        self.lately, self.bytes = taken - self.bytes, taken
        return waits

    def cut(self) -> None:
        """Close at once, with a reset: else the kernel would keep what it has for the client, and go on sending."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()


def _in_kernel(descriptor: int) -> int:
    """What the kernel holds of a socket that its peer has not acknowledged (tcp(7): SIOCOUTQ)."""
    count: int = _COUNT.unpack(fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(_COUNT.size)))[0]
    return count
