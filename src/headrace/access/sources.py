"""Where principals come from that are not in the settings, and for how long what a source has found is believed."""

from __future__ import annotations

from typing import Protocol

from headrace.access.principals import Principal


class Found:
    """Whom some credentials stand for. Its source may end it at any time, for all that remember it."""

    __slots__ = ("principal", "until_ms", "used_ms")

    def __init__(self, principal: Principal, until_ms: float) -> None:
        """until_ms: when it ends, ms since 1970 UTC; infinite for never."""
        self.principal = principal
        self.until_ms = until_ms
        self.used_ms = 0
        """When a request last came with the credentials, in ms; 0 for never. The authority writes it."""

    def end(self) -> None:
        """The credentials are not believed any more. Any thread."""
        self.until_ms = 0


class Source(Protocol):
    """Knows principals by what it can look up, while the server runs. On the event loop."""

    @property
    def asks(self) -> bool:
        """Whether it may know anybody: then everybody is asked who they are. Once true, it stays so."""
        ...

    async def find(self, scheme: bytes, secret: bytes, address: str) -> Found | None:
        """Whom the credentials of a request from this address stand for, which the authority then remembers; None
        where they are not of a kind that this source knows.

        scheme: in lower case, `bearer` as a rule.   secret: what follows it, up to the length of a request's head.
        Raises Refused (rules credentials-invalid, credentials-slowed), in words without the secret; Unavailable.
        """
        ...
