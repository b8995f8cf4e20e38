"""The table of series for whoever may not write all metrics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.access.bounded.patterns import Patterns
from headrace.errors import Refused
from headrace.model.series import UNKNOWN, Key, Registry, SeriesName
from headrace.model.series_limits import NamesOfRequest


class BoundedTable:
    """See model.series.Registry. To the gate no series of other metrics satisfies any rules, and none can be
    registered: so it refuses their points one by one and by name, as it does all others."""

    def __init__(self, table: Registry, writes: Patterns, principal: str) -> None:
        """writes: of these metrics points may be written.   principal: for words about it."""
        self._table = table
        self._writes = writes
        self._principal = principal

    @property
    def secret(self) -> NDArray[np.uint64]:
        """See Registry."""
        return self._table.secret

    def __len__(self) -> int:
        """See Registry."""
        return len(self._table)

    def key_of(self, name: SeriesName) -> Key:
        """See Registry."""
        return self._table.key_of(name)

    def names(self, ordinals: NDArray[np.uint32]) -> list[SeriesName]:
        """See Registry."""
        return self._table.names(ordinals)

    def lookup(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """See Registry. No rule sets for the series of other metrics."""
        ordinals, satisfied = self._table.lookup(keys)
        known = np.flatnonzero(ordinals != UNKNOWN)
        satisfied[known[~self._writes.covering(ordinals[known], self._table)]] = 0
        return ordinals, satisfied

    def register(self, key: Key, name: SeriesName, rule_bit: int, request: NamesOfRequest | None = None) -> int:
        """See Registry. Raises Refused (rule "permission-missing") for another metric."""
        if not self._writes.cover(name.metric):
            raise Refused("permission-missing", f"{self._principal} may not write this metric")
        return self._table.register(key, name, rule_bit, request)

    def register_many(
        self,
        keys: NDArray[np.uint64],
        lengths: NDArray[np.uint32],
        heap: NDArray[np.uint8],
        rule_bit: int,
        request: NamesOfRequest | None = None,
    ) -> NDArray[np.uint32]:
        """See Registry. None, so that each comes by its name."""
        return np.full(len(keys), UNKNOWN, dtype=np.uint32)
