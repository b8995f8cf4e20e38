"""What this dialect asks of the names of series."""

from __future__ import annotations

from typing import Final

from headrace import limits
from headrace.gate import RuleSet

KAIROSDB_RULES: Final = RuleSet(
    name="kairosdb",
    bit=1,
    illegal_character=None,
    tags_min=1,
    tags_max=limits.KAIROSDB_TAGS_MAX,
    name_bytes_max=limits.KAIROSDB_NAME_BYTES_MAX,
)
"""What the gate asks of the names of this room, over HTTP and telnet alike: any characters at all."""
