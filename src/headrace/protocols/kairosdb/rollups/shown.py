"""What is shown of tasks that run: /api/v1/rollups/status, and metrics."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from typing import Any

from headrace import limits
from headrace.metrics import Metrics
from headrace.model.cut_text import cut
from headrace.model.time import SECOND_MS, Clock
from headrace.protocols.kairosdb.rollups.runner import lag_ms
from headrace.protocols.kairosdb.rollups.task import Part
from headrace.protocols.kairosdb.rollups.tasks import Live, Tasks


def status(live: Live, now_ms: int, after_ms: int) -> dict[str, Any]:
    """As KairosDB's RollupTaskStatus, with more of each queried metric: what it is saved as, up to where, how far that
    is behind, and whether its last attempt failed."""
    next_ms = now_ms + round(max(live.due_s - time.monotonic(), 0) * SECOND_MS)
    return {
        "statuses": [_of_part(live, part, now_ms, after_ms) for part in live.task.parts],
        "executing_host": socket.gethostname(),
        "next_scheduled": _date(next_ms),
        "failures": live.failures,
        "backfills_waiting": len(live.progress.backfills),
    }


def _of_part(live: Live, part: Part, now_ms: int, after_ms: int) -> dict[str, Any]:
    known = live.progress.parts[part.digest]
    said = {
        "metric_name": part.metric,
        "last_executed": _date(known.executed_ms) if known.executed_ms else "Never",
        "data_point_count": known.points,
        "execution_length": known.length_ms,
        "last_execution_time": known.executed_ms,
        "save_as": part.save_as,
        "computed_through": known.through_ms,
        "lag_seconds": lag_ms(live, part, now_ms, after_ms) // SECOND_MS,
    }
    if part.digest in live.errors:
        said["error_message"] = live.errors[part.digest]
    return said


def _date(time_ms: int) -> str:
    """As KairosDB writes it, in UTC."""
    return datetime.fromtimestamp(time_ms / SECOND_MS, UTC).strftime("%d %b %Y %I:%M:%S %p")


class RollupMetrics:
    """The metrics of each task that is in force, asked when they are scraped."""

    def __init__(self, metrics: Metrics, tasks: Tasks, clock: Clock) -> None:
        self._metrics = metrics
        self._tasks = tasks
        self._clock = clock
        metrics.rollup_tasks.set_function(lambda: len(tasks.all()))
        metrics.rollup_unreadable.set_function(lambda: len(tasks.unreadable))
        tasks.watch, tasks.forget = self._watch, self._forget

    def failed(self, live: Live) -> None:
        """Count an attempt that failed."""
        self._metrics.rollup_failures.labels(*_labels(live)).inc()

    def _watch(self, live: Live) -> None:
        self._metrics.rollup_failures.labels(*_labels(live))
        self._metrics.rollup_lag.labels(*_labels(live)).set_function(lambda: self._lag_s(live))
        self._metrics.rollup_success.labels(*_labels(live)).set_function(lambda: live.success_ms / SECOND_MS)

    def _forget(self, live: Live) -> None:
        for metric in (self._metrics.rollup_failures, self._metrics.rollup_lag, self._metrics.rollup_success):
            metric.remove(*_labels(live))

    def _lag_s(self, live: Live) -> float:
        now_ms, first_ms = self._clock(), self._tasks.after_ms[0]
        # A scrape holds the event loop.
        known = live.progress.parts
        lags = (live.about_ready_ms(digest, now_ms, first_ms) - known[digest].through_ms for digest in live.plans)
        return max([0, *lags]) / SECOND_MS


def _labels(live: Live) -> tuple[str, str]:
    return live.task.id, cut(live.task.name, limits.ROLLUP_SHOWN_NAME_MAX)
