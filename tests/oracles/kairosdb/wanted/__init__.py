"""The differences from KairosDB 1.3.0 that are known and stay, each with its reason."""

from __future__ import annotations

from oracles.comparing.differences import Table
from oracles.comparing.sorts import Case
from oracles.kairosdb.wanted import computing, reading, requests, saving


def table() -> Table[Case]:
    """In the order in which they are tried."""
    return Table[Case]([*reading.ENTRIES, *computing.ENTRIES, *saving.ENTRIES, *requests.ENTRIES])
