"""Web pages that change something behind their reader's back, or read it: any page that is open in a browser on this
machine, or in this network, can send requests here. Browsers say so: with Origin (Fetch standard) and Sec-Fetch-Site
(Fetch Metadata), the latter to loopback and over TLS alone; else there is Referer, which a page may leave out, and what
they call themselves, User-Agent.

Agents do not speak so and notice nothing of this. What a page only reads is mostly left to browsers, which hand no
answer to a page of another origin unless `cors_origins` names it. They do not see a page whose name leads to us (DNS
rebinding), and a script may come from anywhere: those are refused here.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from headrace.access.deeds import READING_METHODS
from headrace.transport.cors import ANY

_OURS: Final = (b"same-origin", b"none")
"""Values of Sec-Fetch-Site: from a page of this server, or typed in by somebody."""

_NOT_PUBLIC: Final = (".local", ".localhost", ".internal", ".home.arpa", ".test")
"""Ends of names that the public DNS has not (RFC 6761, 6762, 8375; ICANN keeps internal): no page has one."""


@dataclass(frozen=True, slots=True)
class Page:
    """Why a request may not do something, since a foreign page may have sent it; None: it may, as far as pages go.

    changes: change anything.   reads: read.   reads_unasked: read where nobody is asked for credentials; where they
    are, a browser has none for a page's own name.   scripts: read what is a script, that any page may include.
    """

    changes: str | None = None
    reads: str | None = None
    reads_unasked: str | None = None
    scripts: str | None = None


NO_PAGE: Final = Page()
"""Of agents, and of pages that may do what agents may."""


class Pages:
    """Which pages are ours."""

    def __init__(self, cors_origins: Sequence[str], host_names: Iterable[str]) -> None:
        """cors_origins: see CorsRouter; their pages may do what agents may.   host_names: by which a browser reaches
        this server, besides the machine's own name, localhost and addresses."""
        self._any = ANY in cors_origins
        self._origins = frozenset(origin.encode() for origin in cors_origins)
        machine = socket.gethostname().lower()
        self._names = frozenset(("localhost", machine, machine.partition(".")[0], *map(str.lower, host_names)))

    def page_of(self, method: str, headers: Iterable[tuple[bytes, bytes]]) -> Page:
        """What is known of the page behind a request with these headers (names in lower case)."""
        said = dict(headers)
        if self._any or not _is_of_a_browser(said) or said.get(b"origin") in self._origins:
            return NO_PAGE
        changes = self._foreign(said)
        if changes is None and method in READING_METHODS and not _says_it_is_ours(said):
            changes = "a browser that does not say which page asks"
        if _origin_of_referer(said) in self._origins:
            return Page(changes)
        site, mode = said.get(b"sec-fetch-site", b"none"), said.get(b"sec-fetch-mode")
        included = "a web page that includes this from another site"
        return Page(
            changes,
            reads=included if site not in _OURS and mode == b"no-cors" else None,
            reads_unasked=None if self._may_be_read(said) else self._rebound(said),
            scripts=None if _says_it_is_ours(said) else included,
        )

    def _foreign(self, said: Mapping[bytes, bytes]) -> str | None:
        """Why a request is from a foreign page, by Origin, Sec-Fetch-Site and Host; None if it is not."""
        origin, site = said.get(b"origin"), said.get(b"sec-fetch-site")
        shown = ascii((origin or b"").decode("latin-1"))
        if site is not None and site not in _OURS:
            return f"a web page of another site ({shown})" if origin else "a web page of another site"
        host = said.get(b"host", b"").lower()
        if origin is not None and origin.lower().partition(b"://")[2] != host:
            return f"a web page of another origin ({shown})"
        return None if self._is_ours(host.decode("latin-1")) else self._rebound(said)

    def _rebound(self, said: Mapping[bytes, bytes]) -> str:
        # A page may have its own name lead to our address (DNS rebinding): to the browser we are its server then.
        host = said.get(b"host", b"").lower().decode("latin-1")
        return f"a web page that reaches this server by a name it does not have ({host!a})"

    def _may_be_read(self, said: Mapping[bytes, bytes]) -> bool:
        """Whether no page of a stranger can have this Host: proxies such as Grafana's hand on what a browser said to
        them, with the name by which they know us."""
        host = said.get(b"host", b"").lower().decode("latin-1")
        name = _name_of(host)
        return self._is_ours(host) or "." not in name or name.endswith(_NOT_PUBLIC)

    def _is_ours(self, host: str) -> bool:
        """host: name and maybe port, as in the header. Nobody can have an address lead elsewhere."""
        name = _name_of(host)
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def _name_of(host: str) -> str:
    """Of the header Host, without the port."""
    name, _, port = host.rpartition(":")
    return name if port.isdigit() and not host.endswith("]") else host


def _is_of_a_browser(said: Mapping[bytes, bytes]) -> bool:
    if b"origin" in said or b"sec-fetch-site" in said or b"referer" in said:
        return True
    agent = said.get(b"user-agent", b"")
    if agent.startswith(b"Mozilla/"):
        return b"PowerShell" not in agent
    # Firefox lets a script change the name of the agent. Node's own fetch says that it speaks every language.
    return said.get(b"accept-language", b"*") != b"*"


def _says_it_is_ours(said: Mapping[bytes, bytes]) -> bool:
    """Whether it is certain that no page of another origin asks, but for one whose name leads here."""
    site = said.get(b"sec-fetch-site")
    if site is not None:
        return site in _OURS
    origin = said.get(b"origin") or _origin_of_referer(said)
    return origin.lower().partition(b"://")[2] == said.get(b"host", b"").lower()


def _origin_of_referer(said: Mapping[bytes, bytes]) -> bytes:
    """b"" without one. No script can set it, only leave it out."""
    return b"/".join(said.get(b"referer", b"").split(b"/", 3)[:3])
