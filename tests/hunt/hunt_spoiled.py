"""A copy of the database is spoilt: bits rot, files are older copies, missing or another's. It must show what it had,
or name what it has not, or refuse (tests/trials/law.py), whatever it then does, and when it is opened again. The
database itself goes on untouched."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from hunt_images import SECTOR_BYTES
from hunt_model import Batch, Bundle, Change, Model, Paper, Seen, contents_of
from hunt_steps import KINDS, METRICS
from law import Facts, Outcome, judged, read_until_named, refused
from replacing import NEWEST, newest_of_journal, replace
from verifying import check_word, said_of

from headrace.config import Settings
from headrace.errors import Corrupt, HeadraceError, Incomplete, Unavailable
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import SeriesName, series_name
from headrace.model.time import ALL_TIME
from headrace.store import Document
from headrace.store.embedded.store import EmbeddedStore, assemble_store

NO_CONTENT = ("lock", "-shm", ".tmp")
"""Files that mean nothing to the next start."""

PARTS = ("catalog.sqlite", "documents.sqlite", "segments/current.json", "segments", "journal", NEWEST)
EVERYTHING = PARTS[:2] + PARTS[3:5]
WAYS = ("older", "older", "missing", "empty", "foreign")


def facts_of(store: EmbeddedStore) -> Facts:
    """What it shows. Raises as the store's reads do."""
    names: list[SeriesName] = []
    with store.snapshot() as snapshot:
        for metric in METRICS:
            with suppress(KeyError):
                names += snapshot.names(snapshot.find(metric, {}))
        keys = np.array([store.table.key_of(name) for name in names], dtype=np.uint64).reshape(-1, 2)
        ordinals, _ = store.table.lookup(keys)
        columns = snapshot.select(ordinals, *ALL_TIME)
        points = contents_of(columns, snapshot.names(columns.series))
    facts: dict[object, object] = {("series", name): True for name in names}
    facts |= {("point", name, seen.time): seen for name, all_of in points.items() for seen in all_of}
    for kind in KINDS:
        facts |= {("document", kind, key): body for key, body in store.documents(kind, "", "\U0010ffff")}
    return facts


def facts_of_model(model: Model, now_ms: int) -> Facts:
    """What a store with this content shows."""
    facts: dict[object, object] = {("series", name): True for name in model.shown}
    for name, all_of in model.contents(now_ms).items():
        facts |= {("point", name, seen.time): seen for seen in all_of}
    return facts | {("document", *name): body for name, body in model.papers.items()}


class Sent:
    """Everything that was ever asked for, acknowledged or not."""

    def __init__(self) -> None:
        self._sent: dict[object, set[object]] = {}

    def register(self, batch: Batch) -> None:
        """Of a batch that passed the gate: its series come with the next commit, whatever becomes of the points."""
        for point in batch.points:
            self._sent[("series", point.name)] = {True}

    def add(self, change: Change) -> None:
        """Of a change that was asked for."""
        points = change.batch.points if isinstance(change, Bundle) else getattr(change, "points", ())
        for point in points:
            seen = Seen(point.time, point.value, point.arrival)
            self._sent.setdefault(("point", point.name, point.time), set()).add(seen)
        for paper in change.papers if isinstance(change, Bundle) else ():
            if isinstance(paper, Paper):
                self._sent.setdefault(("document", paper.kind, paper.key), set()).add(paper.body)

    def holds(self, fact: object, shown: object) -> bool:
        return shown in self._sent.get(fact, ())


