"""A seal or merge fails at one call, is done again when more has expired, and the process dies at
another call of the second attempt: at every pair of them all points must be there."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from hunt_disk import Died, Fault
from hunt_files import check_tidy
from hunt_model import Batch, Deletion, Point, Value
from hunt_run import Hunt, hunting
from hunt_steps import NAMES, START_MS

from headrace.model.points import NEVER, Kind

CALLS_MAX = 30
SOON_MS = START_MS + 500
CHANCE = Random(0)


def points(first: int, last: int) -> Batch:
    """Every other one expires soon."""
    return Batch(
        tuple(
            Point(NAMES[at % 3], START_MS + at, Value(Kind.INT64, at), SOON_MS if at % 2 else NEVER)
            for at in range(first, last)
        )
    )


def deletion(at: int) -> Deletion:
    return Deletion((NAMES[at % 3],), START_MS + at, START_MS + at)


def with_something_to(work: str, hunt: Hunt) -> None:
    """Segments, deletes that are pending on them, and points frozen to be sealed or sealed to be merged."""
    with hunt._disk.watching():
        for at in range(0, 8, 2):
            hunt._change([points(at, at + 2)])
            hunt._freeze(CHANCE)
            hunt._store._sealer.take_turn()
            if at == 4:
                hunt._change([deletion(0)])
        hunt._change([deletion(2), points(8, 14)])
        hunt._freeze(CHANCE)
        if work == "merge":
            hunt._store._sealer.take_turn()


def do(work: str, hunt: Hunt) -> None:
    with hunt._disk.watching():
        if work == "merge":
            hunt._merge(Random(0))
        else:
            hunt._store._sealer.take_turn()


@pytest.mark.parametrize("die_at", [3, 6, 9, 12])
@pytest.mark.parametrize("work", ["seal", "merge"])
def test_what_failed_can_be_done_again_however_it_ends(work: str, die_at: int) -> None:
    for fail_at in range(1, CALLS_MAX):
        with hunting(Path("/dev/shm") if Path("/dev/shm").is_dir() else None) as hunt:
            with_something_to(work, hunt)
            hunt._disk.arm(Fault(fail_at, error=errno.EIO))
            do(work, hunt)
            failed = hunt._disk.hits > 0
            hunt._clock.now_ms = SOON_MS
            hunt._disk.arm(None)
            hunt._disk.arm(Fault(die_at))
            with suppress(Died):
                do(work, hunt)
            hunt._crash(CHANCE, power=False)
            hunt._check_log()
            check_tidy(hunt._disk.root, gone=())
            hunt.close()
        if not failed:
            assert fail_at > 10, "nothing was done"
            return
    pytest.fail(f"more than {CALLS_MAX} calls")
