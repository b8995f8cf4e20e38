from __future__ import annotations

import socket
import time

from headrace.metrics import Metrics
from headrace.protocols.opentsdb.telling.stats import STATS_KEPT_S, RecentStats, Stat, server_stats


def test_a_line_is_what_put_would_take() -> None:
    assert Stat("a.b", 1364410924, "5", {"room": "x", "host": "h"}).line() == "a.b 1364410924 5 room=x host=h"


def test_the_servers_own_numbers() -> None:
    metrics = Metrics()
    metrics.points_accepted.labels("opentsdb").inc(2**53 - 1)
    metrics.commit.observe(0.001)
    stats = server_stats(metrics)
    [accepted] = [stat for stat in stats if stat.metric == "headrace.points.accepted.total"]
    assert accepted.value == str(2**53 - 1)
    assert accepted.tags == {"room": "opentsdb", "host": socket.gethostname()}
    assert abs(accepted.timestamp_s - time.time()) < 10
    assert {stat.metric for stat in stats} >= {"headrace.commit.seconds.count", "headrace.commit.seconds.sum"}
    assert not [stat for stat in stats if "bucket" in stat.metric or "python" in stat.metric]


def test_recent_numbers_are_gathered_again_when_they_are_old() -> None:
    metrics, now_s = Metrics(), [5.0]
    recent = RecentStats(metrics, lambda: now_s[0])
    first = recent.text()
    assert "headrace.rollup.tasks" in first
    metrics.points_accepted.labels("opentsdb").inc(3)
    now_s[0] += STATS_KEPT_S - 0.01
    assert recent.text() == first
    now_s[0] += 0.02
    assert "headrace.points.accepted.total" in recent.text()
