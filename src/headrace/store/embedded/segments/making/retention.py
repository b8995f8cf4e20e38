"""Retention: how long the points of a metric are kept, by rules that the operator set (docs/operations.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.config import RETENTION_DEFAULT
from headrace.model.time import ALL_TIME
from headrace.settings.quantities import parse_duration_ms
from headrace.store.rows import MetricIds

MetricNames = Callable[[NDArray[np.int64]], NDArray[np.object_]]
"""The names (str) of metric ids."""

FOR_EVER = ALL_TIME.start_ms
"""Where nothing is too old: earlier than any point."""


class Retention:
    """Rules that never change; others are other rules. What they hid but was not dropped yet comes back when later ones
    allow it."""

    def __init__(
        self,
        rules: Mapping[str, str],
        metric_ids: MetricIds,
        metric_names: MetricNames,
        default_ms: int | None = None,
    ) -> None:
        """rules: setting `retention`, sound: pattern of metric names -> duration, the first that matches holds.
        default_ms: in place of the default that they name."""
        ages = {pattern: parse_duration_ms(duration) for pattern, duration in rules.items()}
        default = ages.pop(RETENTION_DEFAULT, 0)
        self._default_ms = default if default_ms is None else default_ms
        self._patterns = [(_compiled(pattern), age_ms) for pattern, age_ms in ages.items()]
        self._metric_ids = metric_ids
        self._metric_names = metric_names
        finite = [age_ms for age_ms in (self._default_ms, *ages.values()) if age_ms]
        self._shortest_ms = min(finite, default=0)

    def latest_cut_ms(self, now_ms: int) -> int:
        """No rule calls a point at this time or later too old."""
        return now_ms - self._shortest_ms if self._shortest_ms else FOR_EVER

    def oldest_ms(self, series: NDArray[np.uint32], now_ms: int) -> NDArray[np.int64]:
        """int64 per given series: its points before this time are out."""
        if not self._patterns:
            return np.full(len(series), _cut(self._default_ms, now_ms))
        metrics, of_series = np.unique(self._metric_ids(series), return_inverse=True)
        return self.oldest_ms_of_metrics(metrics.astype(np.int64), now_ms)[of_series]

    def oldest_ms_of_metrics(self, metric_ids: NDArray[np.int64], now_ms: int) -> NDArray[np.int64]:
        """int64 per given metric id: its points before this time are out."""
        names = self._metric_names(metric_ids).tolist()
        return np.array([_cut(self._age_ms(name), now_ms) for name in names], dtype=np.int64)

    def _age_ms(self, metric: str) -> int:
        for pattern, age_ms in self._patterns:
            if pattern.fullmatch(metric):
                return age_ms
        return self._default_ms


def _no_names(_: NDArray[Any]) -> NDArray[Any]:
    raise AssertionError("no rule asks for the name of a metric")


NO_RETENTION = Retention({}, _no_names, _no_names)


def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` stands for any characters, all else for itself."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def _cut(age_ms: int, now_ms: int) -> int:
    return max(now_ms - age_ms, FOR_EVER) if age_ms else FOR_EVER
