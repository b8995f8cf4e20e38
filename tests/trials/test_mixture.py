"""Whatever is sent, the memory stays within the sum that docs/operations.md gives."""

from __future__ import annotations

from pathlib import Path

from mixture import SENDERS, Watched, all_at_once, limited
from serverprocess import running

from headrace.config import Settings
from headrace.memory_bound import most

BODY_BYTES = 8 * 1024 * 1024
FLAGS = ("--body-bytes-max", str(BODY_BYTES), "--seal-points", "300000", "--query-memory-bytes", "64000000")


def test_a_mixture_of_all_that_is_dear_stays_within_the_stated_memory(tmp_path: Path) -> None:
    stated = most(Settings(body_bytes_max=BODY_BYTES, seal_points=300_000, query_memory_bytes=64_000_000))
    with running(tmp_path / "data", *FLAGS) as server, limited(server, stated), Watched(server) as watched:
        heard = all_at_once(server, 8, BODY_BYTES, stuck_readers=20)
        assert server.get("/health")[0] == 200, "it lives, and takes writes"
    assert watched.most_bytes < stated
    assert {status for _, status in heard} <= {200, 204, 400, 413, 503}, heard
    assert {name for name, status in heard if status in (200, 204, 400)} >= {make.__name__ for make in SENDERS}, heard
