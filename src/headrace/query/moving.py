"""Sums over windows that move along a column. Each is made of its own values alone, so that a large one leaves no error
in the windows after it, as a sum would that slides from window to window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.store.query_memory import Hold, uncounted


def window_sums(
    values: NDArray[np.float64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    hold: Hold = uncounted,
) -> NDArray[np.float64]:
    """out[i] = the sum of values[starts[i] : ends[i]], 0 of none.

    Sums of 1, 2, 4... values from each place on are made of one another, and each window is put together of those that
    it has room for: time goes with the logarithm of the longest window.   hold: counts the bytes that this takes.
    """
    hold(4 * (values.nbytes + starts.nbytes))
    out = np.zeros(len(starts))
    lengths = ends - starts
    at = starts.copy()
    sums = values
    step = 1
    longest = int(lengths.max(initial=0))
    while step <= longest:
        chosen = np.flatnonzero(lengths & step)
        out[chosen] += sums[at[chosen]]
        at[chosen] += step
        if 2 * step <= longest:
            sums = sums[: len(sums) - step] + sums[step:]
        step *= 2
    return out
