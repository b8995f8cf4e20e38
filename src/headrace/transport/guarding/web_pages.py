"""Web pages that change something behind their reader's back: any page that is open in a browser on this machine, or in
this network, can send requests here. Browsers say so: with Origin (Fetch standard) and Sec-Fetch-Site (Fetch Metadata).

Agents send neither header and notice nothing of this. What a page only reads is left to browsers, which hand no answer
to a page of another origin unless `cors_origins` names it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Final

from headrace.transport.cors import ANY

_OURS: Final = (b"same-origin", b"none")
"""Values of Sec-Fetch-Site: from a page of this server, or typed in by somebody."""


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
