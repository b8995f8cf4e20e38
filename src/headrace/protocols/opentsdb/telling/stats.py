"""The server's own numbers as OpenTSDB's `stats` shows them: one data point each, always with a tag `host`."""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from headrace.metrics import Metrics

STATS_KEPT_S: Final = 1.0
"""A connection that asks more often than that hears the same again. Gathering takes 2 ms of the event loop, and every
telnet connection may ask."""

_OURS = "headrace_"


class Stat(NamedTuple):
    """One number. timestamp_s: seconds since 1970 UTC."""

    metric: str
    timestamp_s: int
    value: str
    tags: dict[str, str]

    def line(self) -> str:
        """As telnet shows it: metric, time, value and tags, without the word `put`."""
        tags = " ".join(f"{key}={value}" for key, value in self.tags.items())
        return f"{self.metric} {self.timestamp_s} {self.value} {tags}"


def server_stats(metrics: Metrics) -> list[Stat]:
    """Every number of GET /metrics that is ours, histograms without their buckets; names with dots, as OpenTSDB's
    are."""
    now_s = int(time.time())
    host = socket.gethostname()
    return [
        Stat(sample.name.replace("_", "."), now_s, f"{sample.value:.17g}", {**sample.labels, "host": host})
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith(_OURS) and "le" not in sample.labels
    ]


class RecentStats:
    """The answer to telnet's `stats`, at most STATS_KEPT_S old. clock: seconds that never go back."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._text = ""
        self._until_s = -math.inf

    def text(self) -> str:
        """A line for each number."""
        now_s = self._clock()
        if now_s >= self._until_s:
            self._text = "".join(f"{stat.line()}\n" for stat in server_stats(self._metrics))
            self._until_s = now_s + STATS_KEPT_S
        return self._text
