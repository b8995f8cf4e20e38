"""Reading the journal back: every sound record in order, torn writes cut, damage set aside and named.

A commit is one write and one fdatasync, and the next begins only after it. So a crash can leave only the last commit of
the last file torn (journal.torn), and nobody was told that it succeeded: it is cut. Anything else that is unsound is
damage: what it held is lost, its bytes are copied beside the file, and reading goes on with the next sound record. And
what cannot be read is neither: the opening ends, and nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import structlog

from headrace import limits
from headrace.errors import Corrupt, Unavailable
from headrace.store.embedded.files.durable import replaced_file, sync_folder
from headrace.store.embedded.files.listing import matching
from headrace.store.embedded.files.names import DAMAGED_SUFFIX, TEMPORARY_SUFFIX
from headrace.store.embedded.gaps import NO_GAPS, Gaps
from headrace.store.embedded.journal.format import (
    FILE_HEADER_BYTES,
    JOURNAL_PATTERN,
    check_file_header,
    crc_seed,
    first_sequence_of,
)
from headrace.store.embedded.journal.records import StoredRecord, StoredRun
from headrace.store.embedded.journal.scan import Sound, SoundRun, Unsound, scan
from headrace.store.embedded.journal.torn import is_torn
from headrace.store.embedded.journal.window import Window

log = structlog.get_logger(__name__)

_NO_END = 2**63 - 1
"""Above every sequence."""


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A file whose first record has, or will have, the sequence `first`."""

    first: int
    path: Path
    bytes: int


class Replay:
    """Iterate, once, to get the records after `applied`, some of them many at a time; then the attributes say what was
    found.

    findings: damage that was met; what it held is lost.   bytes_cut: of a torn write at the end.
    reached: the last record that the files hold, 0 without any.   last_sequence: of the last one that counts, at least
    `applied`.   files: what the folder holds, ascending.
    """

    def __init__(
        self, folder: Path, database_id: bytes, applied: int = 0, gaps: Gaps = NO_GAPS, mends: bool = True
    ) -> None:
        """folder: made if it is not there.   database_id: 16 bytes.   applied: the caller needs no record up to this
        one.   gaps: meets records that no file holds; where such are given up, so is what cannot be read.
        mends: False changes nothing on disk: what would be cut or set aside is only named."""
        self.folder = folder
        self.database_id = database_id
        self.applied = applied
        self.gaps = gaps
        self.mends = mends
        self.findings: list[Corrupt] = []
        self.bytes_cut = 0
        self.last_sequence = applied
        self.reached = 0
        self.files: list[JournalFile] = []

    def __iter__(self) -> Iterator[StoredRecord | StoredRun]:
        """Holds one window of a file (limits.JOURNAL_WINDOW_BYTES) and one commit in memory, and what the caller keeps.

        Raises Corrupt, before any record, when a file belongs to another database or format; Incomplete when records
        are missing without being damaged; Unavailable when the disk does not let us read, cut or set aside.
        """
        try:
            paths = self._open_folder()
            firsts = [first_sequence_of(path) for path in paths]
            if firsts and firsts[0] > self.applied + 1:
                missing = f"records {self.applied + 1} to {firsts[0] - 1} are gone"
                self.gaps.meet(self.folder.name, f"{missing}: {self.folder.name}/ begins with {paths[0].name}")
            for path, first, following in zip_longest(paths, firsts, firsts[1:]):
                if following is None:
                    yield from self._read_last(path, first)
                elif following > self.applied + 1:
                    yield from self._read(path, first, following)
                self.files.append(JournalFile(first, path, path.stat().st_size))
        except OSError as error:
            raise Unavailable(f"cannot read the journal: {error}") from error

    def _open_folder(self) -> list[Path]:
        if self.mends:
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
            for leftover in matching(self.folder, "*" + TEMPORARY_SUFFIX):
                leftover.unlink()
        paths = matching(self.folder, JOURNAL_PATTERN)
        for path in paths:
            with path.open("rb") as file:
                check_file_header(path, file.read(FILE_HEADER_BYTES), self.database_id)
        return paths

    def _read(self, path: Path, first: int, following: int) -> Iterator[StoredRecord | StoredRun]:
        """A file that another one follows, whose first sequence is `following`: that one was begun durably before
        anything in it was acknowledged, so what this one holds from there on belongs to a write that failed, and counts
        for nothing."""
        with path.open("rb") as file:
            reading = _Reading(self, path, first, file.fileno())
            yield from reading.settled(following)
            yield from reading.settle(following)
        self._reach(following - 1)

    def _read_last(self, path: Path, first: int) -> Iterator[StoredRecord | StoredRun]:
        """The file in which a power cut may have torn the last commit."""
        with path.open("r+b" if self.mends else "rb") as file:
            reading = _Reading(self, path, first, file.fileno())
            yield from reading.settled(None)
            if reading.commit:
                begin = reading.commit[0].begin
                if not reading.window.is_zero(begin, reading.window.size):  # else it is room that small commits brought
                    self._judge(reading, begin)
                if self.mends:
                    file.truncate(begin)
            if self.mends:
                # What a killed process had written but not synced is read back all the same: make it durable before it
                # is shown.
                os.fsync(file.fileno())
        self._reach(reading.reached)

    def _reach(self, sequence: int) -> None:
        self.reached = sequence
        self.last_sequence = max(self.last_sequence, sequence)

    def _judge(self, reading: _Reading, begin: int) -> None:
        """The last commit, which begins there and is not whole."""
        window = reading.window
        if is_torn(window, begin, reading.seed):
            self.bytes_cut = window.size - begin
            if self.mends:
                log.warning(
                    "cut a torn write off the journal", file=window.path.name, offset=begin, bytes=self.bytes_cut
                )
            return
        kept = reading.set_aside(Unsound(begin, window.size))
        cause = "cannot be read" if window.unreadable else "is damaged"
        lost = f"the last commit, from record {reading.reached + 1} on, {cause}; its bytes are {kept}"
        self.find(Corrupt(window.path, lost))

    def find(self, damage: Corrupt) -> None:
        """Damage, of which what it held is lost."""
        if self.mends:
            log.error("the journal is damaged", file=damage.file.name, detail=damage.detail)
        self.findings.append(damage)


