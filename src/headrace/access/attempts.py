"""Wrong passwords, counted per address and user: after many of them no more are looked at for a while."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from headrace import limits
from headrace.model.time import MINUTE_MS, Clock


class Attempts:
    """Of one server. On the event loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: OrderedDict[tuple[str, bytes], tuple[int, int]] = OrderedDict()
        """By network and digest of the user: when its minute began, in ms, and how many have failed since."""

    def waits_s(self, address: str, user: bytes) -> int:
        """How long this user has to wait at this address, in seconds; 0 while it need not. user: a digest."""
        began_ms, failed = self._failed.get((network_of(address), user), (0, 0))
        left_ms = began_ms + MINUTE_MS - self._clock()
        return -(-left_ms // 1000) if failed >= limits.PASSWORDS_FAILED_MAX and 0 < left_ms <= MINUTE_MS else 0

    def failed(self, address: str, user: bytes) -> None:
        """One more was wrong."""
        key, now_ms = (network_of(address), user), self._clock()
        began_ms, failed = self._failed.pop(key, (now_ms, 0))
        if not 0 <= now_ms - began_ms < MINUTE_MS:
            began_ms, failed = now_ms, 0
        self._failed[key] = began_ms, failed + 1
        if len(self._failed) > limits.PASSWORDS_FAILED_KEPT_MAX:
            self._failed.popitem(last=False)


def network_of(address: str) -> str:
    """An address of IPv4, or the /64 of one of IPv6, of which a sender usually has all."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else found.packed[:8].hex()
    return str(found)
