"""Memory that was freed is the system's again."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from headrace.memory import give_back_freed_memory

def anonymous_mb():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024

if sys.argv[1] == "given back":
    give_back_freed_memory()
before = anonymous_mb()
for _ in range(3):
    # Freed in an order that leaves holes: every second one stays until the end.
    some = [np.ones(2_000_000, dtype=np.uint8) for _ in range(50)]
    kept = some[1::2]
    del some
print(anonymous_mb() - before - 50)
"""


def surplus_mb(how: str) -> float:
    run = subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True)
    return float(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_columns_are_given_back() -> None:
    assert surplus_mb("given back") < 10
