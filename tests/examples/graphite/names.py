"""What this dialect asks of the names of series, and how a line spells one."""

from __future__ import annotations

import re
from typing import Final

from headrace import limits
from headrace.errors import Refused
from headrace.gate import RuleSet
from headrace.model.series import SeriesName, series_name
from headrace.model.spelling import Spelling

ROOM: Final = "graphite"
"""The label of this room's metrics."""

GRAPHITE_RULES: Final = RuleSet(
    name=ROOM,
    bit=4,
    illegal_character=re.compile(r"[\x00-\x20\x7f;]"),
    tags_min=0,
    tags_max=limits.OPENTSDB_TAGS_MAX,
    name_bytes_max=limits.OPENTSDB_NAME_BYTES_MAX,
)
"""What the gate asks of the names of this room: a path alone is a name, and OpenTSDB's readers must be able to ask for
it."""


def read_name(spelling: Spelling) -> SeriesName:
    """The name that `path;tag=value;...` means; spelling: that text, and nothing.

    Raises Refused: rules "metric-character" (no UTF-8), "tag-invalid", "tag-duplicate". The rest is the gate's.
    """
    try:
        metric, *words = spelling[0].decode().split(";")
    except UnicodeDecodeError:
        raise Refused("metric-character", "the name is no UTF-8") from None
    tags: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise Refused("tag-invalid", "what stands behind ; is no tag=value")
        if key in tags:
            raise Refused("tag-duplicate", "a tag stands twice")
        tags[key] = value
    return series_name(metric, tags)
