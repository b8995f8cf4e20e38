from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from headrace import __version__
from headrace.metrics import COMMIT_BUCKETS_S, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def test_what_is_counted_is_rendered() -> None:
    metrics = Metrics()
    metrics.points_accepted.labels("opentsdb").inc(1000)
    metrics.points_refused.labels("opentsdb", "metric-character").inc()
    metrics.requests.labels("opentsdb", "2xx").inc()
    metrics.received.inc(77)
    metrics.commit.observe(0.003)
    metrics.recent.set(5)
    metrics.read_only.set(1)
    found = samples(metrics)
    room = ("room", "opentsdb")
    assert found["headrace_points_accepted_total", (room,)] == 1000
    assert found["headrace_points_refused_total", (("reason", "metric-character"), room)] == 1
    assert found["headrace_requests_total", (room, ("status", "2xx"))] == 1
    assert found["headrace_received_bytes_total", ()] == 77
    assert found["headrace_recent_points", ()] == 5
    assert found["headrace_store_read_only", ()] == 1
    assert found["headrace_commit_seconds_count", ()] == 1
    assert found["headrace_commit_seconds_bucket", (("le", "0.002"),)] == 0
    assert found["headrace_commit_seconds_bucket", (("le", "0.005"),)] == 1


def test_commit_buckets_reach_from_fast_drives_to_lost_ones() -> None:
    assert (COMMIT_BUCKETS_S[0], COMMIT_BUCKETS_S[-1]) == (0.0002, 10.0)
    assert list(COMMIT_BUCKETS_S) == sorted(COMMIT_BUCKETS_S)


def test_two_servers_in_one_process_count_apart() -> None:
    first, second = Metrics(), Metrics()
    first.received.inc()
    assert samples(first)["headrace_received_bytes_total", ()] == 1
    assert samples(second)["headrace_received_bytes_total", ()] == 0


def test_the_process_and_the_build_are_described() -> None:
    found = samples(Metrics())
    assert found["process_resident_memory_bytes", ()] > 1_000_000
    assert ("python_gc_collections_total", (("generation", "2"),)) in found
    (build,) = [dict(labels) for name, labels in found if name == "headrace_build_info"]
    assert build["version"] == __version__


def test_no_series_of_creation_times() -> None:
    metrics = Metrics()
    metrics.points_accepted.labels("opentsdb").inc()
    assert b"_created" not in metrics.render()
