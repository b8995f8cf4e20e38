"""/api/stats/jvm, threads and region_clients: the members that OpenTSDB 2.4.1 answers, with figures of this process."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from real_room import RealRoom, answered

from headrace.protocols.opentsdb.telling.process import process_figures, threads


async def test_jvm(tsd: RealRoom) -> None:
    found = answered(await tsd.get("stats/jvm"))
    assert set(found) == {"memory", "os", "runtime", "pools", "gc"}
    assert set(found["memory"]) == {"heapMemoryUsage", "nonHeapMemoryUsage", "objectsPendingFinalization"}
    heap = found["memory"]["heapMemoryUsage"]
    assert set(heap) == {"init", "used", "committed", "max"}
    assert 10_000_000 < heap["used"] < heap["committed"]
    assert set(found["runtime"]) == {"startTime", "uptime", "vmName", "vmVendor", "vmVersion"}
    assert set(found["gc"]["generation2"]) == {"collectionCount", "collectionTime"}


def test_more_memory_shows() -> None:
    def used() -> int:
        return int(process_figures()["memory"]["heapMemoryUsage"]["used"])

    before = used()
    more = b"\1" * 50_000_000
    assert 40_000_000 < used() - before < 80_000_000, len(more)


async def test_threads(tsd: RealRoom) -> None:
    found = answered(await tsd.get("stats/threads"))
    assert {frozenset(one) for one in found} == {
        frozenset(("threadID", "name", "state", "interrupted", "priority", "stack"))
    }
    [main] = [one for one in found if one["threadID"] == os.getpid()]
    assert main["state"] == "RUNNABLE"
    assert any("threads:" in call for call in main["stack"])


def by_name(name: str) -> dict[str, Any]:
    [found] = [one for one in threads() if one["name"] == name]
    return found


def test_a_thread_that_waits() -> None:
    ended = threading.Event()
    thread = threading.Thread(target=ended.wait, name="waits for the test")
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while (found := by_name(thread.name))["state"] != "WAITING":  # it has only just begun
            assert time.monotonic() < deadline
        assert found["threadID"] == thread.native_id
        assert any(call.startswith("threading.wait:") for call in found["stack"])
    finally:
        ended.set()
        thread.join()


async def test_there_are_no_regions(tsd: RealRoom) -> None:
    assert answered(await tsd.get("stats/region_clients")) == []


async def test_all_else_below_stats_is_stats(tsd: RealRoom) -> None:
    names = {stat["metric"] for stat in answered(await tsd.get("stats/nix"))}
    assert names == {stat["metric"] for stat in answered(await tsd.post("stats", {}))}
