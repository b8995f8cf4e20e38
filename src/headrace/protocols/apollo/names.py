"""What this dialect asks of the names of series, how a time series is named for the other rooms, and its GUID."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.gate import RuleSet
from headrace.model.series import SeriesName, series_name

ROOM: Final = "apollo"

APOLLO_RULES: Final = RuleSet(
    name="apollo",
    bit=2,
    illegal_character=None,
    tags_min=3,
    tags_max=4,
    name_bytes_max=limits.APOLLO_NAME_BYTES_MAX,
)
"""What the gate asks of the names of this room: ids of devices and points are any characters at all."""

_MEMBERS: Final = {"": ".pointType", "point": ".id", "metric": ".metric"}
"""What a caller calls the metric's name and the tags of a series."""


def in_words_of_the_pages(refused: Refused, entry: str) -> Refused:
    """What the gate says of a series as the caller knows it. entry: of the body, such as samples[3]."""
    if refused.rule != "name-too-long":
        return Refused(refused.rule, f"{entry}: {refused.detail}")
    where = "deviceId" if refused.at == "device" else entry + _MEMBERS[refused.at]
    return Refused(refused.rule, f"{where}: longer than {limits.APOLLO_NAME_BYTES_MAX} bytes")


UNREGISTERED: Final = "apollo"
"""The metric of samples whose time series is not registered."""

RAW: Final = "Raw"
"""The `metric` of a sample that names none, and of every time series."""

_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_guid(text: str) -> bool:
    """Whether a text is a GUID in its usual spelling. The version digit may be any: the seed page's own has a 9."""
    return _GUID.fullmatch(text) is not None


def name_of(metric_name: str, device: str, point: str | None, series_id: str, metric: str) -> SeriesName:
    """The series under which the store keeps the samples of one `metric` of a time series."""
    tags = {"device": device, "timeseriesId": series_id, "metric": metric}
    if point is not None:
        tags["point"] = point
    return series_name(metric_name, tags)


class SeriesIds:
    """The GUIDs of the points of one database. They derive from device and point, so that servers of one database agree
    without a word; the secret keeps a stranger from making two points with one id."""

    def __init__(self, secret: NDArray[np.uint64]) -> None:
        """secret: the database's own (model.series.SeriesTable.secret)."""
        self._namespace = UUID(
            bytes=blake2b(secret.astype("<u8").tobytes(), digest_size=16, person=b"apollo.point").digest()
        )

    def of(self, device: str, point: str) -> str:
        """In lower case, with dashes."""
        return str(uuid5(self._namespace, f"{len(device)}:{device}{point}"))
