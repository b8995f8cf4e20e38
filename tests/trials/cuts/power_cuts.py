"""Power cuts: the calls of a mixed run are recorded, what a disk may hold is rebuilt at random moments, and the real
server starts on it. Every change that was acknowledged before the moment must be there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from disk_states import STYLES, Disk
from forked_server import ForkedServer, Nursery
from killing import check_log
from load import FLAGS, Asker, Load, operate, senders_for, told_by
from sending import Sender, Wrong, judge
from serverprocess import ServerProcess
from tracing import NS, Event, command, read_events

from headrace.store.embedded.backups.label import CannotBackUp, read_label
from headrace.store.embedded.backups.restoring import verify_backup

CUTS_OF_A_RECORDING = 75
RECORDED_S = 5.0
OPERATED_EVERY_S = 0.4
FAILURES_MAX = 5


@dataclass
class Recording:
    """root: the folder as it was called.   events: of the whole life of the server.   loaded_ns: from here to the
    last event it was under load."""

    root: Path
    kind: int
    events: list[Event]
    senders: list[Sender]
    loaded_ns: int


@dataclass
class Report:
    cuts: int = 0
    changes: int = 0
    """Acknowledged before the cuts, and looked for."""
    events: Counter[str] = field(default_factory=Counter)
    styles: Counter[str] = field(default_factory=Counter)
    torn: int = 0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        events = ", ".join(f"{count} x {kind}" for kind, count in self.events.most_common())
        styles = ", ".join(f"{count} {style}" for style, count in self.styles.most_common())
        return (
            f"recorded: {events}\n{self.cuts} power cuts ({styles}), after which {self.changes} acknowledged changes "
            f"were looked for; {self.torn} torn commits were cut; {len(self.failures)} cuts with losses or other faults"
        )


def trial(
    folder: Path,
    forks: Nursery,
    cuts: int,
    seed: int,
    without_fdatasync: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:
    """As many recordings as it takes, both kinds of server in turns. Ends early after FAILURES_MAX failures."""
    report = Report()
    for number in range(-(-cuts // CUTS_OF_A_RECORDING)):
        place = folder / f"recording-{number}"
        place.mkdir()
        recording = record(place, RECORDED_S, seed + number, number % len(FLAGS))
        report.events.update(event.kind for event in recording.events)
        several = min(CUTS_OF_A_RECORDING, cuts - report.cuts)
        replay(recording, place, several, seed + number, forks, report, without_fdatasync)
        tell(f"{report.cuts} cuts, {len(report.failures)} with losses")
        if len(report.failures) >= FAILURES_MAX:
            break
        shutil.rmtree(place)
    return report


def record(folder: Path, seconds: float, seed: int, kind: int) -> Recording:
    """A new database in folder/disk/data under load, with seals and backups, and its end by kill -9."""
    root, trace = folder / "disk", folder / "trace"
    for place in (root, trace):
        place.mkdir()
    flags = (*FLAGS[kind], "--seal-points", "150", "--seal-age-s", "0.3")
    server = ServerProcess(root / "data", flags)
    senders = senders_for(kind, seed, each=1)
    for sender in senders:
        sender.history = []
    asker = Asker(seed)
    _start_traced(server, trace / "calls")
    loaded_ns = time.time_ns()
    load = Load(server, senders, asker)
    chance, ends_s = Random(f"{seed} operator"), time.monotonic() + seconds
    time.sleep(seconds / 3)  # a backup beside the database syncs the folder of both
    while time.monotonic() < ends_s:
        operate(server, chance, root / "backup")
        time.sleep(OPERATED_EVERY_S)
    os.kill(int((root / "data" / "lock").read_text()), 9)
    load.end()
    server.process.wait() if server.process else None
    wrong = [*told_by(senders).wrong, *asker.wrong]
    assert not wrong, wrong[:3]
    return Recording(root, kind, read_events(trace / "calls", root), senders, loaded_ns)


def _start_traced(server: ServerProcess, output: Path) -> None:
    flags = ["serve", "--port", str(server.port), "--data-dir", str(server.data_dir), *server.flags]
    with server.log.open("ab") as log:
        server.process = subprocess.Popen(
            [*command(output), sys.executable, "-m", "headrace", *flags], stdout=log, stderr=log
        )
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        try:
            if server.get("/health")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start under strace:\n{server.log.read_text()}")


def replay(
    recording: Recording,
    folder: Path,
    cuts: int,
    seed: int,
    forks: Nursery,
    report: Report,
    without_fdatasync: bool = False,
) -> None:
    """What is found wrong is told in the report. folder: for the disks.   without_fdatasync: as if the journal had not
    called it."""
    chance = Random(f"{seed} cuts")
    events = recording.events
    if without_fdatasync:
        events = [event for event in events if event.call != "fdatasync" or not event.path.endswith(".journal")]
    disk = Disk(recording.root, events)
    for moment_ns in sorted(_moments(recording, cuts, chance)):
        style = chance.choice(STYLES)
        disk.advance(moment_ns)
        left = folder / "left"
        disk.lay_out(left, style, chance)
        server = ForkedServer(left / "data", FLAGS[recording.kind], nursery=forks)
        report.cuts += 1
        report.styles[style] += 1
        try:
            report.changes += _check(server, recording.senders, moment_ns)
            report.torn += server.log.read_text().count("cut a torn write")
        except (AssertionError, Wrong, CannotBackUp) as failure:
            after_s = (moment_ns - recording.loaded_ns) / NS
            report.failures.append(f"a cut {after_s:.6f} s after the load began, style {style}: {failure}")
            if len(report.failures) >= FAILURES_MAX:
                return
        finally:
            server.kill()
        shutil.rmtree(left)


def _moments(recording: Recording, cuts: int, chance: Random) -> list[int]:
    """Half of them while something is synced, named or unlinked, or just before or after it."""
    loaded = [event for event in recording.events if event.begin_ns > recording.loaded_ns]
    delicate = [event for event in loaded if event.kind not in ("write",) and event.end_ns < sys.maxsize]
    found = []
    for _ in range(cuts):
        event = chance.choice(delicate)
        near = (event.begin_ns + 1, (event.begin_ns + event.end_ns) // 2, event.end_ns + 1)
        anywhere = chance.randrange(recording.loaded_ns, loaded[-1].begin_ns)
        found.append(chance.choice([*near, anywhere, anywhere, anywhere]))
    return found


def _check(server: ServerProcess, senders: Sequence[Sender], moment_ns: int) -> int:
    """Returns how many acknowledged changes were looked for. Raises AssertionError, Wrong, CannotBackUp."""
    server.start()
    status, health = server.get("/health")
    if status != 200 or b"damaged" in health:
        raise Wrong(f"/health: {status} {health[:500]!r}")
    changes = 0
    for sender in senders:
        history = sender.history or []
        kept = [change for change in history if change.acknowledged_s and change.acknowledged_s * NS < moment_ns]
        later = history[len(kept) : len(kept) + 1]
        pending = later[0] if later and later[0].begun_s * NS < moment_ns else None
        judge(sender.name, sender.read(server), kept[-1].after if kept else {}, pending)
        changes += len(kept)
    check_log(server.log)
    backup = server.data_dir.parent / "backup"
    if read_label(backup) is not None:
        verify_backup(backup)
    return changes
