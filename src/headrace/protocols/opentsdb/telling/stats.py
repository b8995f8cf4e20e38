"""The server's own numbers as OpenTSDB's `stats` shows them: one data point each, always with a tag `host`."""

from __future__ import annotations

import socket
import time
from typing import NamedTuple

from headrace.metrics import Metrics

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
