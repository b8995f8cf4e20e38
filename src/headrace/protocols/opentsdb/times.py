"""Seconds or milliseconds: the one rule by which this dialect reads a number as a time (Alibaba TSDB, "Write data",
2018)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

SECONDS_MIN: Final = 4_284_768
"""The least legal time. What lies below is neither seconds nor milliseconds."""

SECONDS_MAX: Final = 9_999_999_999
"""At most ten digits are seconds, though OpenTSDB 2.5 takes those beyond 32 bits for milliseconds."""

MILLISECONDS_MAX: Final = 9_999_999_999_999
"""The end of the legal range: 2286-11-20T17:46:39.999Z."""


def is_legal(stamp: int) -> bool:
    """Whether the number is a time of this dialect, in seconds or in milliseconds."""
    return SECONDS_MIN <= stamp <= MILLISECONDS_MAX


def to_ms(stamp: int) -> int:
    """Milliseconds since 1970 UTC of a legal number."""
    return stamp * 1000 if stamp <= SECONDS_MAX else stamp


def all_to_ms(stamps: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """int64[n] ms of int64[n] numbers, or None when one of them is not legal."""
    if len(stamps) and (stamps.min() < SECONDS_MIN or stamps.max() > MILLISECONDS_MAX):
        return None
    return np.where(stamps <= SECONDS_MAX, stamps * 1000, stamps)
