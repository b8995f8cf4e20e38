"""How many examples a test makes up at random: in the suite as many as it has time for; with TESTS_TIMES=10 ten
times as many, for whoever has it."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import settings

TIMES: Final = int(os.environ.get("TESTS_TIMES", "1"))


def examples(count: int) -> settings:
    """Of Hypothesis, which makes up others in each run."""
    return settings(max_examples=count * TIMES)
