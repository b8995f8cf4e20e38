"""Each system call of writing and opening fails in turn, once or for a while, under load; the disk is full, or slow.

The answers are 503 and never a success that is lost, questions go on, the server recovers by itself, and after a
restart all is there that was acknowledged.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

from forked_server import ForkedServer, Nursery, state_of
from injecting import Hits, injected
from load import FLAGS, Asker, Load, check_all, operate, senders_for, told_by
from sending import Sender, Wrong

FAULT_S = 1.5
SLOW_S = 5.0
RECOVERY_S = 15.0
OPERATED_EVERY_S = 0.3
JOURNAL_NAMES = 1500
"""Files of the journal that may be begun during a fault."""

TMPFS_MB = 64
MEGABYTE = 1_000_000


class Case(NamedTuple):
    """call: strace's name, or several.   fault: "EIO", "ENOSPC", or what strace is to inject.   once: one call, not
    all for FAULT_S.   where: only of files that `_places` has for this word.   reads: it is what questions need."""

    call: str
    fault: str
    once: bool = False
    where: str = ""
    reads: bool = False

    def __str__(self) -> str:
        return f"{self.call} {self.fault} {'once' if self.once else 'for a while'}"

    def injection(self, chance: Random) -> str:
        if "=" in self.fault:
            return self.fault
        return f"error={self.fault}:when={chance.randint(1, 3) if self.once else '1+'}"


WRITING = (
    Case("openat", ""),
    Case("write", "", where="written"),
    Case("pwritev,pwritev2", ""),
    Case("pwrite64", ""),
    Case("fdatasync", ""),
    Case("fsync", ""),
    Case("ftruncate,fallocate", ""),
    Case("rename,renameat,renameat2", ""),
    Case("unlink,unlinkat", ""),
    Case("link,linkat", ""),
    Case("mkdir,mkdirat", ""),
    Case("statfs,fstatfs", ""),
    Case("newfstatat,stat", "", where="folder"),
)
READING = (
    Case("read", "", where="there", reads=True),
    Case("pread64", "", reads=True),
    Case("mmap", "", where="shm", reads=True),
)
SLOW = Case("fdatasync", f"delay_exit={2_000_000}:when=1+")

CASES = (
    *(
        case._replace(fault=fault, once=once)
        for case in WRITING
        for fault in ("EIO", "ENOSPC")
        for once in (True, False)
    ),
    *(case._replace(fault="EIO", once=once) for case in READING for once in (True, False)),
    SLOW,
)


@dataclass
class Outcome:
    """recovered_s: from the end of the fault to the next success of a put.   asked: answers to questions during it, by
    status."""

    what: str
    hits: Hits
    acknowledged: int
    busy: int
    asked: dict[int, int]
    recovered_s: float
    ended: bool
    """Whether the server ended by itself."""
    wrong: str = ""

    def __str__(self) -> str:
        failed = ", ".join(f"{count} {place}" for place, count in self.hits.failed.most_common()) or "not called"
        asked = ", ".join(f"{count} x {status}" for status, count in sorted(self.asked.items()))
        said = f"{self.acknowledged} x success, {self.busy} x 503; questions {asked or 'none'}"
        end = "ended, started again" if self.ended else f"success again after {self.recovered_s:.1f} s"
        return f"{self.what} | {failed} | {said} | {end} | {self.wrong or 'nothing lost'}"


def trial(
    folder: Path,
    forks: Nursery,
    seed: int,
    cases: Sequence[Case],
    full: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Outcome]:
    """The cases one after another, on one database; full: then full disks too, which takes the right to mount. tell:
    each outcome. Nothing is raised for a deviation, the outcome has it."""
    outcomes = []
    database = _Database(folder, seed, forks)
    for case in cases:
        outcomes.append(database.try_case(case))
        tell(str(outcomes[-1]))
    for reserve_bytes in (0, 8 * MEGABYTE) if full else ():
        outcomes.append(_full_disk(folder / f"full-{reserve_bytes}", seed, forks, reserve_bytes))
        tell(str(outcomes[-1]))
    return outcomes


class _Database:
    def __init__(self, folder: Path, seed: int, forks: Nursery, *flags: str) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._chance = Random(f"{seed} faults")
        flags = (*FLAGS[0], "--seal-points", "150", "--seal-age-s", "0.3", *flags)
        self._server = ForkedServer(self._data, flags, nursery=forks)
        self._senders: list[Sender] = senders_for(0, seed, each=1)

    def try_case(self, case: Case) -> Outcome:
        return self.try_fault(str(case), lambda: self._failing(case), case.reads, case is SLOW)

    def _failing(self, case: Case) -> AbstractContextManager[Hits]:
        output = self._folder / "calls"
        output.unlink(missing_ok=True)
        return injected(self._server.pid, case.call, case.injection(self._chance), output, self._places(case.where))

    def _places(self, where: str) -> list[Path]:
        """Sockets and pipes are left alone where a call is theirs too."""
        if where == "there":
            return [file for file in self._data.rglob("*") if file.is_file()]
        if where == "shm":
            return [self._data / f"{name}.sqlite-shm" for name in ("documents", "catalog")]
        if where == "folder":
            return [self._data]
        if where == "written":
            last = max(int(file.stem) for file in (self._data / "journal").glob("*.journal"))
            journal = [
                self._data / "journal" / f"{number:020d}.journal.tmp" for number in range(last, last + JOURNAL_NAMES)
            ]
            return [*journal, self._data / "journal" / "probe.tmp", self._data / "segments" / "current.json.tmp"]
        return []

    def try_fault(
        self, what: str, fault: Callable[[], AbstractContextManager[Hits]], reads: bool = False, slow: bool = False
    ) -> Outcome:
        """Under load before, during and after it; then the server is killed and starts, and all is compared."""
        self._server.start()
        asker = Asker(self._chance.randrange(10**9), (200, 400, 503))
        load = Load(self._server, self._senders, asker)
        ending = threading.Event()
        wrong: list[str] = []
        operator = threading.Thread(target=self._operate_until, args=(ending, wrong))
        operator.start()
        time.sleep(0.4)
        asked, told = dict(asker.statuses), told_by(self._senders)
        with fault() as hits:
            time.sleep(SLOW_S if slow else FAULT_S)
            during = {status: count - asked.get(status, 0) for status, count in asker.statuses.items()}
        recovered_s = self._recover()
        after = told_by(self._senders)
        load.end()
        ending.set()
        operator.join()
        ended = recovered_s < 0
        if not reads and not ended and not during.get(200):
            wrong.append("questions did not go on")
        if recovered_s >= RECOVERY_S:
            wrong.append(f"no success within {RECOVERY_S:.0f} s after it")
        wrong += asker.wrong[:2]
        if ended:
            wrong.append("the server ended")
        self._server.kill()
        wrong += self._restart()
        acknowledged, busy = after.acknowledged - told.acknowledged, after.busy - told.busy
        return Outcome(
            what, hits, acknowledged, busy, {k: n for k, n in during.items() if n}, recovered_s, ended, "; ".join(wrong)
        )

    def _recover(self) -> float:
        """Seconds until a put succeeds; -1 when the server is not there any more."""
        begin = time.monotonic()
        point = {"metric": "again", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}
        while time.monotonic() - begin < RECOVERY_S:
            try:
                if self._server.put([point])[0] == 204:
                    break
            except OSError:
                if state_of(self._server.pid) in ("", "Z"):
                    return -1
            time.sleep(0.02)
        return time.monotonic() - begin

    def _operate_until(self, ending: threading.Event, wrong: list[str]) -> None:
        while not ending.wait(OPERATED_EVERY_S):
            try:
                operate(self._server, self._chance, self._folder / "backup")
            except Wrong as other:
                wrong.append(str(other))

    def _restart(self) -> list[str]:
        """What is wrong after it."""
        log = self._server.log.read_text(errors="replace")
        wrong = [
            line for line in log.splitlines() if "fault of ours" in line or "Traceback" in line or "damage" in line
        ]
        self._server.log.unlink()
        try:
            self._server.start()
            check_all(self._server, self._senders)
        except (AssertionError, Wrong) as other:
            wrong.append(str(other))
        for sender in self._senders:
            sender.told.wrong.clear()
        self._server.kill()
        return wrong[:3]


def _full_disk(folder: Path, seed: int, forks: Nursery, reserve_bytes: int) -> Outcome:
    """A file takes all that is free of a small file system, and goes again."""
    folder.mkdir()
    with _tmpfs(folder):
        database = _Database(folder, seed, forks, "--disk-reserve-bytes", str(reserve_bytes))
        what = f"full disk, {reserve_bytes // MEGABYTE} MB reserved"
        return database.try_fault(what, lambda: _filled(folder / "ballast"))


@contextmanager
def _tmpfs(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MB}m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def _filled(ballast: Path) -> Iterator[Hits]:
    hits = Hits()
    with ballast.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                hits.failed["full"] += 1
    yield hits
    ballast.unlink()


def may_mount() -> bool:
    return os.geteuid() == 0
