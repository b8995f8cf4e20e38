"""Requests denied for who sent them: each is counted, and the log names the first ones of every minute."""

from __future__ import annotations

from typing import Any

import structlog
from prometheus_client import Counter
from starlette.types import Scope

from headrace.model.few_per_minute import FewPerMinute
from headrace.model.time import Clock
from headrace.transport.senders import sender_of

log = structlog.get_logger(__name__)


class Denials:
    """Those of one room. On the event loop."""

    def __init__(self, counter: Counter, room: str, clock: Clock) -> None:
        """counter: Metrics.requests_denied."""
        self._counter = counter
        self._room = room
        self._few = FewPerMinute(clock)

    def add(self, scope: Scope, reason: str, **shown: Any) -> None:
        """reason: the broken rule.   shown: what else the log may show; no secrets."""
        # As it was sent: decoded, a path may have lines of its own.
        path = scope["raw_path"].decode("ascii", "backslashreplace")
        self._tell("request denied", reason, method=scope["method"], path=path, client=sender_of(scope), **shown)

    def add_line(self, sender: str, line: int, reason: str) -> None:
        """A telnet connection that is closed.   line: its first that was not taken.   reason: the broken rule."""
        self._tell("telnet denied", reason, client=sender, line=line)

    def _tell(self, event: str, reason: str, **shown: Any) -> None:
        self._counter.labels(self._room, reason).inc()
        untold = self._few.tell()
        if untold is not None:
            log.info(event, room=self._room, reason=reason, **shown, untold_before=untold)
