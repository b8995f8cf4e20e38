"""What a source has found, for as long as it holds."""

from __future__ import annotations

import math

from headrace.access.principals import Principal
from headrace.access.sources import Found


def test_it_can_be_ended() -> None:
    found = Found(Principal("one", ()), math.inf)
    assert (found.principal.name, found.until_ms, found.used_ms) == ("one", math.inf, 0)
    found.end()
    assert found.until_ms == 0
