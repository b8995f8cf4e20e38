"""Verifying a database in use: a process of its own reads a copy of it, made of hard links wherever that is possible.

The copy is a backup in a folder of ours, which goes when the verification ends, however it does, or with the next
start. The process has the lowest priority, and if memory runs short it is the first to go.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from headrace.errors import HeadraceError, Unavailable
from headrace.store.embedded.backups.own_copies import OwnCopies, remove_copies
from headrace.store.embedded.parts import VERIFYING

LOWEST_PRIORITY = 19
FIRST_TO_GO = "1000"
"""Of the process, to the kernel: nice, and oom_score_adj."""

COMMAND = (sys.executable, "-P", "-m", "headrace", "verify", "--json", "--progress-lines")

ERRORS_SHOWN = 2000
"""Characters, the last, of what a process that failed has said."""

Tell = Callable[[bytes | HeadraceError | None], None]
"""Gets each line of the process's standard output, without its end, the last of which is the report; or why there is no
copy; and then None."""


class AlreadyVerifying(HeadraceError):  # noqa: N818
    """One verification at a time."""


class Verifier:
    """Any thread."""

    def __init__(self, copies: OwnCopies, copy_out: Callable[[Path], object]) -> None:
        """copy_out: takes a backup into a folder; raises Unavailable or Corrupt."""
        self._copies = copies
        self._copy_out = copy_out
        self._changing = threading.Lock()
        self._running: Verification | None = None
        self._ended = False

    def begin(self, tell: Tell) -> Verification:
        """Begin one, in a thread of its own.   tell: called by that thread. Raises AlreadyVerifying, Unavailable."""
        with self._changing:
            if self._ended:
                raise Unavailable("the server is stopping")
            if self._running is not None and not self._running.is_over:
                raise AlreadyVerifying("the database is being verified already")
            self._running = Verification(self._copies.data_dir, self._make_copy, tell)
            self._running.start()
            return self._running

    def end(self) -> None:
        """No other begins, and the one that runs ends soon."""
        with self._changing:
            self._ended = True
            if self._running is not None:
                self._running.end()

    def close(self) -> None:
        """As `end`, and on return nothing of it runs or lies on the disk any more."""
        self.end()
        if self._running is not None:
            self._running.join()

    def _make_copy(self, place: Path) -> None:
        """Raises Unavailable, Corrupt."""
        self._copies.make(place, self._copy_out)


class Verification:
    """One of a database in use: copies, reads, tells, and removes what it made."""

    def __init__(self, data_dir: Path, make_copy: Callable[[Path], None], tell: Tell) -> None:
        """make_copy: into a folder that is not there; raises Unavailable, Corrupt."""
        self._data_dir = data_dir
        self._folder = data_dir / VERIFYING
        self._make_copy = make_copy
        self._tell = tell
        self._changing = threading.Lock()
        self._ended = False
        self.is_over = False
        """Whether another one may begin."""
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="headrace-verify", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Until nothing of it is left."""
        self._thread.join()

    def end(self) -> None:
        """Nobody waits for it any more. Any thread."""
        with self._changing:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def _run(self) -> None:
        told: bytes | HeadraceError | None = None
        try:
            told = self._report()
        except HeadraceError as failure:
            told = failure
        except OSError as failure:
            told = Unavailable(f"the database cannot be verified: {failure}")
        finally:
            remove_copies(self._data_dir, VERIFYING)
            self.is_over = True
            for last in (told, None):
                self._tell(last)

    def _report(self) -> bytes:
        """Tells all lines but the last, which it returns. Raises OSError, Unavailable, Corrupt."""
        copy, scratch = self._folder / "copy", self._folder / "scratch"
        scratch.mkdir(parents=True)
        self._make_copy(copy)
        errors = scratch / "errors"
        with self._started(copy, scratch, errors) as process:
            report = self._relay(process, copy)
        if report is None:
            said = "it was ended" if self._ended else errors.read_text(errors="replace")[-ERRORS_SHOWN:].strip()
            reason = f"the process that reads it has ended (exit code {process.returncode}): {said}"
            report = json.dumps({"sound": None, "reason": reason}).encode()
        return report

    def _started(self, copy: Path, scratch: Path, errors: Path) -> subprocess.Popen[bytes]:
        """Raises OSError, Unavailable."""
        environment = os.environ | {"TMPDIR": str(scratch)}
        with self._changing, errors.open("wb") as to:
            if self._ended:
                raise Unavailable("the verification was ended")
            self._process = subprocess.Popen(
                [*COMMAND, str(copy)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=to, env=environment
            )
        _put_last(self._process.pid)
        return self._process

    def _relay(self, process: subprocess.Popen[bytes], copy: Path) -> bytes | None:
        """Tell what it says of its progress, as if it were of the database itself. Returns its report, None when it has
        ended without one."""
        assert process.stdout is not None
        for line in process.stdout:
            if line.endswith(b"\n"):
                told = line.rstrip(b"\n").replace(_in_json(copy), _in_json(self._data_dir))
                if "sound" in json.loads(told):
                    return told
                self._tell(told)
        return None


def _put_last(process: int) -> None:
    """Behind all others, before it has threads of its own: they are as it is."""
    with suppress(ProcessLookupError, FileNotFoundError):  # it has ended already
        os.setpriority(os.PRIO_PROCESS, process, LOWEST_PRIORITY)
        Path(f"/proc/{process}/oom_score_adj").write_text(FIRST_TO_GO)


def _in_json(path: Path) -> bytes:
    return json.dumps(str(path))[1:-1].encode()
