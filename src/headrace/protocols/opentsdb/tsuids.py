"""A tsuid: the hexadecimal name of one series. OpenTSDB makes it of the ids of metric and tags; ours is the 128-bit key
of the series, which only its name and the database decide. And a uid: that of one metric, tag key or tag value."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.errors import Refused
from headrace.model.series import Registry, SeriesName
from headrace.protocols.opentsdb.faults import shown

_WORD_BITS = 64
_TSUID = re.compile(r"[0-9A-Fa-f]{32}")
_OF_ANOTHER_SERVER = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def tsuids_of(keys: NDArray[np.uint64]) -> list[str]:
    """One text of 32 hexadecimal digits, in upper case, for each key of uint64[k, 2]."""
    return [f"{high:016X}{low:016X}" for low, high in keys.tolist()]


def keys_of(tsuids: Sequence[str]) -> NDArray[np.uint64]:
    """uint64[k, 2] of k texts. Raises Refused (rule "tsuid") for one that no series can have."""
    keys = np.empty((len(tsuids), 2), dtype=np.uint64)
    for row, tsuid in enumerate(tsuids):
        if not _TSUID.fullmatch(tsuid):
            raise unknown_tsuid(tsuid)
        number = int(tsuid, 16)
        keys[row] = number & (1 << _WORD_BITS) - 1, number >> _WORD_BITS
    return keys


def is_strange(tsuid: str) -> bool:
    """Whether it is one that OpenTSDB may have given, whose ids have other lengths, and that therefore no series here
    has."""
    return bool(_OF_ANOTHER_SERVER.fullmatch(tsuid)) and not _TSUID.fullmatch(tsuid)


def unknown_tsuid(tsuid: str) -> Refused:
    """No series has it."""
    return Refused("tsuid", f"No such name for 'tsuids': '{shown(tsuid)}'")


def uid_of(table: Registry, kind: str, name: str) -> str:
    """Sixteen hexadecimal digits that only the name, its kind ("metric", "tagk" or "tagv") and the database decide."""
    low, _ = table.key_of(SeriesName(kind, ((name, ""),)))
    return f"{low:016X}"
