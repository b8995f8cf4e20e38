"""Freed memory goes back to the system: a server shares its machine with others."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

MAPPED_BYTES_MIN = 1024 * 1024
"""Larger allocations are mapped one by one and unmapped when freed. By itself glibc raises this bound to 32 MB as they
come and go, and keeps columns, bodies and row groups in its heaps: at the peak of an ingest of 1.8 million points/s
400 MB instead of 346, at the same speed. With half of it a merge takes a quarter more CPU time."""

KEPT_BYTES_MAX = 4 * 1024 * 1024
"""What is free at the end of a heap is kept up to here. A row group is read into some 1.5 MB of smaller allocations:
given back each time, they are 200 to 300 page faults, and the read takes 1.5 instead of 0.7 ms."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
"""Parameters of mallopt (glibc: malloc.h)."""


def use_one_allocator() -> None:
    """Once, before Arrow is loaded, which then takes its memory from the C library as all others do, and not from a
    heap of its own that keeps what it has had: a merge of eight files holds 55 MB instead of 70.

    Without glibc (musl) the allocator is left as it is.
    """
    # pyarrow.set_memory_pool is not enough: readers and writers of Parquet take the default of the C++ library.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES_MIN)
        mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES_MAX)


def use_no_blas() -> None:
    """Once, before NumPy is loaded: nothing here multiplies matrices, and OpenBLAS starts a thread for each core, which
    takes half of what importing NumPy takes."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def anonymous_bytes() -> int:
    """What the process holds without pages of files, which the kernel takes back when it needs them. 0 where /proc does
    not say it."""
    try:
        # In pages: size, resident, and of that shared (proc(5)).
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def give_back_freed_memory() -> None:
    """Pages that are free in the midst of a heap too, of all threads. Takes some milliseconds: for the end of work that
    allocated much."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)
