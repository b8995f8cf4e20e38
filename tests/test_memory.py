"""Memory that was freed is the system's again."""

from __future__ import annotations

import subprocess
import sys

import pytest

ANONYMOUS_MB = """
from pathlib import Path
import numpy as np
from headrace.memory import give_back_freed_memory, use_one_allocator

def anonymous_mb():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024
"""

FREED_COLUMNS = """
use_one_allocator()
before = anonymous_mb()
for _ in range(3):
    # Freed in an order that leaves holes: every second one stays until the end.
    some = [np.ones(2_000_000, dtype=np.uint8) for _ in range(50)]
    kept = some[1::2]
    del some
print(anonymous_mb() - before - 50)
"""

HOLES_IN_A_HEAP = """
before = anonymous_mb()
some = [np.ones(100_000, dtype=np.uint8) for _ in range(1000)]
kept = some[::10]
del some
give_back_freed_memory()
print(anonymous_mb() - before - 10)
"""

ARROWS_ALLOCATOR = """
import sys
import headrace.cli
from headrace.memory import use_one_allocator

assert "pyarrow" not in sys.modules, "it is loaded before serve can say where it takes its memory"
use_one_allocator()
import pyarrow as pa
print(pa.default_memory_pool().backend_name)
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def printed(script: str) -> str:
    return subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout


@linux
def test_freed_columns_are_given_back() -> None:
    assert float(printed(ANONYMOUS_MB + FREED_COLUMNS)) < 10


@linux
def test_what_is_free_in_the_midst_of_a_heap_is_given_back() -> None:
    assert float(printed(ANONYMOUS_MB + HOLES_IN_A_HEAP)) < 10


def test_arrow_takes_its_memory_as_all_others_do() -> None:
    assert printed(ARROWS_ALLOCATOR).strip() == "system"


@linux
def test_anonymous_memory_is_what_the_kernel_says_at_more_length() -> None:
    script = (
        "import re\nfrom headrace.memory import anonymous_bytes\nheld = bytearray(50_000_000)\n"
        "said = re.search(r'RssAnon:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "print(anonymous_bytes() / (int(said[1]) * 1024), anonymous_bytes() > 50_000_000)"
    )
    ratio, is_counted = printed(script).split()
    assert 0.9 < float(ratio) < 1.1
    assert is_counted == "True"


BLAS_THREADS = """
import sys
from pathlib import Path
import headrace.cli
from headrace.memory import use_no_blas

assert "numpy" not in sys.modules, "it is loaded before serve can say that it needs no threads"
use_no_blas()
import numpy
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("Threads")))
"""


@linux
def test_numpy_starts_no_threads() -> None:
    assert printed(BLAS_THREADS) == "1\n"
