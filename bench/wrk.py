"""Run wrk with put.lua and read what it says."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import load

SCRIPT = Path(__file__).with_name("put.lua")
TIMEOUT_S = 30
"""wrk counts an answer later than this as a timeout."""


@dataclass(frozen=True)
class Sent:
    """One run of the sender. `requests` were answered; more were generated, some still under way at the end."""

    requests: int
    generated: int
    points_per_request: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_s: float
    errors: dict[str, int]
    """By wrk's names: connect, read, write, timeout, and status for answers of 400 and above."""

    @property
    def acknowledged(self) -> int:
        """Points for which a good answer came."""
        return (self.requests - self.errors["status"]) * self.points_per_request

    @property
    def rounds(self) -> int:
        """Rounds of the load that were begun."""
        return -(-self.generated * self.points_per_request // load.SERIES)


def version() -> str | None:
    """wrk's version, None when it is not installed."""
    if (program := shutil.which("wrk")) is None:
        return None
    words = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stdout.split()
    return words[1] if len(words) > 1 else "unknown"


def put(
    url: str,
    *,
    points_per_request: int,
    connections: int,
    seconds: int,
    seed: int,
    first_round: int,
    dialect: load.Dialect = "opentsdb",
) -> Sent:
    """Send to the server at `url` (no path) for whole `seconds`, beginning with round `first_round` of the load."""
    with tempfile.TemporaryDirectory(prefix="headrace-bench-load-") as folder:
        load.write(load.templates(seed, points_per_request, url.partition("://")[2], dialect), Path(folder))
        command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
        command += ["--timeout", f"{TIMEOUT_S}s", "--script", str(SCRIPT), f"{url}/"]
        command += ["--", folder, str(seed), str(first_round)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 2 * TIMEOUT_S, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode or line is None:
        raise RuntimeError(f"wrk failed ({done.returncode}): {done.stderr.strip()} {done.stdout.strip()}")
    result = json.loads(line.removeprefix("RESULT "))
    return Sent(
        requests=result["requests"],
        generated=result["generated"],
        points_per_request=points_per_request,
        seconds=result["duration_us"] / 1e6,
        p50_ms=result["latency_us"]["p50"] / 1e3,
        p99_ms=result["latency_us"]["p99"] / 1e3,
        max_ms=result["latency_us"]["max"] / 1e3,
        cpu_s=after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
        errors=result["errors"],
    )
