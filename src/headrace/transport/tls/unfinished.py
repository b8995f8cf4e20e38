"""Handshakes under way, by the address that they are with: one address has only so many, so that it keeps nobody else
out. Who opens more gives up its own oldest ones, as a crowd of honest clients behind one address is soon through."""

from __future__ import annotations

from typing import Protocol

from headrace.access.attempts import network_of


class Crowded(Protocol):
    """A handshake."""

    def crowded_out(self) -> None:
        """Its address has too many, and this one is the oldest: end it now."""
        ...


class Unfinished:
    """Those of one server. On the event loop."""

    def __init__(self, most: int) -> None:
        """most: at one address, or in one /64 of IPv6."""
        self._most = most
        self._of: dict[str, dict[Crowded, None]] = {}

    def add(self, handshake: Crowded, address: str) -> str:
        """One begins. Returns what `remove` is to be given."""
        network = network_of(address)
        under_way = self._of.setdefault(network, {})
        if len(under_way) >= self._most:
            oldest = next(iter(under_way))
            del under_way[oldest]
            oldest.crowded_out()
        under_way[handshake] = None
        return network

    def remove(self, handshake: Crowded, network: str) -> None:
        """It is over, one way or other. Again: nothing."""
        under_way = self._of.get(network)
        if under_way is not None:
            under_way.pop(handshake, None)
            if not under_way:
                del self._of[network]

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))
