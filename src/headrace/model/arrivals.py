"""How a point came: the moment the server took it and the UTC offset of the time that its sender wrote, in one int64.

Most points have none; a room whose dialect gives them back packs them (Apollo: ingestUnixTimestamp, timeOffset).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NO_ARRIVAL = -1
"""Of a point whose room does not keep it."""

OFFSET_BITS = 12
"""An offset lies between -23:59 and +23:59, 1439 minutes either way."""

_ZERO_OFFSET = 1 << (OFFSET_BITS - 1)


def pack(ingested_ms: NDArray[np.int64] | int, offset_minutes: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 per offset.

    ingested_ms: ms since 1970 UTC, from 0 to 2^51 - 1; one for all or one each.   offset_minutes: int64[n], east of
    Greenwich positive, from -2048 to 2047.
    """
    return np.asarray(ingested_ms, dtype=np.int64) << OFFSET_BITS | (offset_minutes + _ZERO_OFFSET)


def unpack(arrivals: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """ingested_ms and offset_minutes of each; meaningful where arrivals != NO_ARRIVAL."""
    return arrivals >> OFFSET_BITS, (arrivals & ((1 << OFFSET_BITS) - 1)) - _ZERO_OFFSET
