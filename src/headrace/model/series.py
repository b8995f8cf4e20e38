"""A series: its name, the 128-bit key that its name decides, and the table from keys to dense ordinals."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNKNOWN = np.uint32(0xFFFFFFFF)
"""Ordinal of a key that the table does not hold."""

Key = tuple[int, int]


class SeriesName(NamedTuple):
    """A metric name and its tags, sorted by tag key; two names with the same tags in another order are equal."""

    metric: str
    tags: tuple[tuple[str, str], ...]


def series_name(metric: str, tags: dict[str, str]) -> SeriesName:
    """The name made of a metric and its tags in any order."""
    return SeriesName(metric, tuple(sorted(tags.items())))
