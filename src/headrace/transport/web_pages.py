"""Web pages that change something behind their reader's back: any page that is open in a browser on this machine, or in
this network, can send requests here. Browsers say so: with Origin (Fetch standard) and Sec-Fetch-Site (Fetch Metadata).

Agents send neither header and notice nothing of this. What a page only reads is left to browsers, which hand no answer
to a page of another origin unless `cors_origins` names it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

from starlette.types import Receive, Scope, Send

from headrace.errors import Refused
from headrace.transport import Room
from headrace.transport.cors import ANY
from headrace.transport.denials import Denials

_READS: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing by themselves."""

_OURS: Final = (b"same-origin", b"none")
"""Values of Sec-Fetch-Site: from a page of this server, or typed in by somebody."""

_FOREIGN: Final = "headrace.foreign_page"
"""In a scope: why its request counts as one of a foreign page."""


class Pages:
    """Which pages are ours."""

    def __init__(self, cors_origins: Sequence[str], host_names: Iterable[str]) -> None:
        """cors_origins: see CorsRouter; their pages may do what agents may.   host_names: by which a browser reaches
        this server, besides the machine's own name, localhost and addresses."""
        self._any = ANY in cors_origins
        self._origins = frozenset(origin.encode() for origin in cors_origins)
        machine = socket.gethostname().lower()
        self._names = frozenset(("localhost", machine, machine.partition(".")[0], *map(str.lower, host_names)))

    def foreign(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Why a request with these headers (names in lower case) comes from a foreign page; None if it does not."""
        said = dict(headers)
        origin, site = said.get(b"origin"), said.get(b"sec-fetch-site")
        if (origin is None and site is None) or self._any or origin in self._origins:
            return None
        shown = ascii((origin or b"").decode("latin-1"))
        if site is not None and site not in _OURS:
            return f"a web page of another site ({shown})" if origin else "a web page of another site"
        host = said.get(b"host", b"").lower()
        if origin is not None and origin.lower().partition(b"://")[2] != host:
            return f"a web page of another origin ({shown})"
        if not self._is_ours(host.decode("latin-1")):
            # A page may have its own name lead to our address (DNS rebinding): to the browser we are its server then.
            return f"a web page that reaches this server by a name it does not have ({host.decode('latin-1')!a})"
        return None

    def _is_ours(self, host: str) -> bool:
        """host: name and maybe port, as in the header. Nobody can have an address lead elsewhere."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class _Guarded:
    """The app of a room behind the guard."""

    room: Room
    pages: Pages
    denials: Denials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises Refused as refuse_pages does."""
        foreign = self.pages.foreign(scope["headers"])
        if foreign is not None:
            scope[_FOREIGN] = foreign, self.denials
            asks = scope["method"] == "POST" and self.room.is_question(scope["path"])
            if scope["method"] not in _READS and not asks:
                refuse_pages(scope)
        await self.room.app(scope, receive, send)


def guarded(room: Room, pages: Pages, denials: Denials) -> Room:
    """The room, whose app meets no request of a foreign page that has a method for changes, but for Room.is_question. A
    GET or question that changes something after all has to ask refuse_pages."""
    return replace(room, app=_Guarded(room, pages, denials))


def refuse_pages(scope: Scope) -> None:
    """Called where a request is about to change something. Raises Refused (rule "web-page") when it comes from a
    foreign page, which is counted and logged."""
    if (found := scope.get(_FOREIGN)) is not None:
        foreign, denials = found
        denials.add(scope, "web-page", page=foreign)
        raise Refused("web-page", f"{foreign} may not change anything here: see the settings cors_origins, host_names")
