"""Requests denied for who sent them: each is counted, and the log names the first ones of every minute."""

from __future__ import annotations

from typing import Any

import structlog
from prometheus_client import Counter
from starlette.types import Scope

from headrace import limits
from headrace.model.time import MINUTE_MS, Clock

log = structlog.get_logger(__name__)


class Denials:
    """Those of one room. On the event loop."""

    def __init__(self, counter: Counter, room: str, clock: Clock) -> None:
        """counter: Metrics.requests_denied."""
        self._counter = counter
        self._room = room
        self._clock = clock
        self._minute = 0
        self._told = 0
        self._untold = 0

    def add(self, scope: Scope, reason: str, **shown: Any) -> None:
        """reason: the broken rule.   shown: what else the log may show; no secrets."""
        self._counter.labels(self._room, reason).inc()
        minute = self._clock() // MINUTE_MS
        if minute != self._minute:
            self._minute, self._told = minute, 0
        if self._told == limits.DENIALS_TOLD_PER_MINUTE:
            self._untold += 1
            return
        self._told += 1
        client = scope.get("client")
        log.info(
            "request denied",
            room=self._room,
            reason=reason,
            method=scope["method"],
            # As it was sent: decoded, a path may have lines of its own.
            path=scope["raw_path"].decode("ascii", "backslashreplace"),
            client=client[0] if client else None,
            **shown,
            untold_before=self._untold,
        )
        self._untold = 0
