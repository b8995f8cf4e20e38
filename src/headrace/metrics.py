"""Every metric of GET /metrics, in one table. Each server builds its own, so that several can live in one process.

The hot paths bind their labels once: `accepted = metrics.points_accepted.labels("opentsdb")`, then `accepted.inc(n)`.
"""

from __future__ import annotations

import platform

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from headrace import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of what `Metrics.render` returns: the text format that every Prometheus, VictoriaMetrics and telegraf reads."""

COMMIT_BUCKETS_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""From a fast NVMe drive's fdatasync (0.2 ms) to a disk that has lost its way (10 s), in steps of 2 to 2.5."""

REQUEST_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
"""From what needs no disk to the default of query_timeout_s."""

# Without this every counter comes with a second series that says when it was made: twice the scrape, read by nobody.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        self.points_accepted = Counter(
            "headrace_points_accepted_total", "Points acknowledged as durable.", ["room"], registry=registry
        )
        self.points_refused = Counter(
            "headrace_points_refused_total", "Points refused, by broken rule.", ["room", "reason"], registry=registry
        )
        self.requests = Counter(
            "headrace_requests_total",
            "Requests answered, by class of status (2xx …).",
            ["room", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "headrace_request_seconds",
            "From the last byte of a HTTP request until its answer is written; waiting for the disk included.",
            ["room"],
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.query_seconds = Histogram(
            "headrace_query_seconds",
            "What reading takes of that, in all rooms: waiting for a thread, selecting, computing.",
            buckets=REQUEST_BUCKETS_S,
            registry=registry,
        )
        self.connections = Gauge("headrace_connections", "Open connections, of HTTP and telnet.", registry=registry)
        self.connections_max = Gauge(
            "headrace_connections_max",
            "Connections that may be open; for one more an idle one goes.",
            registry=registry,
        )
        self.requests_denied = Counter(
            "headrace_requests_denied_total",
            "Requests refused for who sent them (tokens, signatures, scopes, web pages), by reason.",
            ["room", "reason"],
            registry=registry,
        )
        self.jwt_refused = Counter(
            "headrace_jwt_refused_total",
            "Signed tokens that were refused, by issuer (none: unknown) and reason.",
            ["issuer", "reason"],
            registry=registry,
        )
        self.jwks_fetches = Counter(
            "headrace_jwks_fetches_total",
            "Fetches of an issuer's keys, by result (ok, failed).",
            ["issuer", "result"],
            registry=registry,
        )
        self.jwks_keys = Gauge(
            "headrace_jwks_keys",
            "Keys of an issuer that are known; 0: its tokens can not be checked.",
            ["issuer"],
            registry=registry,
        )
        self.received = Counter(
            "headrace_received_bytes_total",
            "Bytes read from sockets, as they came; over TLS, once opened.",
            registry=registry,
        )
        self.replies_dropped = Counter(
            "headrace_replies_dropped_bytes_total",
            "Telnet replies thrown away because their reader does not read.",
            registry=registry,
        )
        self.handshakes_failed = Counter(
            "headrace_tls_handshakes_failed_total",
            "Handshakes of TLS that came to nothing, by reason.",
            ["reason"],
            registry=registry,
        )
        self.certificate_expires = Gauge(
            "headrace_tls_certificate_expires_seconds",
            "When the certificate in use expires, seconds since 1970.",
            ["listener"],
            registry=registry,
        )
        self.certificate_stale = Gauge(
            "headrace_tls_certificate_stale",
            "1 while the certificate's files cannot be used as they are now, and the old one is, else 0.",
            ["listener"],
            registry=registry,
        )
        self.queue = Gauge(
            "headrace_queue_points", "Points waiting for the journal's writer, or being written.", registry=registry
        )
        self.commit = Histogram(
            "headrace_commit_seconds",
            "From taking what waits to the end of its fdatasync; the count is the number of commits.",
            buckets=COMMIT_BUCKETS_S,
            registry=registry,
        )
        self.recent = Gauge("headrace_recent_points", "Points in memory, not sealed yet.", registry=registry)
        self.sealed = Gauge("headrace_sealed_points", "Points in segments that count.", registry=registry)
        self.segments = Gauge("headrace_segments", "Segment files that count.", registry=registry)
        self.housekept = Counter(
            "headrace_housekeeping_total", "Seals and merges that were done.", ["task"], registry=registry
        )
        self.grace = Gauge(
            "headrace_grace_bytes", "Of points dropped for their age that can still be brought back.", registry=registry
        )
        self.retention = Gauge(
            "headrace_retention_seconds",
            "How long points are kept that no pattern matches; 0: for ever.",
            registry=registry,
        )
        self.outranked = Gauge(
            "headrace_settings_outranked",
            "Settings in whose place the database says something else, as `POST /api/ttl` does; `/health` names them.",
            registry=registry,
        )
        self.series = Gauge("headrace_series", "Series known.", registry=registry)
        self.series_max = Gauge("headrace_series_max", "Series that the setting series_max allows.", registry=registry)
        self.read_only = Gauge(
            "headrace_store_read_only",
            "1 while the store refuses writes (disk full or failing), else 0.",
            registry=registry,
        )
        self.query_memory = Gauge(
            "headrace_query_memory_bytes", "Held by the points of queries that are under way.", registry=registry
        )
        self.cache = Gauge(
            "headrace_cache_bytes", "Of what questions have read of segments, kept for the next.", registry=registry
        )
        self.cache_lookups = Counter(
            "headrace_cache_lookups_total",
            "Row groups of segments that questions asked for, of those that may be kept: hit or miss.",
            ["result"],
            registry=registry,
        )
        self.memory = Gauge(
            "headrace_memory_bytes",
            "Anonymous memory of the process: what it holds, without pages of files.",
            registry=registry,
        )
        self.memory_max = Gauge(
            "headrace_memory_max_bytes",
            "What that can come to at most, by settings and series that there are, whatever is sent.",
            registry=registry,
        )
        self.disk_free = Gauge(
            "headrace_disk_free_bytes", "Free on the file system of the data directory.", registry=registry
        )
        self.damaged = Gauge(
            "headrace_damaged_files",
            "What is damaged or given up and is not served, ever; of single documents since the start.",
            ["folder"],
            registry=registry,
        )
        self.housekeeping_failures = Counter(
            "headrace_housekeeping_failures_total",
            "Attempts to seal, merge or scrub that failed; each is repeated, and the log has the reason.",
            ["task"],
            registry=registry,
        )
        self.scrub_oldest = Gauge(
            "headrace_scrub_oldest_seconds",
            "Since the file that was read again longest ago was; one that never was counts from when it was written.",
            registry=registry,
        )
        self.scrubbed = Counter(
            "headrace_scrub_bytes_total", "Read again by the scrub, in the background.", registry=registry
        )
        self.scrub_unreadable = Gauge(
            "headrace_scrub_unreadable_files",
            "Files that the disk did not give when they were read again.",
            registry=registry,
        )
        self.rollup_tasks = Gauge(
            "headrace_rollup_tasks", "Roll-up tasks of KairosDB's /api/v1/rollups that run.", registry=registry
        )
        self.rollup_unreadable = Gauge(
            "headrace_rollup_unreadable_tasks",
            "Roll-up tasks that are stored and cannot be read, so that they do not run; the log has the reasons.",
            registry=registry,
        )
        self.rollup_lag = Gauge(
            "headrace_rollup_lag_seconds",
            "From the last computed range of a roll-up to the last one that is over, of the query that is most behind.",
            ["task", "name"],
            registry=registry,
        )
        self.rollup_success = Gauge(
            "headrace_rollup_last_success_seconds",
            "When a roll-up last ran to its end without a failure, seconds since 1970; 0: not since the start.",
            ["task", "name"],
            registry=registry,
        )
        self.rollup_failures = Counter(
            "headrace_rollup_failures_total",
            "Attempts of a roll-up that failed; each is repeated, and status and log have the reason.",
            ["task", "name"],
            registry=registry,
        )
        build = Info("headrace_build", "What is running.", registry=registry)
        build.info({"version": __version__, "python": platform.python_version()})

        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def render(self) -> bytes:
        """The body of an answer to GET /metrics, of type CONTENT_TYPE."""
        return generate_latest(self.registry)
