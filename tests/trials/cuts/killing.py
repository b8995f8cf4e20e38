"""`kill -9` again and again, under mixed load through every room: while it writes, seals, merges, files documents,
makes a backup, and while it starts."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from forked_server import ForkedServer, Nursery
from load import FLAGS, Asker, Load, check_all, operate, senders_for, told_by
from sending import Sender, Told, Wrong
from serverprocess import ServerProcess

from headrace.store.embedded.backups.label import CannotBackUp
from headrace.store.embedded.backups.restoring import verify_backup

DATABASE_ROUNDS = 50
"""Then another database begins, of the other kind of server."""

COLD_EVERY = 25
"""So often the server is started once as an operator does it, with all that it must load."""


@dataclass
class Report:
    rounds: int = 0
    kills: int = 0
    kills_while_starting: int = 0
    backups: int = 0
    told: Told = field(default_factory=Told)
    asked: int = 0
    logged: dict[str, int] = field(default_factory=dict)
    """Log lines by what they tell of."""
    restarts_s: list[float] = field(default_factory=list)
    cold_s: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        told = self.told
        lines = [
            f"{self.rounds} rounds, {self.kills} kills, {self.kills_while_starting} of them while starting: "
            "0 lost, 0 invented, 0 twice",
            f"{told.acknowledged} changes acknowledged with {told.points} points; of those in doubt "
            f"{told.resolved} were there, {told.undone} not, each whole",
            f"{self.asked} questions answered, {self.backups} backups verified",
            "; ".join(f"{count} x {what}" for what, count in self.logged.items()),
            "from the fork to the first answer: " + _spread(self.restarts_s),
        ]
        if self.cold_s:
            lines.append("from the command to the first answer, as an operator starts it: " + _spread(self.cold_s))
        return "\n".join(lines)


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]
    return f"median {statistics.median(ordered):.2f} s, p99 {p99:.2f} s, max {ordered[-1]:.2f} s of {len(ordered)}"


def trial(folder: Path, forks: Nursery, rounds: int, seed: int, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Raises AssertionError at the first round after which something is wrong. tell: of the progress, a line a
    database."""
    report = Report()
    while report.rounds < rounds:
        number = report.rounds // DATABASE_ROUNDS
        several = min(DATABASE_ROUNDS, rounds - report.rounds)
        database = _Database(folder / f"data-{number}", seed + number, number % len(FLAGS), forks, report)
        database.do_rounds(several)
        tell(f"{report.rounds} rounds, {report.told.acknowledged} changes acknowledged")
    return report


class _Database:
    def __init__(self, data: Path, seed: int, kind: int, forks: Nursery, report: Report) -> None:
        self._chance = chance = Random(f"{seed} kills")
        sizes = ("--seal-points", chance.choice(["150", "400", "2000"]), "--seal-age-s", chance.choice(["0.3", "1"]))
        self._flags = (*FLAGS[kind], *sizes)
        self._seed = seed
        self._data = data
        self._backup = data.with_name(f"{data.name}-backup")
        self._server = ForkedServer(data, self._flags, nursery=forks)
        self._senders: list[Sender] = senders_for(kind, seed)
        self._report = report

    def do_rounds(self, rounds: int) -> None:
        self._server.start()
        try:
            for number in range(rounds):
                try:
                    self._do_round()
                    if number % COLD_EVERY == COLD_EVERY // 2:
                        self._start_cold()
                    check_log(self._server.log)
                except (Wrong, CannotBackUp) as wrong:
                    raise AssertionError(f"round {number} of seed {self._seed} in {self._data}: {wrong}") from wrong
        finally:
            self._server.kill()
        self._report.told.add(told_by(self._senders))
        for what in ("sealed", "merged", "cut a torn write"):
            count = self._server.log.read_text().count(f"] {what}")
            self._report.logged[what] = self._report.logged.get(what, 0) + count

    def _do_round(self) -> None:
        asker = Asker(self._chance.randrange(10**9))
        load = Load(self._server, self._senders, asker)
        lasts_s = self._chance.uniform(0.1, 1.2)
        if self._chance.random() < 0.35:
            self._operate_until_killed(lasts_s)
        else:
            time.sleep(lasts_s)
            self._server.kill()
        load.end()
        if asker.wrong:
            raise Wrong("; ".join(asker.wrong[:3]))
        self._report.kills += 1
        self._report.asked += sum(asker.statuses.values())
        self._kill_while_starting()
        begin = time.monotonic()
        self._server.start()
        self._report.restarts_s.append(time.monotonic() - begin)
        check_all(self._server, self._senders)
        if self._backup.exists():
            verify_backup(self._backup)
            self._report.backups += 1
        self._report.rounds += 1

    def _operate_until_killed(self, lasts_s: float) -> None:
        """The kill comes in the midst of a seal or a backup, or soon after it."""
        time.sleep(lasts_s)
        wrong: list[Wrong] = []

        def do() -> None:
            try:
                operate(self._server, self._chance, self._backup)
            except Wrong as other:
                wrong.append(other)

        operator = threading.Thread(target=do)
        operator.start()
        time.sleep(self._chance.uniform(0, 0.15))
        self._server.kill()
        operator.join()
        if wrong:
            raise wrong[0]

    def _kill_while_starting(self) -> None:
        if self._chance.random() < 0.3:
            for _ in range(self._chance.randint(1, 4)):
                self._server.begin()
                time.sleep(self._chance.uniform(0, 0.35))
                self._server.kill()
                self._report.kills += 1
                self._report.kills_while_starting += 1

    def _start_cold(self) -> None:
        self._server.kill()
        cold = ServerProcess(self._data, self._flags)
        begin = time.monotonic()
        cold.start()
        self._report.cold_s.append(time.monotonic() - begin)
        try:
            check_all(cold, self._senders)
        finally:
            cold.kill()
        self._report.kills += 2
        self._server.start()


def check_log(log: Path) -> None:
    """Raises Wrong for a line of an error."""
    grave = [line for line in log.read_text(errors="replace").splitlines() if "[error" in line or "Traceback" in line]
    if grave:
        raise Wrong(f"the log says {grave[:3]}")
