"""The plan of merging: its bounds hold for every order of arrival, and nothing is written too often."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import pairwise
from math import ceil, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.store.embedded.segments.making.merge_plan import CLOSED, plan_merge

ROW = 1e-7
"""The least size of these tests: a file of one row where the largest holds ten million."""

TIERS = ceil(log(CLOSED / ROW, limits.MERGE_FACTOR)) + 1

sizes = st.lists(st.floats(ROW, 1.0), max_size=40)


@given(sizes)
def test_a_plan_is_of_neighbours_that_fit_into_one_file(files: list[float]) -> None:
    plan = plan_merge(files)
    if plan is not None:
        chosen = files[plan]
        assert 2 <= len(chosen) <= limits.MERGE_INPUTS_MAX
        assert sum(chosen) <= 1
        assert max(chosen) < CLOSED


def merged(files: list[float]) -> tuple[list[float], float]:
    """What is left when all is merged that should be, and how much was written for it."""
    written = 0.0
    while (plan := plan_merge(files)) is not None:
        size = sum(files[plan])
        files = [*files[: plan.start], size, *files[plan.stop :]]
        written += size
    return files, written


def files_max(total: float) -> float:
    """docs/decisions/merging.md: closed files, what is left between two of them, and the tiers behind the last."""
    return 2 * (total / CLOSED) + 1 + (limits.MERGE_FACTOR - 1) * TIERS


@given(sizes)
def test_whatever_is_there_few_files_are_left(files: list[float]) -> None:
    left, _ = merged(files)
    assert sum(left) == pytest.approx(sum(files))
    assert len(left) <= files_max(sum(files))
    # Between closed files nothing is left that has an open neighbour; behind them each tier has too few to be merged.
    closed = [at for at, size in enumerate(left) if size >= CLOSED]
    before = left[: closed[-1] + 1] if closed else []
    assert all(one >= CLOSED or other >= CLOSED for one, other in pairwise(before))


def arriving(sizes: Iterable[float]) -> tuple[int, float, list[float]]:
    """Merge after each file that comes: the most files there ever were, how often a row was written, what is left."""
    files: list[float] = []
    most, written, total = 0, 0.0, 0.0
    for size in sizes:
        files, cost = merged([*files, size])
        written += cost
        total += size
        most = max(most, len(files))
        assert len(files) <= files_max(total)
    return most, written / total, files


ARRIVALS: dict[str, Callable[[random.Random], list[float]]] = {
    "full seals": lambda chance: [1 / 32] * 2000,
    "a few rows each ten minutes for ten years": lambda chance: [60 * ROW] * 10_000,
    "seals by age and by size": lambda chance: [chance.choice([ROW, 1 / 32]) for _ in range(2000)],
    "any size": lambda chance: [10 ** chance.uniform(-7, -1.5) for _ in range(3000)],
    "ever larger": lambda chance: [ROW * 1.01**i for i in range(1200)],
    "large, then a crowd of small ones, again and again": lambda chance: [
        size for _ in range(100) for size in (1 / 32, *[ROW] * 20)
    ],
}


@pytest.mark.parametrize("arrival", ARRIVALS)
def test_few_files_and_few_rewrites_in_every_order_of_arrival(arrival: str) -> None:
    most, rewrites, _ = arriving(ARRIVALS[arrival](random.Random(1)))
    assert rewrites <= TIERS + 1, "each row is written once a tier, and once more between closed files"
    assert most <= 160


def test_full_seals_are_written_three_times_in_all() -> None:
    most, rewrites, left = arriving([1 / 32] * 500)
    assert rewrites <= 2.1
    assert len(left) <= 500 / 16 + 2 * (limits.MERGE_FACTOR - 1)
    assert most <= len(left) + 4


def test_nothing_is_to_be_done_where_little_is() -> None:
    assert plan_merge([]) is None
    assert plan_merge([0.1]) is None
    assert plan_merge([0.1] * (limits.MERGE_FACTOR - 1)) is None
    assert plan_merge([0.1] * limits.MERGE_FACTOR) == slice(0, limits.MERGE_FACTOR)
    assert plan_merge([0.9, 0.6, 1.0]) is None
    assert plan_merge([0.9, 0.01, 0.02, 1.0]) == slice(1, 3)
