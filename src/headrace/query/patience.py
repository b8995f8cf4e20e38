"""For how long a query may run, and whether anybody still waits for it. It is asked between segments and groups."""

from __future__ import annotations

import time

from headrace.errors import Refused, Unavailable


class Patience:
    """One query's. Any thread."""

    def __init__(self, limit_s: float) -> None:
        """The time runs from now on, waiting for a thread included."""
        self._limit_s = limit_s
        self._ends_s = time.monotonic() + limit_s
        self._lost = False

    def lose(self) -> None:
        """Nobody waits for the answer any more."""
        self._lost = True

    def check(self) -> None:
        """Raises Refused (rule "query-time") when the time is over, Unavailable when nobody waits any more."""
        if self._lost:
            raise Unavailable("the client has gone")
        if time.monotonic() > self._ends_s:
            raise Refused("query-time", f"the query took longer than {self._limit_s:g} s")
