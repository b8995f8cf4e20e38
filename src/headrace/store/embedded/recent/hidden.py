"""Series that a delete of all time has taken from the lists of names, until they are written again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Hidden:
    """A set of ordinals. Never changes: hiding or showing makes another."""

    def __init__(self, series: NDArray[np.uint32]) -> None:
        """series: uint32 ordinals in any order."""
        self._mask = np.zeros(int(series.max(initial=0)) + 1 if len(series) else 0, dtype=np.bool_)
        self._mask[series] = True

    def __bool__(self) -> bool:
        return len(self._mask) > 0

    @property
    def series(self) -> NDArray[np.uint32]:
        """uint32, ascending."""
        return np.flatnonzero(self._mask).astype(np.uint32)

    def holds(self, series: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """For each of the given ordinals whether it is hidden."""
        held = np.zeros(len(series), dtype=np.bool_)
        below = series < len(self._mask)
        held[below] = self._mask[series[below]]
        return held

    def visible(self, series: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Those of the given ordinals that are not hidden."""
        return series[~self.holds(series)] if self else series

    def hiding(self, series: NDArray[np.uint32]) -> Hidden:
        """These and the given ones."""
        return Hidden(np.concatenate([self.series, series]))

    def showing(self, series: NDArray[np.uint32]) -> Hidden:
        """These without the given ones."""
        shown = series[self.holds(series)]
        if not len(shown):
            return self
        mask = self._mask.copy()
        mask[shown] = False
        return Hidden(np.flatnonzero(mask).astype(np.uint32))


NONE_HIDDEN = Hidden(np.empty(0, dtype=np.uint32))
