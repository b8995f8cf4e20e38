"""What all connections hold together beside the bodies of requests: bytes that wait, and answers that nobody reads.

Each by itself holds little. Thousands that send faster than they are served, or read nothing, would hold gigabytes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Reader(Protocol):
    """A connection, as far as it reads from its client."""

    def hold_off(self) -> None:
        """Read nothing more, until `read_on`, of what must wait anyway."""
        ...

    def read_on(self) -> None:
        """There is room again."""
        ...


class WaitingBytes:
    """Bytes that were read while the request or block before them was in flight, and blocks in flight. They go as
    these are done, so those who hold off never wait for each other."""

    def __init__(self, bytes_max: int, readers: Collection[Reader]) -> None:
        """readers: all connections, those to come too."""
        self._bytes_max = bytes_max
        self._readers = readers
        self.in_use = 0
        self.crowded = False
        """Whether all hold off: from `bytes_max` on until half of it is free again."""

    def change(self, by: int) -> None:
        """Count so many bytes more, or less."""
        self.in_use += by
        if not self.crowded and self.in_use > self._bytes_max:
            self.crowded = True
            for reader in tuple(self._readers):
                reader.hold_off()
        elif self.crowded and self.in_use <= self._bytes_max // 2:
            self.crowded = False
            for reader in tuple(self._readers):
                reader.read_on()


class UnreadBytes:
    """Bytes that clients have not taken yet."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._of: dict[object, int] = {}
        self.in_use = 0

    @property
    def too_many(self) -> bool:
        return self.in_use > self._bytes_max

    def note(self, client: object, count: int) -> None:
        """So many wait for this client now."""
        before = self._of.get(client, 0)
        if count != before:
            self._of.pop(client, None)
            if count:
                self._of[client] = count
            self.in_use += count - before

    def longest_first(self) -> list[object]:
        """Clients for which bytes wait, those first that have not taken any for the longest."""
        return list(self._of)
