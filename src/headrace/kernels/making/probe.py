"""A kernel that takes and gives one of everything, for proving.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import boolean, f64, float64, int64, kernel, keys128, tuple_of, uint64


@kernel(tuple_of(float64, uint64, int64, boolean)(f64, keys128, tuple_of(f64, uint64), int64, boolean))
def probe(
    values: NDArray[np.float64],
    keys: NDArray[np.uint64],
    pair: tuple[NDArray[np.float64], np.uint64],
    number: int,
    given: bool,
) -> tuple[float, np.uint64, int, bool]:
    """The sum of the values and of the first of the pair, less the number of keys in each row; the rest as it is."""
    copied = np.empty(len(values) + len(pair[0]))
    copied[: len(values)] = values
    copied[len(values) :] = pair[0]
    return copied.sum() - keys.shape[1], pair[1], number, given
