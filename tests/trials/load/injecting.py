"""System calls that fail: strace is attached to a process, and lets those that are named fail, or last."""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ATTACH_S = 30.0


@dataclass
class Hits:
    """What was met, once it is over. calls: all that were looked at.   failed: by where, see `place_of`."""

    calls: int = 0
    failed: Counter[str] = field(default_factory=Counter)


@contextmanager
def injected(process: int, calls: str, fault: str, output: Path, paths: Sequence[Path] = ()) -> Iterator[Hits]:
    """In the block these calls of the process, and of threads that it begins, meet the fault. calls: names and commas.
    fault: as strace's inject has it, such as "error=EIO:when=3"; "" only counts.   paths: only calls that have to do
    with these.   output: a file for what strace says."""
    filters = [word for path in paths for word in ("-P", str(path))]
    injection = ["-e", f"inject={calls}:{fault}"] if fault else []
    command = ["strace", "-f", "-y", "-e", f"trace={calls}", "-e", "signal=none", *injection, *filters]
    told = output.with_suffix(".strace")
    with told.open("wb") as errors:
        strace = subprocess.Popen([*command, "-o", str(output), "-p", str(process)], stderr=errors)
    hits = Hits()
    try:
        _wait_until_attached(strace, told)
        yield hits
    finally:
        strace.terminate()
        strace.wait()
        for line in output.read_text(errors="replace").splitlines() if output.exists() else ():
            hits.calls += "(" in line and "resumed>" not in line
            if "(INJECTED)" in line or "(DELAYED)" in line:
                hits.failed[place_of(line)] += 1


def _wait_until_attached(strace: subprocess.Popen[bytes], told: Path) -> None:
    deadline = time.monotonic() + ATTACH_S
    while "attached" not in (said := told.read_text(errors="replace")):
        assert strace.poll() is None, f"strace does not attach: {said}"
        assert time.monotonic() < deadline, "strace does not attach"
        time.sleep(0.01)


def place_of(line: str) -> str:
    """A word for the file that a line of strace is about."""
    for word in (".sqlite", "backup", "/journal", "/segments"):
        if word in line:
            return word.strip("/.")
    return "folder" if "/data" in line else "other"
