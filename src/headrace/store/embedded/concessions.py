"""What the operator says of a database that the server by itself would rather doubt."""

from __future__ import annotations

from typing import Final, NamedTuple


class Concessions(NamedTuple):
    """accept_loss: what is missing is given up, and remembered as lost.   believe_clock: the clock is right, however
    far it is ahead of all that the database knows."""

    accept_loss: bool = False
    believe_clock: bool = False


NO_CONCESSIONS: Final = Concessions()
