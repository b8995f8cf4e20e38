"""How many series a database may have, and what to tell the sender of one too many: which tags make them."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from headrace import limits
from headrace.errors import Refused
from headrace.rules import Rule

HOUR_S = 3600.0

Named = tuple[str, tuple[tuple[str, str], ...]]
"""A metric and its tags, as in model.series.SeriesName."""


class SeriesLimits:
    """The limits of one table of series: how many in all, and how many new ones within an hour.

    Hours are counted from the first new series after the start, and after an hour has passed from the next one. Any
    thread; `allowed` only under the table's lock.
    """

    def __init__(
        self,
        series_max: int = limits.SERIES_MAX,
        per_hour_max: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """per_hour_max: 0 for no limit.   clock: seconds, never going back."""
        self.series_max = series_max
        self._per_hour_max = per_hour_max
        self._clock = clock
        self._hour_ends_s = float("-inf")
        self._count_at_begin = 0
        self._looking = threading.Lock()
        self._look_again_s = float("-inf")
        self._growing = ""
        self._tags: dict[str, str] = {}

    def allowed(self, count: int) -> int:
        """The count of series up to which new ones are taken now, `count` being there."""
        if not self._per_hour_max:
            return self.series_max
        if self._clock() >= self._hour_ends_s:
            self._hour_ends_s = self._clock() + HOUR_S
            self._count_at_begin = count
        return min(self.series_max, self._count_at_begin + self._per_hour_max)

    def refusal(self, metric: str, count: int, latest: Callable[[], Iterable[Named]]) -> Refused:
        """Why a series of `metric` is one too many, `count` being there (rules "series-limit" and "series-rate").

        latest: the names of those that came last. They are looked at once in limits.SERIES_LOOK_S, whatever comes.
        """
        rule: Rule
        if count >= self.series_max:
            rule, why = "series-limit", f"all {self.series_max} are in use (series_max)"
        else:
            rule, why = "series-rate", f"{self._per_hour_max} have come within an hour (series_per_hour_max)"
        with self._looking:
            if self._clock() >= self._look_again_s:
                self._look_again_s = self._clock() + limits.SERIES_LOOK_S
                self._tags, self._growing = _growth(latest())
        blamed = metric if metric in self._tags else self._growing
        return Refused(
            rule, f'no new series of "{metric}": {why}; of late "{blamed}" has grown by {self._tags[blamed]}'
        )


def _growth(names: Iterable[Named]) -> tuple[dict[str, str], str]:
    """Of each metric its tag keys with the most values, in words; and the metric that most of the names have."""
    values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    series: dict[str, int] = defaultdict(int)
    for metric, tags in names:
        series[metric] += 1
        for key, value in tags:
            values[metric][key].add(value)
    return {metric: _widest(values[metric]) for metric in series}, max(series, key=series.__getitem__)


def _widest(values: dict[str, set[str]]) -> str:
    keys = sorted(values, key=lambda key: (-len(values[key]), key))[: limits.SERIES_BLAMED_TAGS]
    return ", ".join(f'{len(values[key])} values of tag "{key}"' for key in keys) or "its name alone"
