"""What is behind one listener: the same rooms may be there for some connections, and not for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.transport import LineSessions, Listener
from headrace.transport.routing import Router
from headrace.transport.state import ShortWay
from headrace.transport.tls.failures import FailedHandshakes


@dataclass(frozen=True, slots=True)
class Doors:
    """Where what is sent to a listener goes.

    router: to its rooms.   short_ways: by target, of its rooms.   sessions: makes its telnet sessions; None: telnet is
    not spoken there.   failed_handshakes: told of those of TLS.
    """

    listener: Listener
    router: Router
    short_ways: Mapping[bytes, ShortWay]
    sessions: LineSessions | None
    failed_handshakes: FailedHandshakes