class _Reading:
    """One file under way. commit: what was read of a commit of which it is not yet certain whether it counts.
    reached: the last sequence that is settled.   seed: of its CRCs."""

    def __init__(self, replay: Replay, path: Path, first: int, descriptor: int) -> None:
        self.commit: list[Sound | Unsound] = []
        self.reached = first - 1
        self.window = Window(path, descriptor, replay.gaps.accept_loss)
        self.seed = crc_seed(replay.database_id, first)
        self._replay = replay
        self._path = path
        if self.window.size < FILE_HEADER_BYTES:
            # It was begun durably, header and all, so neither a crash nor a wrong bit leaves it so.
            replay.find(Corrupt(path, f"records from {first} on are lost: it ends within its header"))
        elif not check_file_header(path, self.window.view(0, FILE_HEADER_BYTES).tobytes(), replay.database_id):
            # Every record must still agree with the header that the file's name demands, so none is believed wrongly.
            kept = self.set_aside(Unsound(0, min(FILE_HEADER_BYTES, self.window.size)))
            replay.findings.append(Corrupt(path, f"its header is damaged and {kept}; its records are read"))

    def settled(self, following: int | None) -> Iterator[StoredRecord | StoredRun]:
        """The records of whole commits below sequence `following`, and damage before them reported. Leaves the rest in
        `commit`."""
        runs = range(self._replay.applied + 1, _NO_END if following is None else following)
        for item in scan(self.window, self.reached + 1, self.seed, runs):
            if isinstance(item, SoundRun):
                # Its records are commits of their own, so whatever came before them is settled.
                yield from self.settle(item.first)
                self.reached = item.last
                yield StoredRun(item.first, item.last, item.points, item.ingested_ms)
                continue
            if isinstance(item, Sound):
                if following is not None and item.header.sequence >= following:
                    return
                if self.commit and item.header.commit_begin > self._commit_begin():
                    yield from self.settle(item.header.sequence)
            self.commit.append(item)
            if (
                isinstance(item, Sound)
                and item.header.left == 0
                and all(isinstance(part, Sound) for part in self.commit)
            ):
                yield from self.settle(item.header.sequence + 1)

    def settle(self, following: int) -> Iterator[StoredRecord | StoredRun]:
        """What is in `commit` counts: give its records, set aside its damage. `following`: the sequence that comes
        after it."""
        commit, self.commit = self.commit, []
        kept = []
        for item in commit:
            if isinstance(item, Unsound):
                kept.append(item)
                continue
            self._report(kept, item.header.sequence)
            kept = []
            self.reached = item.header.sequence
            if self.reached > self._replay.applied:
                yield StoredRecord(self.reached, item.header.type, item.payload, self._path)
        self._report(kept, following)
        self.reached = following - 1

    def _commit_begin(self) -> int:
        """The sequence with which the commit under way began, if what is unsound of it is a torn write."""
        begun = self.commit[0]
        return begun.header.commit_begin if isinstance(begun, Sound) else self.reached + 1

    def _report(self, unsound: list[Unsound], following: int) -> None:
        """Set aside what lies between the records `reached` and `following`, if records that are still needed were
        there."""
        lost_from = max(self.reached, self._replay.applied) + 1
        if lost_from >= following:
            return
        if not unsound:
            # Nothing here is damaged: a file is missing, or is an older copy.
            missing = f"records {lost_from} to {following - 1} are gone"
            self._replay.gaps.meet(self._path.parent.name, f"{missing}: {self._path.name} ends before them")
            return
        kept = "".join(f"; damaged bytes are {self.set_aside(stretch)}" for stretch in unsound)
        self._replay.find(Corrupt(self._path, f"records {lost_from} to {following - 1} are lost{kept}"))

    def set_aside(self, stretch: Unsound) -> str:
        """Copy damaged bytes into a file beside, unless an earlier opening did; returns where they are."""
        if not self._replay.mends:
            return f"left in place (bytes {stretch.begin} to {stretch.end - 1})"
        aside = self._path.with_name(f"{self._path.name}.{stretch.begin}-{stretch.end}{DAMAGED_SUFFIX}")
        if not aside.exists():
            with replaced_file(aside) as file:
                for begin in range(stretch.begin, stretch.end, limits.JOURNAL_WINDOW_BYTES):
                    length = min(limits.JOURNAL_WINDOW_BYTES, stretch.end - begin)
                    file.write(self.window.view(begin, length).data)
            sync_folder(aside.parent)
        return f"kept in {aside.name}"
