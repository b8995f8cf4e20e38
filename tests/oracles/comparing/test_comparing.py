"""The table and the loop judge as they say: against a pair of servers that are functions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random

from oracles.comparing.campaign import run
from oracles.comparing.differences import Difference, Table, Wanted


class Adding:
    """The real server adds one to a number; ours does as `ours` says."""

    def __init__(self, ours: dict[int, int], *entries: Wanted[int]) -> None:
        self.table = Table(entries)
        self._ours = ours

    def cases(self, random: Random) -> Iterator[int]:
        return itertools.count()

    def kind(self, case: int) -> str:
        return "even" if case % 2 == 0 else "odd"

    def differences(self, case: int) -> list[Difference]:
        real, ours = case + 1, self._ours.get(case, case + 1)
        return [] if real == ours else [Difference("sum", f"{real} | {ours}", real, ours)]

    def minimised(self, case: int, difference: Difference) -> str:
        return f"case {case}: {difference}"


SEVEN = Wanted[int]("seven", "seven is lucky", lambda case, found: found.ours == 7, in_short_run=True)
EIGHT = Wanted[int]("eight", "eight is rare", lambda case, found: found.ours == 8)


def test_servers_that_agree_are_clean() -> None:
    outcome = run(Adding({}), 10, seed=1)
    assert outcome.is_clean
    assert outcome.cases == {"even": 5, "odd": 5}


def test_a_difference_that_no_entry_explains_fails_and_is_shown() -> None:
    outcome = run(Adding({3: 7, 5: 9}, SEVEN), 10, seed=1)
    assert not outcome.is_clean
    assert outcome.differing == 2
    assert outcome.unexplained == {"odd sum": 1}
    assert outcome.shown == ["case 5: sum: 6 | 9"]


def test_an_entry_that_is_not_met_fails() -> None:
    outcome = run(Adding({}, SEVEN, EIGHT), 10, seed=1)
    assert outcome.never_met == ["seven", "eight"]
    assert not outcome.is_clean


def test_the_short_run_expects_only_what_is_often_met() -> None:
    assert run(Adding({3: 7}, SEVEN, EIGHT), 10, seed=1, short=True).is_clean
    assert run(Adding({}, SEVEN, EIGHT), 10, seed=1, short=True).never_met == ["seven"]


def test_entries_count_the_cases_that_met_them() -> None:
    oracle = Adding({3: 7, 4: 7}, SEVEN)
    assert run(oracle, 10, seed=1).is_clean
    assert oracle.table.met["seven"] == 2
