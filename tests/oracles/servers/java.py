"""A Java program as a process of ours: bounded in memory and in the size of its files, and surely ended."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

FILE_BYTES_MAX = 4 << 30
"""KairosDB writes the answer to a `gaps` query without an end to its cache until the disk is full."""

OPEN_PACKAGES = (
    "java.lang",
    "java.lang.reflect",
    "java.net",
    "java.nio",
    "java.text",
    "java.util",
    "java.util.concurrent",
    "jdk.internal.ref",
    "sun.nio.ch",
)
"""Of java.base: servers written for Java 8 look into them."""


@dataclass
class JavaProgram:
    """One JVM. folder: its working directory, and of its log.   classpath: folders, or jars as `folder/*`."""

    name: str
    folder: Path
    classpath: Sequence[str]
    main: str
    arguments: Sequence[str] = ()
    options: Sequence[str] = ()
    heap_mb: int = 1024
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """The kernel ends it with the thread that called this, if nobody did before."""
        opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPEN_PACKAGES]
        command = [
            *("prlimit", f"--fsize={FILE_BYTES_MAX}", "setpriv", "--pdeathsig", "KILL"),
            *("java", f"-Xmx{self.heap_mb}m", "-Djava.net.preferIPv4Stack=true", "-Duser.timezone=UTC"),
            *(*opened, *self.options, "-cp", ":".join(self.classpath), self.main, *self.arguments),
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )

    def wait_until(self, answers: Callable[[], bool], within_s: float) -> None:
        """Until it does what it should. OSError means "not yet"; raises AssertionError with the log's end."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if not self.is_running():
                raise AssertionError(f"{self.name} ended at once:\n{self.last_words()}")
            try:
                if answers():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{self.name} did not answer within {within_s:.0f} s:\n{self.last_words()}")

    def wait_for_end(self, within_s: float) -> None:
        """Of a program that does one thing. Raises AssertionError with the log's end if it failed."""
        assert self.process is not None
        try:
            status = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"{self.name} was not done in {within_s:.0f} s:\n{self.last_words()}") from None
        assert status == 0, f"{self.name} failed:\n{self.last_words()}"

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def stop(self) -> None:
        """At once: what such a server holds is in a folder that goes with it."""
        if self.is_running():
            assert self.process is not None
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
