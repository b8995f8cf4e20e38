"""The columns that scanners write, several arrays as one argument from step to step.

From Python each array comes by itself, and the outermost kernel makes the struct: Numba takes 700 ns a call to unpack
one that Python made, and nothing to make one where no references are counted (docs/decisions/put-scanner.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import i64, keys128, named_tuple, u8, u64

SPAN_COLUMNS = 4
"""A row of spans: start and end of the metric as it is spelled, quotes included, and of the tags, braces included."""

TAGS_MAX = 64
"""Tags of one point read here; the search for a tag key that comes twice compares each with each."""


class NameColumns(NamedTuple):
    """What hashing a name takes, and a row for each name.

    secret: uint64[hashing.SECRET_WORDS].   seen: uint64[TAGS_MAX], scratch.   keys: uint64[n, 2].   spans:
    int64[SPAN_COLUMNS * n], where each stands, offsets into the text.
    """

    secret: NDArray[np.uint64]
    seen: NDArray[np.uint64]
    keys: NDArray[np.uint64]
    spans: NDArray[np.int64]


class PointColumns(NamedTuple):
    """A row for each point.

    times: int64[n] ms.   kinds: uint8[n] and bits: int64[n], as model.points.Values has them.
    """

    times: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    bits: NDArray[np.int64]


name_columns = named_tuple(NameColumns, u64, u64, keys128, i64)
point_columns = named_tuple(PointColumns, i64, u8, i64)
