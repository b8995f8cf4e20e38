"""What the machine, or the container, gives a process, beside what the settings allow the server to take."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from headrace import limits, memory_bound
from headrace.loading import Loaded
from headrace.preflight.findings import Finding

CGROUPS: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")


def resources(loaded: Loaded) -> Iterator[Finding]:
    """Warnings alone: the bounds are for the worst that strangers can send."""
    most, there = memory_bound.most(loaded.settings), memory_bytes()
    if most > there:
        yield Finding(
            "query_memory_bytes",
            f"memory: {_mb(most)} MB at most are allowed, whatever is sent, and {_mb(there)} MB are there: lower "
            "body_bytes_max, query_memory_bytes or seal_points (docs/operations.md, Memory), or the kernel may end it",
            is_error=False,
        )
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < limits.OPEN_FILES_MAX:
        yield Finding(
            "listeners",
            f"open files: {limits.OPEN_FILES_MAX} are needed for {limits.CONNECTIONS_MAX} connections and the files of "
            f"the database, and this process may have {hard}: raise the limit (ulimit -n, LimitNOFILE=)",
            is_error=False,
        )


def memory_bytes() -> int:
    """What this process can have: of the machine, or of the control groups that it is in."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([machine, *_limits_of_cgroups()])


def _limits_of_cgroups() -> Iterator[int]:
    """Of version 2, and of version 1's memory controller, up to the root; in a container the root is its own."""
    try:
        lines = MEMBERSHIP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            above, file = CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            above, file = CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = Path(path.lstrip("/"))
        for folder in (above / part for part in (group, *group.parents)):
            try:
                said = (folder / file).read_text().strip()
            except OSError:
                continue
            if said.isdecimal():
                yield int(said)


def _mb(count: int) -> int:
    return -(-count // memory_bound.MB)
