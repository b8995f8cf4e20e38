"""What is missing of a database, or older than the rest: the opening ends, unless the operator gives it up."""

from __future__ import annotations

import structlog

from headrace.errors import Incomplete

log = structlog.get_logger(__name__)


class Gaps:
    """What an opening does about them."""

    def __init__(self, accept_loss: bool) -> None:
        """accept_loss: the operator has given up what is missing."""
        self.accept_loss = accept_loss
        self.accepted: list[tuple[str, str]] = []
        """(where, what) of each that was given up: the database remembers them."""
        self.known: set[tuple[str, str]] = set()
        """Those that the database remembers from an earlier opening: they need not be given up again."""

    def meet(self, where: str, what: str) -> None:
        """There is one. where: the file or folder, in the data directory.   what: a sentence without a full stop.

        Raises Incomplete, unless it is given up: then the caller goes on without what is missing.
        """
        if (where, what) in self.known:
            return
        if not self.accept_loss:
            raise Incomplete(what, may_be_given_up=True)
        log.error("a loss is accepted", where=where, loss=what)
        self.accepted.append((where, what))


NO_GAPS = Gaps(accept_loss=False)
"""Nothing may be missing."""
