"""The servers under test: start in an empty folder with default settings, settle, count what they hold, stop.

Ports are chosen free, addresses are loopback. What is set beside the defaults is said here, with its reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import headrace
from bench import load

START_S = 60
STOP_S = 20
SAMPLE_S = 0.05
"""Pause between two looks at a server's anonymous memory."""
SETTLE_S = 30
"""Longest wait for a data folder to stop changing."""
COUNT_POINTS = 1_000_000
"""Points of one metric that one counting query may cover at most."""
COUNT_S = 60
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str, parameters: dict[str, str] | None = None) -> bytes:
    """The body of a good answer. Raises urllib.error.URLError."""
    query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
    with urllib.request.urlopen(url + query, timeout=COUNT_S) as answer:
        return bytes(answer.read())


def _post(url: str, parameters: dict[str, str]) -> None:
    urllib.request.urlopen(url, urllib.parse.urlencode(parameters).encode(), timeout=COUNT_S).close()


def disk_bytes(folder: Path) -> int:
    """Bytes allocated on disk under `folder`."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except FileNotFoundError:  # a server at work renames and unlinks
            continue
    return total


class Peer(ABC):
    """One server process. Use as a context manager: whatever happens inside, the process has ended afterwards."""

    name: ClassVar[str]
    promise: ClassVar[str]
    """What a good answer says about the points, in a few words for the table."""
    dialects: ClassVar[tuple[load.Dialect, ...]] = ("opentsdb",)
    """In which points may come."""
    still_s: ClassVar[float] = 1.0
    """A data folder that has not changed for so long has settled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        self.port = free_port()
        self.rss_anon_peak_bytes = 0

    @staticmethod
    @abstractmethod
    def version() -> str | None:
        """The installed version, None when it is not installed."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that serves on self.port from self.data."""

    def environment(self) -> dict[str, str]:
        """Variables set beside the caller's."""
        return {}

    @abstractmethod
    def ready_url(self) -> str:
        """Answers 2xx once the server takes points."""

    def prepare(self) -> None:  # noqa: B027 - most need none
        """What the server needs before it takes points."""

    @property
    def address(self) -> str:
        """host:port that takes the dialects, OpenTSDB's at /api/put."""
        return f"127.0.0.1:{self.port}"

    @property
    def points_url(self) -> str:
        """Where points are sent, without a path."""
        return f"http://{self.address}"

    @abstractmethod
    def count(self, rounds: int) -> int:
        """Distinct points that queries find in the first `rounds` rounds of the load, all series together."""

    def __enter__(self) -> Peer:
        with (self.folder / "log").open("wb") as log:
            environment = {**os.environ, **self.environment()}
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, env=environment, cwd=self.folder)
        self._stopping = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        try:
            self._wait_until_ready()
            self.prepare()
        except BaseException:
            self._end()
            raise
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask the process to end and wait until it has, so that what it meant to write is on disk. Twice is fine."""
        self._stopping.set()
        self._sampler.join()
        self._end()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at start: {self.log_tail()}")
            try:
                get(self.ready_url())
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
            else:
                return
        raise RuntimeError(f"{self.name} was not ready after {START_S} s: {self.log_tail()}")

    def _end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _sample(self) -> None:
        while not self._stopping.wait(SAMPLE_S):
            self.rss_anon_peak_bytes = max(self.rss_anon_peak_bytes, self._status_bytes("RssAnon"))

    def _status_bytes(self, field: str) -> int:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
        except FileNotFoundError:
            return 0
        found = re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)
        return int(found.group(1)) * 1024 if found else 0

    def rss_peak_bytes(self) -> int:
        """The largest resident set so far, file-backed pages included."""
        return self._status_bytes("VmHWM")

    def rss_anon_bytes(self) -> int:
        """Anonymous memory now: what no file stands behind."""
        return self._status_bytes("RssAnon")

    def cpu_s(self) -> float:
        """User and system time of the process so far, all its threads."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def settle(self) -> None:
        """Wait until the data folder has been still for still_s, at most SETTLE_S."""
        deadline = time.monotonic() + SETTLE_S
        size, since = -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < self.still_s:
            time.sleep(0.1)
            if (now := disk_bytes(self.data)) != size:
                size, since = now, time.monotonic()

    def log_tail(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2000:]


