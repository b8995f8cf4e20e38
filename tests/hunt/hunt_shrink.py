"""From a failure to the few steps that show it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence

from hunt_run import Failure
from hunt_steps import Step

Fails = Callable[[Sequence[Step]], Failure | None]


def shrink(steps: Sequence[Step], fails: Fails, limit_s: float) -> list[Step]:
    """Leave steps out as long as what remains still fails, in pieces of half down to one; at most for limit_s. The
    failure may turn into another one on the way."""
    ends_s = time.monotonic() + limit_s
    left = list(steps)
    size = len(left) // 2
    while size:
        at = 0
        while at < len(left):
            if time.monotonic() > ends_s:
                return left
            fewer = left[:at] + left[at + size :]
            failure = fails(fewer)
            if failure is None:
                at += size
            else:
                left = fewer[: failure.step + 1]
        size //= 2
    return left


def report(seed: int, failure: Failure) -> str:
    """What a finder needs to find it again."""
    trace = "".join(traceback.format_exception(failure.error))
    return f"{trace}\nseed {seed} fails at step {failure.step}; to see it again: scripts/torture store --seed {seed}"
