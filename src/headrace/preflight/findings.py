"""What was found out about a machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """setting: the one that it is about.   what: a sentence for the operator, that names the setting and says what to
    do.   is_error: the server cannot start so; else it can, and the operator should know."""

    setting: str
    what: str
    is_error: bool = True