class Past:
    """What the database was, after each acknowledged change."""

    def __init__(self) -> None:
        self._begun: list[tuple[int, Model]] = [(0, Model())]
        self._changes: list[tuple[int, Change, frozenset[SeriesName]]] = []

    def begin(self, sequence: int, model: Model) -> None:
        """After an opening: what was in doubt before is in it or not."""
        self._begun.append((sequence, model.copy()))

    def add(self, sequence: int, change: Change, names: Iterable[SeriesName]) -> None:
        """It was acknowledged, with the series that its commit brought. sequence: of its commit's last record."""
        self._changes.append((sequence, change, frozenset(names)))

    def was(self, found: Facts, sequence: int, now_ms: int) -> bool:
        """Whether that is what a store showed when `sequence` was the journal's last record. Of names the catalog may
        know more: it takes over all that there are when it seals, and which of them are deleted."""
        states = list(self._states_from(sequence))
        then = states[0]
        unsure = set().union(*(then.shown ^ state.shown for state in states))
        sure, expected = (
            {fact: shown for fact, shown in facts.items() if fact[0] == "document" or fact[1] not in unsure}
            for facts in (found, facts_of_model(then, now_ms))
        )
        return sure == expected

    def _states_from(self, sequence: int) -> Iterator[Model]:
        """The model then, and after each change and opening that followed."""
        begun, model = [(begun, model) for begun, model in self._begun if begun <= sequence][-1]
        model = model.copy()
        later = [(committed, change, names) for committed, change, names in self._changes if committed > begun]
        for committed, change, names in later:
            if committed > sequence:
                yield model.copy()
            model.register(names)
            model.apply(change)
        yield model
        yield from (model for begun, model in self._begun if begun > sequence)


@dataclass(frozen=True)
class Trial:
    """A copy in settings.data_dir, what it must show, and what it said of losses before."""

    settings: Settings
    now_ms: int
    expected: Facts
    was_sent: Callable[[object, object], bool]
    said_before: Sequence[str]
    past: Past

    @property
    def folder(self) -> Path:
        return self.settings.data_dir

    def outcome(self, spoil_later: Callable[[], None] | None, forgets: bool) -> Outcome:
        """Open it and let it do what servers do, twice.   spoil_later: what happens to it while it is open.   forgets:
        it may be as it was at an earlier moment without a word. Raises AssertionError, and whatever a store should not
        raise."""
        outcome = Outcome("", "")
        verified = said_of(self.folder) if spoil_later is None else ["not yet"]
        for life in range(2):
            try:
                store = assemble_store(self.settings, Metrics(), lambda: self.now_ms)
            except (Corrupt, Incomplete, Unavailable) as refusal:
                return refused(refusal)
            last_sequence = store._parts.journal.last_sequence if forgets else None
            told: list[str] = []
            try:
                if life == 0 and spoil_later is not None:
                    spoil_later()
                for _ in range(2):
                    outcome = self._judged(store, told, last_sequence)
                    told += _work(store)
                outcome = self._judged(store, told, last_sequence)
            finally:
                store._parts.close()
            check_word(verified, outcome)
        return outcome

    def _judged(self, store: EmbeddedStore, told: list[str], last_sequence: int | None) -> Outcome:
        """last_sequence: it may be what it was when that was the journal's last record."""

        def is_earlier(found: Facts) -> bool:
            return last_sequence is not None and self.past.was(found, last_sequence, self.now_ms)

        found, told_now = read_until_named(lambda: facts_of(store))
        told += told_now
        said = [sentence for sentence in [*store.damaged, *told] if sentence not in self.said_before]
        return judged(found, self.expected, self.was_sent, said, is_earlier)


def _work(store: EmbeddedStore) -> list[str]:
    """Seal all there is, merge what can be merged. Returns what went wrong with that."""
    told: list[str] = []
    store._writer.freeze()
    store._writer.take_turn()
    for _ in range(len(store._parts.visible._generations) + 1):
        store._sealer.take_turn()
    for _ in range(10):
        try:
            if not store._housekeeping.merge(lambda: None):
                break
        except HeadraceError as error:
            told.append(str(error))
    return told


# rot ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rot:
    """Bytes of a file that are not what was written. Made by `rot`, done by `happen`."""

    path: Path
    at: int
    instead: bytes
    may_look_torn: bool

    def happen(self) -> None:
        """Unless the file has gone since."""
        if not self.path.exists():
            return
        with self.path.open("r+b") as file:
            file.seek(self.at)
            file.write(self.instead)

    def __str__(self) -> str:
        return f"rot: {len(self.instead)} bytes of {self.path} at {self.at}"


