"""What all connections hold together beside the bodies of requests. Each by itself holds little; thousands that send
faster than they are served would hold gigabytes."""

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
