"""Telnet bytes in, blocks of whole lines out. No socket, no clock, no task."""

from __future__ import annotations

from enum import Enum


class TooLong(Enum):
    """Stands between the blocks in place of a line that was too long."""

    LINE = "a line exceeded its bound and is dropped up to its end"


class LineReader:
    """Invariant: how the bytes were cut into packets never changes the lines, nor where among them a TooLong stands.

    A block is many lines at once, as bytes: no Python object is made per line. A line ends at `\\n`; bytes after the
    last `\\n` are no line, at the end of the connection neither: a cut `host=web0` may have been on its way to
    `host=web01` (OpenTSDB drops it too).
    """

    def __init__(self, line_bytes_max: int) -> None:
        """line_bytes_max: bytes of a line before its `\\n`."""
        self._line_bytes_max = line_bytes_max
        self._buffer = bytearray()
        self._skipping = False

    def __len__(self) -> int:
        """Bytes held."""
        return len(self._buffer)

    def push(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def take(self) -> bytes | TooLong | None:
        """The next block of whole lines, or TooLong, or None when no line is whole yet."""
        buffer = self._buffer
        if self._skipping:
            end = buffer.find(b"\n")
            if end < 0:
                buffer.clear()
                return None
            del buffer[: end + 1]
            self._skipping = False
        end = self._end_of_good_lines()
        if end:
            block = bytes(buffer[:end])
            del buffer[:end]
            return block
        if len(buffer) > self._line_bytes_max:
            self._skipping = True
            return TooLong.LINE
        return None

    def _end_of_good_lines(self) -> int:
        """How many bytes at the front are whole lines of allowed length.

        From the end of a good line the next may reach at most `stride` bytes with its line end. The last line end
        within them is again the end of a good line, since all between are shorter still; if there is none, that line is
        too long.
        """
        stride = self._line_bytes_max + 1
        last = self._buffer.rfind(b"\n") + 1
        good = 0
        while good < last:
            reached = self._buffer.rfind(b"\n", good, good + stride) + 1
            if not reached:
                break
            good = reached
        return good