def rot(folder: Path, chance: Random) -> Rot:
    """Of a bit or a sector of one of the files, each as often as any other."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and not file.name.endswith(NO_CONTENT)]
    path = chance.choice([file for file in files if file.stat().st_size])
    content = path.read_bytes()
    at = chance.randrange(len(content))
    if chance.random() < 0.6:
        return Rot(path, at, bytes([content[at] ^ 1 << chance.randrange(8)]), may_look_torn=False)
    at -= at % SECTOR_BYTES
    size = min(SECTOR_BYTES, len(content) - at)
    if chance.random() < 0.5:
        return Rot(path, at, chance.randbytes(size), may_look_torn=False)
    # The last commit of the journal, where a power cut leaves such sectors (docs/decisions/trust.md).
    return Rot(path, at, bytes(size), may_look_torn=path.suffix == ".journal")


# older copies and missing files ---------------------------------------------------------------------------------------


def replacements(folder: Path, chance: Random, are_older: bool) -> list[tuple[str, str]]:
    """Which parts to replace, and in which way: mostly one.   are_older: whether there is an older copy."""
    if are_older and chance.random() < 0.05:
        return [(part, "older") for part in EVERYTHING]
    ways = WAYS if are_older else WAYS[2:]
    beside = [f"{part}-wal" for part in PARTS[:2] if (folder / f"{part}-wal").exists()]
    files = [
        str(file.relative_to(folder)) for part in ("segments", "journal") for file in sorted((folder / part).iterdir())
    ]
    chosen = chance.sample([*PARTS, *PARTS, *beside, chance.choice(files)], k=chance.choice([1, 1, 1, 2]))
    return [(part, _way(part, ways, chance)) for part in dict.fromkeys(chosen)]


def _way(part: str, ways: Sequence[str], chance: Random) -> str:
    return chance.choice(ways) if part in PARTS else chance.choice(["missing", "empty"])


def replace_all(folder: Path, chosen: Sequence[tuple[str, str]], older: Path | None, foreign: Path) -> None:
    """older: the same database at an earlier moment.   foreign: another one."""
    for part, way in chosen:
        name = _name(folder, part)
        copies = {"foreign": foreign / _name(foreign, part)}
        if older is not None:
            copies["older"] = older / name
        if part.endswith("-wal"):
            if way == "missing":
                (folder / part).unlink(missing_ok=True)
            elif (folder / part).exists():
                os.truncate(folder / part, 0)
        elif name and (folder / name).parent.exists():  # the other one may be the folder that it is in
            replace(folder / name, way, copies)


def _name(folder: Path, part: str) -> str:
    if part != NEWEST:
        return part
    return newest_of_journal(folder) if list((folder / "journal").glob("*.journal")) else ""


def forgets(folder: Path, chosen: Sequence[tuple[str, str]]) -> bool:
    """What is not noticed (docs/decisions/trust.md): an older copy of everything, or of the journal's newest file, or
    that file missing when current.json does not know of it; never that the journal lacks a file that it knows."""
    if not any(part == NEWEST or part.startswith("journal") for part, _ in chosen):
        return False
    firsts = [int(path.stem) for path in (folder / "journal").glob("*.journal")]
    try:
        current = json.loads((folder / "segments" / "current.json").read_bytes())
    except (OSError, ValueError):
        return False
    known = current["others"]["journal_first"]
    return bool(known <= max(current["sealed_through"], *firsts, 0))


def begin_foreign(settings: Settings, now_ms: int) -> None:
    """Another database, with points and documents in segments and in the journal."""
    store = assemble_store(settings, Metrics(), lambda: now_ms)
    for number in range(2):
        changes = [Document(KINDS[0], f"foreign {number}", b"foreign")]
        name = series_name("foreign", {"host": str(number)})
        ordinal = store.table.register(store.table.key_of(name), name, 0)
        values = Values(np.full(3, Kind.INT64, dtype=np.uint8), np.arange(3))
        points = Admitted(np.full(3, ordinal, dtype=np.uint32), now_ms + np.arange(3), values)
        asyncio.run(_commit(store, changes, points))
        if number == 0:
            _work(store)
    store._parts.close()


async def _commit(store: EmbeddedStore, changes: Sequence[Document], points: Admitted) -> None:
    task = asyncio.create_task(store.commit(changes, points))
    await asyncio.sleep(0)
    store._writer.take_turn()
    await task


@contextmanager
def noted(what: str) -> Iterator[None]:
    """A failure in the block says what was done."""
    try:
        yield
    except BaseException as wrong:
        wrong.add_note(what)
        raise
