"""Metrics that a grant names by patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace import limits
from headrace.model.series import FIELD_SEPARATOR, Registry


class Patterns:
    """`*` stands for any characters, all else for itself. Who is granted a metric is granted all of its fields. Any
    thread. Made by `patterns_of`."""

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = tuple(patterns)
        self.beginnings: Final = _beginnings(patterns)
        """Each metric begins as one of these, none of which begins as another one."""
        words = "|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns)
        # Without a pattern it is one that no name matches.
        self._covers = re.compile(f"(?:{words or '(?!)'})(?:{FIELD_SEPARATOR}.*)?", re.DOTALL).fullmatch
        self._known = _NOTHING

    def cover(self, metric: str) -> bool:
        """Whether the metric is among them. A name that was lost with its record is not."""
        return bool(metric) and self._covers(metric) is not None

    def matching(self, metrics: pa.Array) -> NDArray[np.bool_]:
        """bool[n]: which of these names (Arrow strings) are among them."""
        return np.fromiter(map(self.cover, metrics.to_pylist()), dtype=np.bool_, count=len(metrics))

    def covering(self, series: NDArray[np.uint32], table: Registry) -> NDArray[np.bool_]:
        """bool[n]: which of these ordinals of the table, always the same one, belong to one of the metrics. Each is
        looked at by name once."""
        highest = int(series.max(initial=0))
        known = self._known
        if highest >= len(known):
            known = np.zeros(max(highest + 1, 2 * len(known)), dtype=np.uint8)
            known[: len(self._known)] = self._known
            self._known = known
        new = np.unique(series[known[series] == _UNSEEN])
        known[new] = [_COVERED if self.cover(name.metric) else _NOT_COVERED for name in table.names(new)]
        found: NDArray[np.bool_] = known[series] == _COVERED
        return found


_UNSEEN, _COVERED, _NOT_COVERED = 0, 1, 2
_NOTHING: Final = np.zeros(0, dtype=np.uint8)


@lru_cache(limits.METRIC_PATTERNS_KEPT)
def patterns_of(patterns: frozenset[str]) -> Patterns:
    """The same one for the same patterns, as what it has seen is worth keeping."""
    return Patterns(sorted(patterns))


def _beginnings(patterns: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for beginning in sorted(pattern.partition("*")[0] for pattern in patterns):
        if not found or not beginning.startswith(found[-1]):
            found.append(beginning)
    return tuple(found)
