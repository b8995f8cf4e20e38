"""How many series a database may have and how long their names may be, and what to tell the sender of one too many."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from headrace import limits
from headrace.errors import Refused
from headrace.model.cut_text import cut
from headrace.rules import Rule

HOUR_S = 3600.0

Named = tuple[str, tuple[tuple[str, str], ...]]
"""A metric and its tags, as in model.series.SeriesName."""


class Held(NamedTuple):
    """Of the series of a table: how many they are, and the bytes of all their names in canonical form."""

    series: int
    name_bytes: int


class NamesOfRequest:
    """How many bytes the names of new series may still take that one request brings. One thread at a time."""

    def __init__(self) -> None:
        self.bytes_left = limits.REQUEST_NAME_BYTES_MAX


class SeriesLimits:
    """The limits of one table of series and of the bytes of their names: in all, and of new ones within an hour.

    Hours are counted from the first new series after the start, and after an hour has passed from the next one. Any
    thread; `allowed` only under the table's lock.
    """

    def __init__(
        self,
        series_max: int = limits.SERIES_MAX,
        per_hour_max: int = 0,
        clock: Callable[[], float] = time.monotonic,
        bytes_max: int = limits.SERIES_BYTES_MAX,
        bytes_per_hour_max: int = 0,
    ) -> None:
        """per_hour_max, bytes_per_hour_max: 0 for no limit.   clock: seconds, never going back."""
        self.series_max = series_max
        self._per_hour_max = per_hour_max
        self._bytes_max = bytes_max
        self._bytes_per_hour_max = bytes_per_hour_max
        self._clock = clock
        self._hour_ends_s = float("-inf")
        self._at_begin = Held(0, 0)
        self._looking = threading.Lock()
        self._look_again_s = float("-inf")
        self._growing = ""
        self._tags: dict[str, str] = {}

    def allowed(self, held: Held) -> Held:
        """Up to what new series are taken now, `held` being there."""
        most = Held(self.series_max, self._bytes_max)
        if not (self._per_hour_max or self._bytes_per_hour_max):
            return most
        if self._clock() >= self._hour_ends_s:
            self._hour_ends_s = self._clock() + HOUR_S
            self._at_begin = held
        return Held(
            _least(most.series, self._at_begin.series, self._per_hour_max),
            _least(most.name_bytes, self._at_begin.name_bytes, self._bytes_per_hour_max),
        )

    def refusal(
        self,
        metric: str,
        held: Held,
        latest: Callable[[], Iterable[Named]],
        name_bytes: int = 0,
        bytes_left: int = limits.REQUEST_NAME_BYTES_MAX,
    ) -> Refused:
        """Why a series of `metric` is not taken, `held` being there (rules "series-bytes", "request-names",
        "series-limit" and "series-rate").

        latest: the names of those that came last. They are looked at once in limits.SERIES_LOOK_S, whatever comes.
        name_bytes: of its name.   bytes_left: what its request may still bring (NamesOfRequest).
        """
        no_new = f'no new series of "{_shown(metric)}"'
        if name_bytes > limits.SERIES_NAME_BYTES_MAX:
            most = limits.SERIES_NAME_BYTES_MAX
            return Refused("series-bytes", f"{no_new}: metric and tags take {name_bytes} bytes, at most {most} may be")
        if name_bytes > bytes_left:
            most = limits.REQUEST_NAME_BYTES_MAX
            return Refused("request-names", f"{no_new}: the new names of one request take more than {most} bytes")
        rule, why = self._exceeded(held, name_bytes)
        with self._looking:
            if self._clock() >= self._look_again_s:
                self._look_again_s = self._clock() + limits.SERIES_LOOK_S
                self._tags, self._growing = _growth(latest())
        blamed = metric if metric in self._tags else self._growing
        return Refused(rule, f'{no_new}: {why}; of late "{_shown(blamed)}" has grown by {self._tags[blamed]}')

    def _exceeded(self, held: Held, name_bytes: int) -> tuple[Rule, str]:
        """The limit of the database that one more series with such a name would exceed, and its words."""
        bytes_then = held.name_bytes + name_bytes
        if held.series >= self.series_max:
            return "series-limit", f"all {self.series_max} are in use (series_max)"
        if bytes_then > self._bytes_max:
            return "series-limit", f"names would take more than {self._bytes_max} bytes (series_bytes_max)"
        if self._bytes_per_hour_max and bytes_then > self._at_begin.name_bytes + self._bytes_per_hour_max:
            most = f"{self._bytes_per_hour_max} bytes (series_bytes_per_hour_max)"
            return "series-rate", f"new names within an hour would take more than {most}"
        return "series-rate", f"{self._per_hour_max} have come within an hour (series_per_hour_max)"


def _least(most: int, at_begin: int, per_hour_max: int) -> int:
    """Up to what is taken: `most`, or less if so much may come within an hour (0: any)."""
    return min(most, at_begin + per_hour_max) if per_hour_max else most


def _shown(name: str) -> str:
    return cut(name, limits.SERIES_SHOWN_TEXT_MAX, "…")


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
    return ", ".join(f'{len(values[key])} values of tag "{_shown(key)}"' for key in keys) or "its name alone"
