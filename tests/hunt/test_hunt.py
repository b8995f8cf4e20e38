"""The store against a dict, for some thousands of steps; scripts/torture goes on for hours."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from chance import TIMES
from hunt_kills import storm_with_kills
from hunt_run import Failure, run
from hunt_shrink import report, shrink
from hunt_steps import Step, parse, steps
from hunt_threads import storm

STEPS = 100


@pytest.mark.parametrize("seed", range(1, 7 * TIMES))
def test_the_store_holds_what_a_dict_holds(seed: int) -> None:
    hunt(seed)


def test_the_store_holds_what_a_dict_holds_with_a_seed_of_the_day() -> None:
    hunt(random.SystemRandom().randrange(1_000_000_000))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_store_holds_what_a_dict_holds_while_its_threads_run(seed: int) -> None:
    storm(seed, rounds=10)


def test_the_store_holds_what_a_dict_holds_when_its_process_is_killed_again_and_again() -> None:
    storm_with_kills(1, kills=2)


def hunt(seed: int) -> None:
    failure = run(steps(seed, STEPS)).failure
    assert failure is None, report(seed, failure)


def test_steps_can_be_written_down_and_read_again() -> None:
    some = steps(3, 50)
    assert parse(" ".join(map(str, some))) == some


def test_a_failure_is_shrunk_to_the_steps_that_matter() -> None:
    def fails(left: Sequence[Step]) -> Failure | None:
        words = [step.seed for step in left]
        if 7 in words and 31 in words[words.index(7) :]:
            return Failure(words.index(31), AssertionError())
        return None

    assert shrink([Step("write", seed) for seed in range(40)], fails, 10.0) == [Step("write", 7), Step("write", 31)]
