"""A bound on bytes that many requests share."""

from __future__ import annotations

from headrace.errors import Unavailable


class BytesBudget:
    """Counts the bytes that request bodies hold. Used on the event loop only."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.in_use = 0

    def take(self, count: int) -> None:
        """Count `count` bytes more. Raises Unavailable, and counts nothing, when that would exceed the bound."""
        if self.in_use + count > self._bytes_max:
            raise Unavailable(f"request bodies already hold {self.in_use} of {self._bytes_max} bytes of memory")
        self.in_use += count

    def give(self, count: int) -> None:
        """Return what was taken."""
        self.in_use -= count
