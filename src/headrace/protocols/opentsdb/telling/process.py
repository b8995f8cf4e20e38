"""/api/stats/jvm, threads and region_clients: figures of our own process where OpenTSDB shows those of its JVM, in the
shapes that its documentation gives them."""

from __future__ import annotations

import gc
import os
import platform
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any, Final

STARTED_MS: Final = time.time_ns() // 1_000_000
"""About when the process began: when this module was loaded."""

UNDEFINED: Final = -1
"""Of a size or duration that is not known (java.lang.management.MemoryUsage)."""

STATES: Final = {"R": "RUNNABLE", "D": "BLOCKED", "T": "BLOCKED", "Z": "TERMINATED", "X": "TERMINATED"}
"""Of a thread, by the kernel's letter (proc(5)); all others wait."""

_TASKS: Final = Path("/proc/self/task")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def process_figures() -> dict[str, Any]:
    """The answer of /api/stats/jvm. The heap is what the process holds of its own in memory, the rest what it shares
    with files: programs, and segments that are read. There is no pool and no time of a collection to be told."""
    size, resident, shared, *_ = (int(pages) * _PAGE_BYTES for pages in Path("/proc/self/statm").read_text().split())
    now_ms = time.time_ns() // 1_000_000
    return {
        "memory": {
            "heapMemoryUsage": _usage(resident - shared, size),
            "nonHeapMemoryUsage": _usage(shared, shared),
            "objectsPendingFinalization": 0,
        },
        "os": {"systemLoadAverage": os.getloadavg()[0]},
        "runtime": {
            "startTime": STARTED_MS,
            "uptime": now_ms - STARTED_MS,
            "vmName": platform.python_implementation(),
            "vmVendor": "headrace",
            "vmVersion": platform.python_version(),
        },
        "pools": {},
        "gc": {
            f"generation{generation}": {"collectionCount": found["collections"], "collectionTime": UNDEFINED}
            for generation, found in enumerate(gc.get_stats())
        },
    }


def threads() -> list[dict[str, Any]]:
    """The answer of /api/stats/threads: every thread of the process; those that run Python have a stack, innermost call
    first, without paths of this machine."""
    frames = sys._current_frames()
    known = {thread.native_id: thread for thread in threading.enumerate()}
    found = []
    for task in sorted(_TASKS.iterdir(), key=lambda task: int(task.name)):
        try:
            name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        thread = known.get(int(task.name))
        stack = _calls(frames.get(thread.ident or 0)) if thread else []
        found.append(
            {
                "threadID": int(task.name),
                "name": thread.name if thread else name,
                "state": STATES.get(rest.split()[0], "WAITING"),
                "interrupted": False,
                "priority": 5,
                "stack": stack,
            }
        )
    return found


def _usage(used: int, committed: int) -> dict[str, int]:
    return {"init": UNDEFINED, "used": used, "committed": committed, "max": UNDEFINED}


def _calls(frame: FrameType | None) -> list[str]:
    """walk_stack would begin here with None."""
    stack = traceback.walk_stack(frame) if frame else ()
    return [f"{inner.f_globals.get('__name__', '')}.{inner.f_code.co_name}:{line}" for inner, line in stack]
