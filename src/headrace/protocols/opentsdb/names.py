"""What this dialect asks of the names of series."""

from __future__ import annotations

import re
from typing import Final

from headrace import limits
from headrace.gate import RuleSet

ILLEGAL_CHARACTER: Final = re.compile(r"[^\w\-./():,\[\]=#]")
"""Letters and digits of any script and "_" are \\w (OpenTSDB: Tags.validateString takes any Unicode letter); the rest
is the set that Alibaba TSDB documents."""

OPENTSDB_RULES: Final = RuleSet(
    name="opentsdb",
    bit=0,
    illegal_character=ILLEGAL_CHARACTER,
    tags_min=1,
    tags_max=limits.OPENTSDB_TAGS_MAX,
    name_bytes_max=limits.OPENTSDB_NAME_BYTES_MAX,
)
"""What the gate asks of the names of this room, over HTTP and telnet alike."""