class Headrace(Peer):
    """`headrace serve`, as it comes."""

    name = "headrace"
    promise = "on disk (fsync) and visible"
    dialects = ("opentsdb", "kairosdb")

    @staticmethod
    def version() -> str | None:
        return headrace.__version__

    def command(self) -> list[str]:
        serve = [sys.executable, "-m", "headrace", "serve"]
        return [*serve, "--host", "127.0.0.1", "--port", str(self.port), "--data-dir", str(self.data)]

    def ready_url(self) -> str:
        return f"http://{self.address}/health"

    def count(self, rounds: int) -> int:
        total = 0
        rounds_per_query = max(1, COUNT_POINTS * len(load.METRICS) // load.SERIES)
        for first in range(0, rounds, rounds_per_query):
            start = load.EPOCH_S + first * load.STEP_S
            end = load.EPOCH_S + min(first + rounds_per_query, rounds) * load.STEP_S - 1
            for metric in load.METRICS:
                total += self._count(metric, start, end)
        return total

    def _count(self, metric: str, start_s: int, end_s: int) -> int:
        # The end of 0all is exclusive, hence the second more; no point of the load lies on it.
        parameters = {"start": str(start_s), "end": str(end_s + 1), "m": f"zimsum:0all-count:{metric}"}
        groups = json.loads(get(f"http://{self.address}/api/query", parameters))
        return sum(int(value) for group in groups for value in group["dps"].values())


class HeadraceByTls(Headrace):
    """The same, points by TLS 1.3 with a certificate of ECDSA P-256; it is asked by a listener without."""

    name = "headrace-tls"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tls_port = free_port()

    @property
    def points_url(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"

    def command(self) -> list[str]:
        certificate, key = str(self.folder / "server.pem"), str(self.folder / "server.key")
        request = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        named = ["-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", key, "-out", certificate]
        subprocess.run([*request, *named], check=True, capture_output=True)
        secure = {"tls_certificate": certificate, "tls_key": key}
        listeners = [{"address": self.address}, {"address": f"127.0.0.1:{self.tls_port}", **secure}]
        serve = [sys.executable, "-m", "headrace", "serve", "--data-dir", str(self.data)]
        return [*serve, "--listeners", json.dumps(listeners)]


class VictoriaMetrics(Peer):
    """Only retention is set, as the load's times are older than the default month."""

    name = "victoria-metrics"
    promise = "in memory"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.query_port = free_port()

    @staticmethod
    def version() -> str | None:
        return _first_match(["victoria-metrics", "--version"], r"[-\s]v?(\d+\.\d+\.\d+\S*)") or _debian_version(
            "victoria-metrics"
        )

    def command(self) -> list[str]:
        return [
            "victoria-metrics",
            f"-storageDataPath={self.data}",
            f"-httpListenAddr=127.0.0.1:{self.query_port}",
            f"-opentsdbHTTPListenAddr={self.address}",
            "-retentionPeriod=100y",
        ]

    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.query_port}/health"

    def settle(self) -> None:
        get(f"http://127.0.0.1:{self.query_port}/internal/force_flush")
        super().settle()

    def count(self, rounds: int) -> int:
        end_s = load.EPOCH_S + rounds * load.STEP_S
        query = f'sum(count_over_time({{__name__!=""}}[{rounds * load.STEP_S + 1}s]))'
        parameters = {"query": query, "time": str(end_s), "nocache": "1"}
        answer = json.loads(get(f"http://127.0.0.1:{self.query_port}/api/v1/query", parameters))
        return sum(int(series["value"][1]) for series in answer["data"]["result"])


class InfluxDB(Peer):
    """InfluxDB 1.x with its OpenTSDB listener.

    So that the figure on disk is of its compressed files, idle data leaves its write-ahead log after 1 s, not 10 min.
    """

    name = "influxd"
    promise = "in its log (fsync) and visible"
    still_s = 3.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.query_port = free_port()
        self.rpc_port = free_port()
        (folder / "influxd.conf").write_text("")

    @staticmethod
    def version() -> str | None:
        return _first_match(["influxd", "version"], r"v(\S+)")

    def command(self) -> list[str]:
        return ["influxd", "run", "-config", str(self.folder / "influxd.conf")]

    def environment(self) -> dict[str, str]:
        return {
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{self.rpc_port}",
            "INFLUXDB_META_DIR": str(self.data / "meta"),
            "INFLUXDB_DATA_DIR": str(self.data / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(self.data / "wal"),
            "INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "1s",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.query_port}",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            "INFLUXDB_OPENTSDB_0_ENABLED": "true",
            "INFLUXDB_OPENTSDB_0_BIND_ADDRESS": self.address,
            "INFLUXDB_OPENTSDB_0_DATABASE": "opentsdb",
        }

    def ready_url(self) -> str:
        return f"http://127.0.0.1:{self.query_port}/ping"

    def prepare(self) -> None:
        # Its HTTP listener, unlike its telnet listener, does not make the database.
        _post(f"http://127.0.0.1:{self.query_port}/query", {"q": "CREATE DATABASE opentsdb"})

    def count(self, rounds: int) -> int:
        start_s, end_s = load.EPOCH_S, load.EPOCH_S + rounds * load.STEP_S
        query = f"SELECT count(value) FROM /.*/ WHERE time >= {start_s}s AND time < {end_s}s"
        answer = get(f"http://127.0.0.1:{self.query_port}/query", {"db": "opentsdb", "q": query})
        found: list[dict[str, Any]] = json.loads(answer)["results"][0].get("series", [])
        return sum(int(series["values"][0][1]) for series in found)


BY_TLS: type[Peer] = HeadraceByTls

PEERS: tuple[type[Peer], ...] = (Headrace, VictoriaMetrics, InfluxDB)


def _first_match(command: list[str], pattern: str) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(pattern, asked.stdout + asked.stderr)
    return found.group(1) if found else None


def _debian_version(package: str) -> str | None:
    if shutil.which(package) is None:
        return None
    return _first_match(["dpkg-query", "--show", "--showformat= ${Version}", package], r"(\S+)") or "unknown"
