"""Web pages of other origins: which of them may call this server (Fetch standard, section "CORS protocol").

Only where an operator allows origins does this stand before the rooms; otherwise no request meets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.types import Message, Receive, Scope, Send

from headrace.errors import Refused, Unavailable
from headrace.limits import PREFLIGHT_AGE_S
from headrace.transport import Room
from headrace.transport.routing import Answer, Router

ANY: Final = "*"
"""In place of an origin: all of them."""

Header = tuple[bytes, bytes]

_VARY: Final = (b"vary", b"origin")
"""A cache must know that the answer depends on who asks."""

_GRANTS: Final = {
    b"access-control-request-method": b"access-control-allow-methods",
    b"access-control-request-headers": b"access-control-allow-headers",
}
"""What a preflight asks for, and the header that grants it. All of it is: each room says itself which methods it has.
KairosDB spells the first `Access-Control-Allow_Method`, which no browser reads."""


class CorsRouter(Router):
    """A router that answers preflights, and tells browsers which pages may read its answers, refusals included."""

    def __init__(self, rooms: Sequence[Room], origins: Sequence[str]) -> None:
        """origins: as browsers send them, `scheme://host[:port]`; or ANY."""
        super().__init__(rooms)
        self._any = ANY in origins
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Router."""
        said = dict(scope["headers"])
        headers = self._headers(said)
        if self._is_preflight(scope, said):
            scope["headrace.room"] = ""
            await send({"type": "http.response.start", "status": 200, "headers": [*headers, *_granted(said)]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await super().__call__(scope, receive, send_on)

    def refuse(self, scope: Scope, fault: Refused | Unavailable) -> Answer:
        """See Router."""
        answer = super().refuse(scope, fault)
        answer.headers.extend(self._headers(dict(scope["headers"])))
        return answer

    def _is_preflight(self, scope: Scope, said: dict[bytes, bytes]) -> bool:
        """Whether a page that may call asks what it may do. Any other OPTIONS is for the rooms."""
        asks = scope["method"] == "OPTIONS" and b"access-control-request-method" in said
        return asks and (self._any or said.get(b"origin") in self._origins)

    def _headers(self, said: dict[bytes, bytes]) -> list[Header]:
        """What every answer says of origins."""
        if self._any:
            return [(b"access-control-allow-origin", b"*")]
        origin = said.get(b"origin")
        return [_VARY] if origin not in self._origins else [(b"access-control-allow-origin", origin), _VARY]


def _granted(said: dict[bytes, bytes]) -> list[Header]:
    granted = [(grant, said[asked]) for asked, grant in _GRANTS.items() if asked in said]
    return [*granted, (b"access-control-max-age", b"%d" % PREFLIGHT_AGE_S)]
