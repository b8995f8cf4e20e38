"""A hunt: steps done to a store and to a dict, which must then hold the same. One thread, no real clock, no chance but
the steps' own, so that the same steps end the same way."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from hunt_disk import Calls, Died, Disk, Fault, some_fault
from hunt_files import check_journal_is_cut, check_log, check_tidy, current_of, gone_for_good, open_below, outside_view
from hunt_model import RETENTION, Batch, Bundle, Change, Contents, Deletion, Model, Paper, contents_of, difference
from hunt_spoiled import (
    Past,
    Sent,
    Trial,
    begin_foreign,
    facts_of_model,
    forgets,
    noted,
    replace_all,
    replacements,
    rot,
)
from hunt_sqlite import shim
from hunt_steps import (
    HOSTS,
    KINDS,
    METRICS,
    NAMES,
    START_MS,
    Step,
    batch,
    batches,
    bundle,
    columns,
    deletion,
    key_range,
    time_ms,
    time_range,
)
from numpy.typing import NDArray
from structlog.testing import capture_logs

from headrace import limits
from headrace.config import Settings
from headrace.errors import Unavailable
from headrace.gate import RuleSet, admit
from headrace.metrics import Metrics
from headrace.model.points import Admitted
from headrace.model.series import SeriesName
from headrace.store import Document, DocumentRange, TagCondition
from headrace.store.embedded.reading.snapshot import EmbeddedSnapshot
from headrace.store.embedded.restoring import restore_segments
from headrace.store.embedded.store import EmbeddedStore, assemble_store

RULES = RuleSet("hunt", 0, None, 1, 8, 1000)

SMALL_LIMITS: dict[str, Any] = {
    "ROW_GROUP_ROWS": 97,
    "ROW_GROUP_TEXT_BYTES": 20_000,
    "SERIES_CHUNK": 3,
    "SERIES_STEP": 2,
    "SERIES_CHUNK_BYTES": 100,
    "SERIES_RECORD_BYTES": 100,
    "CATALOG_CHUNK_SERIES": 5,
    "CATALOG_CHUNK_BYTES": 150,
    "JOURNAL_WINDOW_BYTES": 4096,
    "COMMIT_POINTS": 60,
    "COMMIT_POINT_BYTES": 3000,
    "SEAL_TEXT_BYTES": 2000,
    "PROBE_BYTES": 64,
    "PROBE_INTERVAL_S": 0.0,
    "SEAL_WAIT_S": 0.0,
    "SEAL_OTHER_BYTES": 20_000,
    "DOCUMENTS_SWEPT": 1,
    "SEALER_TICK_S": 0.0,
    "MERGE_FACTOR": 3,
    "MERGE_INPUTS_MAX": 4,
    "MERGE_ROWS_MAX": 1000,
    "MERGE_SERIES_MAX": 20,
    "APPLY_DELETES_S": 0.0,
    "DISK_CHECK_INTERVAL_S": 0.0,
}
"""So that a few points meet every boundary, and nothing waits."""

TURNS_MAX = 20

UNWATCHED = ("kill", "die", "power", "fail", "full", "rot", "replace")
"""Steps that are more than what a server does on a disk."""

OLDER_MAX = 3
"""So many copies of earlier steps are kept."""


@dataclass(frozen=True)
class Pin:
    """A snapshot that is held open, and what it must go on showing."""

    stack: ExitStack
    snapshot: EmbeddedSnapshot
    model: Model
    now_ms: int


class Doubt(NamedTuple):
    """A change that may have been committed. names: of the series that were known by then, which its commit would have
    brought with it."""

    change: Change
    names: frozenset[SeriesName]


class Hunt:
    """One database with its model. acknowledged, crashes, faults: how often, for whoever watches.   spoilt: what came
    of copies of it that were."""

    def __init__(self, folder: Path, logged: Sequence[Any], clock: Clock) -> None:
        self.acknowledged = self.crashes = self.faults = 0
        self.spoilt: Counter[str] = Counter()
        self._folder = folder
        self._logged = logged
        self._log_read = 0
        self._clock = clock
        self._loop = asyncio.new_event_loop()
        self._model = Model()
        self._registered: set[SeriesName] = set()
        self._unsure: list[Doubt] = []
        self._sent = Sent()
        self._past = Past()
        self._older: list[Path] = []
        """Copies of the database at earlier steps."""
        self._copies = 0
        self._pins: list[Pin] = []
        self._lives = 0
        self._noisy = False
        """Whether a power cut has left garbage in the journal, which may be named as damage."""
        self._disk = self._new_disk(folder / "data-0")
        self._store = self._open(Random(0))

    def do(self, step: Step) -> None:
        """Raises AssertionError when store and model differ, and whatever the store should not have raised."""
        chance = Random(step.seed)
        if step.word in UNWATCHED:
            getattr(self, f"_{step.word}")(chance)
        else:
            self._act(step.word, chance)
        self._check_log()

    def close(self) -> None:
        """Check all once more, then let go."""
        self._compare()
        self._leave()
        self._loop.close()

    def _act(self, word: str, chance: Random) -> None:
        with self._disk.watching():
            getattr(self, f"_{word}")(chance)

    @contextmanager
    def _unless_unreadable(self) -> Iterator[None]:
        """What reads may be refused when the disk fails, and only then. It is never damage."""
        try:
            yield
        except Unavailable:
            assert self._disk.hits, "refused without need"

    # what a server does -----------------------------------------------------------------------------------------------

    def _write(self, chance: Random) -> None:
        self._change(batches(chance, self._clock.now_ms))

    def _delete(self, chance: Random) -> None:
        """Alone or among writes; of series that are known, and of some that are hidden."""
        asked = deletion(chance, self._clock.now_ms)
        known = tuple(name for name in asked.series if name in self._model.names)
        changes: list[Change] = [Deletion(known, asked.start_ms, asked.end_ms)] if known else []
        if chance.random() < 0.4:
            changes += batches(chance, self._clock.now_ms)
            chance.shuffle(changes)
        self._change(changes)

    def _commit(self, chance: Random) -> None:
        """Alone or among writes."""
        changes: list[Change] = [self._bundle(chance) for _ in range(chance.randint(1, 3))]
        if chance.random() < 0.3:
            changes += batches(chance, self._clock.now_ms)
            chance.shuffle(changes)
        self._change(changes)

    def _bundle(self, chance: Random) -> Bundle:
        """It can only delete series that are known."""
        asked = bundle(chance, self._clock.now_ms)
        return replace(asked, deleted=tuple(name for name in asked.deleted if name in self._model.names))

    def _register(self, chance: Random) -> None:
        """A batch that passes the gate but never reaches the store."""
        self._admit(batch(chance, self._clock.now_ms))

    def _admit(self, batch: Batch) -> Admitted:
        admission = admit(columns(batch, self._store.table), RULES, self._store.table)
        assert not admission.refused
        self._registered.update(point.name for point in batch.points)
        self._sent.register(batch)
        return admission.admitted

    def _change(self, changes: Sequence[Change]) -> None:
        """Ask for all changes at once; let the writer work until each is answered."""
        tasks = [self._loop.create_task(self._ask(change)) for change in changes]
        self._turn_loop()
        refused_at_once = [task.done() and task.exception() is not None for task in tasks]
        try:
            for _ in range(TURNS_MAX):
                if all(task.done() for task in tasks):
                    break
                self._store._writer.take_turn()
                self._turn_loop()
        finally:
            self._turn_loop()
            for task, change, at_once in zip(tasks, changes, refused_at_once, strict=True):
                self._settle(task, change, at_once)

    async def _ask(self, change: Change) -> int:
        self._sent.add(change)
        match change:
            case Batch():
                return await self._store.append(self._admit(change))
            case Deletion():
                ordinals, _ = self._store.table.lookup(self._keys(change.series))
                return await self._store.delete(ordinals, change.start_ms, change.end_ms)
            case Bundle():
                ordinals, _ = self._store.table.lookup(self._keys(change.deleted))
                papers = [Document(*one) if isinstance(one, Paper) else DocumentRange(*one) for one in change.papers]
                return await self._store.commit(papers, self._admit(change.batch), ordinals)

    def _settle(self, task: asyncio.Task[int], change: Change, refused_at_once: bool) -> None:
        if not task.done():
            assert self._disk.dead, "an append is never answered"
            task.cancel()
            self._turn_loop()
            self._doubt(change)
        elif isinstance(failure := task.exception(), Unavailable):
            need = self._disk.hits or self._disk.full or self._store.refusing or self._is_full()
            assert need, f"refused without need: {failure}"
            if not refused_at_once:
                self._doubt(change)
        elif failure is not None:
            raise failure
        elif not _is_empty(change):
            # Whatever failed before is disowned by what was written after it.
            self._unsure = []
            self._model.register(self._registered)
            self._model.apply(change)
            self._past.add(task.result(), change, self._registered)
            self.acknowledged += 1

    def _doubt(self, change: Change) -> None:
        """Nobody was told that it succeeded: after a crash it may be there whole, or not at all."""
        self._unsure.append(Doubt(change, frozenset(self._registered)))

    def _is_full(self) -> bool:
        return len(self._store._parts.visible._generations) >= limits.GENERATIONS_MAX

    def _turn_loop(self) -> None:
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(asyncio.sleep(0))

    def _freeze(self, chance: Random) -> None:
        self._store._writer.freeze()
        self._store._writer.take_turn()

    def _seal(self, chance: Random) -> None:
        for _ in range(chance.choice([1, 1, 4])):
            waiting = len(self._store._parts.visible._generations)
            self._store._sealer.take_turn()
            sealed = waiting > 1
            if not self._disk.hits:
                assert len(self._store._parts.visible._generations) == waiting - sealed, "nothing was sealed"
                # Without an open file the next one is begun by the next append: then a file that is spent may stay.
                if sealed and self._store._parts.journal._current is not None:
                    with self._disk.looking():
                        check_journal_is_cut(self._disk.root)

    def _merge(self, chance: Random) -> None:
        for _ in range(chance.choice([1, 1, 5])):
            try:
                if not self._store._housekeeping.merge(lambda: None):
                    break
            except Unavailable:
                assert self._disk.hits or self._disk.full

    def _seal_all(self) -> None:
        for _ in self._store._parts.visible._generations[:-1]:
            self._store._sealer.take_turn()

    def _wait(self, chance: Random) -> None:
        self._clock.now_ms += chance.choice([1, 1000, 10_000, 100_000])

    def _query(self, chance: Random) -> None:
        with self._unless_unreadable(), self._store.snapshot() as snapshot:
            series = chance.sample(NAMES, k=chance.randint(1, len(NAMES)))
            start_ms, end_ms = time_range(chance, self._clock.now_ms)
            self._select(snapshot, self._model, self._clock.now_ms, series, start_ms, end_ms)
            self._find(snapshot, chance)
            if chance.random() < 0.25:  # it takes longer than all the rest
                self._last(snapshot, series, chance)
        self._suggest(chance)
        with self._unless_unreadable():
            self._papers(chance)

    def _papers(self, chance: Random) -> None:
        kind, (first, end), backwards = chance.choice(KINDS), key_range(chance), chance.random() < 0.5
        limit = chance.choice([None, 0, 1, 2])
        papers = [(key, body) for (of, key), body in self._model.papers.items() if of == kind and first <= key < end]
        expected = sorted(papers, reverse=backwards)[:limit]
        assert self._store.documents(kind, first, end, limit, backwards) == expected
        assert self._store.document_keys(kind, first, end) == sorted(key for key, _ in papers)
        assert self._store.document(kind, first) == self._model.papers.get((kind, first))

    def _pin(self, chance: Random) -> None:
        if len(self._pins) < 3:
            stack = ExitStack()
            snapshot = stack.enter_context(self._store.snapshot())
            self._pins.append(Pin(stack, snapshot, self._model.copy(), self._clock.now_ms))

    def _unpin(self, chance: Random) -> None:
        if self._pins:
            pin = self._pins.pop(chance.randrange(len(self._pins)))
            with pin.stack, self._unless_unreadable():
                self._select(pin.snapshot, pin.model, pin.now_ms, NAMES, *time_range(chance, pin.now_ms))
                self._select(pin.snapshot, pin.model, pin.now_ms, NAMES, -(2**63), 2**63 - 1)

    def _outside(self, chance: Random) -> None:
        """Seal all there is; then a reader from outside must see what we see."""
        self._seal_all()
        self._heal()
        self._freeze(chance)
        self._seal_all()
        assert not self._store._parts.visible.recent_points, "cannot be sealed"
        found = outside_view(self._disk.root, self._clock.now_ms)
        wrong = difference(found, self._model.contents(self._clock.now_ms))
        assert not wrong, f"read from outside: {wrong}"

    def _reopen(self, chance: Random) -> None:
        """Sometimes what was dropped is brought back before: none of it may show."""
        self._leave()
        if chance.random() < 0.3:
            kept = [Path(entry["file"]) for entry in current_of(self._disk.root)["dropped"]]
            kept = [file for file in kept if (self._disk.root / "segments" / "dropped" / file).exists()]
            with self._disk.watching():
                assert len(list(restore_segments(self._disk.root, kept))) == len(kept)
        self._store = self._open(chance)
        self._compare()
        check_tidy(self._disk.root, gone_for_good(self._logged), self._noisy)

    # what disks and power do to it ------------------------------------------------------------------------------------

    def _some(self, chance: Random) -> None:
        """A few things that a server does, under whatever the disk is armed with."""
        words = [
            "write",
            "write",
            "delete",
            "commit",
            "freeze",
            "seal",
            "seal",
            "merge",
            "query",
            "wait",
            "pin",
            "unpin",
        ]
        for _ in range(chance.randint(1, 6)):
            self._act(chance.choice(words), chance)

    def _fail(self, chance: Random) -> None:
        """Some calls fail; the store goes on, and takes points again once they no longer do."""
        self._disk.arm(some_fault(chance))
        self._some(chance)
        self.faults += bool(self._disk.hits)
        self._heal()
        self._compare()

    def _full(self, chance: Random) -> None:
        """No room is left but the reserve: nothing more is taken, and what is there can be sealed."""
        self._disk.full = True
        self._some(chance)
        self._act("seal", chance)
        self._heal()

    def _heal(self) -> None:
        self._disk.arm(None)
        self._disk.full = False
        with self._disk.watching():
            for _ in range(2):
                if self._store.refusing is not None:
                    self._store._writer.take_turn()
        assert self._store.refusing is None, f"refuses for ever: {self._store.refusing}"

    def _kill(self, chance: Random) -> None:
        self._crash(chance, power=False)

    def _die(self, chance: Random) -> None:
        self._until_dead(chance)
        self._crash(chance, power=False)

    def _power(self, chance: Random) -> None:
        if chance.random() < 0.3:
            self._disk.arm(some_fault(chance))
            self._some(chance)
        self._until_dead(chance)
        self._crash(chance, power=True)

    def _until_dead(self, chance: Random) -> None:
        of = chance.choice([Calls.CHANGES, Calls.CHANGES, Calls.SQLITE])
        self._disk.arm(Fault(chance.randint(1, 20), part=chance.random(), of=of))
        try:
            self._some(chance)
        except Died:
            self.faults += 1

    def _crash(self, chance: Random, *, power: bool) -> None:
        """Reopen from what is left, perhaps with crashes while opening, and find out what has become of what was
        under way."""
        self.crashes += 1
        self._after_crash(chance, power=power)
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            self._disk.arm(some_fault(chance, may_die=True))
            try:
                self._store = self._open(chance)
            except (Died, Unavailable):
                # Never Corrupt and never Incomplete: what the disk did not give is not judged.
                assert self._disk.hits, "refused without need"
                self.faults += 1
                self._after_crash(chance, power=power, opened=False)
            else:
                self._disk.arm(None)
                self._resolve()
                self._after_crash(chance, power=power)
        self._disk.arm(None)
        self._store = self._open(chance)
        self._resolve()
        check_tidy(self._disk.root, gone_for_good(self._logged), self._noisy)
        if chance.random() < 0.5:
            self._reopen(chance)

    def _after_crash(self, chance: Random, *, power: bool, opened: bool = True) -> None:
        """The old life ends, and what it leaves on disk is copied to where the next one begins."""
        old = self._disk
        self._lives += 1
        data = self._folder / f"data-{self._lives}"
        if power:
            old.copy_after_power_cut(data, chance)
            self._noisy = self._noisy or old.noise
        else:
            old.copy_after_kill(data)
        if opened:
            self._leave()
        shutil.rmtree(old.root)
        self._disk = self._new_disk(data)

    def _resolve(self) -> None:
        """After an opening: what was in doubt either counts from now on or never did. A failed write may have left a
        commit behind, but a later one begins with throwing that away: so what is left of them is one run."""
        found = self._everything()
        candidates = list(self._candidates())
        differences = [self._difference(found, candidate) for candidate in candidates]
        assert not all(differences), f"none of {len(candidates)} possible contents: " + "\n or ".join(differences)
        self._model = candidates[differences.index("")]
        self._unsure = []
        self._past.begin(self._store._parts.journal.last_sequence, self._model)

    def _candidates(self) -> Iterator[Model]:
        yield self._model
        for begin in range(len(self._unsure)):
            candidate = self._model.copy()
            for doubt in self._unsure[begin:]:
                candidate.register(doubt.names)
                candidate.apply(doubt.change)
                yield candidate.copy()

    # what becomes of files behind its back, in copies -----------------------------------------------------------------

    def _rot(self, chance: Random) -> None:
        """Bytes of a file change, before it is opened or while it is in use."""
        with self._copy() as trial:
            if trial is not None:
                happens = rot(trial.folder, chance)
                later = chance.random() < 0.4
                if not later:
                    happens.happen()
                with noted(f"{happens}, {'later' if later else 'before'}"):
                    self.spoilt[trial.outcome(happens.happen if later else None, happens.may_look_torn).word] += 1

    def _replace(self, chance: Random) -> None:
        """Files are replaced by what they were at an earlier step, by nothing, or by those of another database."""
        with self._copy() as trial:
            if trial is not None:
                older = chance.choice(self._older) if self._older else None
                chosen = replacements(trial.folder, chance, older is not None)
                replace_all(trial.folder, chosen, older, self._foreign())
                with noted(f"replaced: {chosen}"):
                    self.spoilt[trial.outcome(None, forgets(trial.folder, chosen)).word] += 1
                self._keep_older(chance)

    @contextmanager
    def _copy(self) -> Iterator[Trial | None]:
        """None while something is in doubt."""
        if self._unsure:
            yield None
            return
        folder = self._folder / "copy"
        self._disk.copy_after_kill(folder)
        now_ms = self._clock.now_ms
        yield Trial(
            Settings(data_dir=folder, seal_points=150, retention=RETENTION),
            now_ms,
            facts_of_model(self._model, now_ms),
            self._sent.holds,
            self._store.damaged,
            self._past,
        )
        shutil.rmtree(folder)
        self._log_read = len(self._logged)

    def _keep_older(self, chance: Random) -> None:
        if len(self._older) == OLDER_MAX:
            shutil.rmtree(self._older.pop(chance.randrange(OLDER_MAX)))
        self._copies += 1
        self._older.append(self._folder / f"older-{self._copies}")
        self._disk.copy_after_kill(self._older[-1])

    def _foreign(self) -> Path:
        """Another database, with something in it."""
        folder = self._folder / "foreign"
        if not folder.exists():
            begin_foreign(Settings(data_dir=folder), START_MS)
        return folder

    # opening and leaving ----------------------------------------------------------------------------------------------

    def _new_disk(self, data: Path) -> Disk:
        attic = data.with_name(f"{data.name}-attic")
        attic.mkdir()
        disk = Disk(data, attic)
        if (sqlite := shim()) is not None:
            sqlite.watcher = disk
        return disk

    def _open(self, chance: Random) -> EmbeddedStore:
        self._registered = set()
        seal_points = chance.choice([1, 8, 40, 150, 600])
        settings = Settings(
            data_dir=self._disk.root,
            seal_points=seal_points,
            retention=RETENTION,
            retention_grace_bytes_max=chance.choice([0, 20_000, 1 << 30]),
        )
        with self._disk.watching():
            return assemble_store(settings, Metrics(), lambda: self._clock.now_ms)

    def _leave(self) -> None:
        for pin in self._pins:
            pin.stack.close()
        self._pins = []
        self._store._parts.close()
        left = open_below(self._disk.root)
        assert not left, f"closed, and still open: {left}"

    # comparing --------------------------------------------------------------------------------------------------------

    def _everything(self) -> tuple[set[SeriesName], Contents, dict[tuple[str, str], bytes]]:
        """All series, points and documents of the store."""
        papers = {(kind, key): body for kind in KINDS for key, body in self._store.documents(kind, "", "\U0010ffff")}
        names: list[SeriesName] = []
        with self._store.snapshot() as snapshot:
            for metric in METRICS:
                try:
                    names += snapshot.names(snapshot.find(metric, {}))
                except KeyError:
                    continue
            columns = snapshot.select(self._ordinals(snapshot, names), -(2**63), 2**63 - 1)
            return set(names), contents_of(columns, snapshot.names(columns.series)), papers

    def _difference(self, found: tuple[set[SeriesName], Contents, dict[tuple[str, str], bytes]], model: Model) -> str:
        names, contents, papers = found
        if names != model.shown:
            return f"series: {names - model.shown} too many, {model.shown - names} missing"
        if papers != model.papers:
            return f"documents: {papers} instead of {model.papers}"
        return difference(contents, model.contents(self._clock.now_ms))

    def _compare(self) -> None:
        wrong = self._difference(self._everything(), self._model)
        assert not wrong, wrong
        named = [said for said in self._store.damaged if not (self._noisy and said.startswith("journal/"))]
        assert not named, f"named, though nothing is damaged: {named}"

    def _select(
        self,
        snapshot: EmbeddedSnapshot,
        model: Model,
        now_ms: int,
        series: Sequence[SeriesName],
        start_ms: int,
        end_ms: int,
    ) -> None:
        asked = [name for name in series if name in model.names]
        columns = snapshot.select(self._ordinals(snapshot, asked), start_ms, end_ms)
        found = contents_of(columns, snapshot.names(columns.series))
        expected = model.contents(now_ms, start_ms, end_ms)
        wrong = difference(found, {name: expected[name] for name in asked if name in expected})
        assert not wrong, f"{start_ms}..{end_ms}: {wrong}"
        assert list(found) == [name for name in asked if name in found], "series are not in the order asked for"

    def _last(self, snapshot: EmbeddedSnapshot, series: Sequence[SeriesName], chance: Random) -> None:
        before_ms = time_ms(chance, self._clock.now_ms)
        asked = [name for name in series if name in self._model.names]
        columns = snapshot.last(self._ordinals(snapshot, asked), before_ms)
        contents = self._model.contents(self._clock.now_ms, end_ms=before_ms)
        wrong = difference(
            contents_of(columns, snapshot.names(columns.series)),
            {name: contents[name][-1:] for name in asked if name in contents},
        )
        assert not wrong, f"last before {before_ms}: {wrong}"

    def _ordinals(self, snapshot: EmbeddedSnapshot, names: Sequence[SeriesName]) -> NDArray[np.uint32]:
        keys = self._keys(names)
        ordinals, _ = self._store.table.lookup(keys)
        assert snapshot.names(ordinals) == list(names)
        return ordinals

    def _keys(self, names: Sequence[SeriesName]) -> NDArray[np.uint64]:
        return np.array([self._store.table.key_of(name) for name in names], dtype=np.uint64).reshape(-1, 2)

    def _find(self, snapshot: EmbeddedSnapshot, chance: Random) -> None:
        metric, host, letter = chance.choice(METRICS), chance.choice(HOSTS), chance.choice("abe東")
        dc = chance.choice(["eu", "us"])
        questions: list[tuple[dict[str, list[TagCondition]], Any]] = [
            ({}, lambda tags: True),
            ({"host": [_is(host)]}, lambda tags: tags["host"] == host),
            ({"host": [_has(letter)]}, lambda tags: letter in tags["host"]),
            ({"dc": [_has("")]}, lambda tags: "dc" in tags),
            ({"dc": [_is(dc)], "host": [_is(host)]}, lambda tags: tags.get("dc") == dc and tags["host"] == host),
            ({"host": [_has(letter), _is(host)]}, lambda tags: letter in tags["host"] and tags["host"] == host),
            ({"rack": [_has("")]}, lambda tags: False),
        ]
        conditions, holds = chance.choice(questions)
        of_metric = {name for name in self._model.shown if name.metric == metric}
        try:
            found = snapshot.find(metric, conditions)
        except KeyError:
            assert not of_metric, f"{metric} is not found"
            return
        assert of_metric, f"{metric} is found"
        names = snapshot.names(found)
        assert np.all(np.diff(found.astype(np.int64)) > 0)
        assert set(names) == {name for name in of_metric if holds(dict(name.tags))}, (metric, list(conditions))
        assert snapshot.tag_values(found, "dc").tolist() == [dict(name.tags).get("dc") for name in names]

    def _suggest(self, chance: Random) -> None:
        role = chance.choice(["metrics", "tagk", "tagv"])
        names = self._model.names
        texts = {
            "metrics": {name.metric for name in self._model.shown},
            "tagk": {key for name in names for key, _ in name.tags},
            "tagv": {value for name in names for _, value in name.tags},
        }[role]
        prefix, limit = chance.choice(["", "c", "cpu", "dc", "host", "東", "zz"]), chance.choice([1, 3, 100])
        expected = sorted(text for text in texts if text.startswith(prefix))[:limit]
        assert self._store.suggest(role, prefix, limit) == expected, (role, prefix, limit)

    def _check_log(self) -> None:
        entries, self._log_read = self._logged[self._log_read :], len(self._logged)
        check_log(entries, self._noisy)


def _is_empty(change: Change) -> bool:
    """Whether the store has nothing to do for it."""
    match change:
        case Batch():
            return not change.points
        case Deletion():
            return not change.series
        case Bundle():
            return change.is_empty


def _is(text: str) -> TagCondition:
    return lambda values: np.array([value == text for value in values.to_pylist()], dtype=np.bool_)


def _has(text: str) -> TagCondition:
    return lambda values: np.array([text in value for value in values.to_pylist()], dtype=np.bool_)


class Clock:
    """What the store takes for the time."""

    def __init__(self) -> None:
        self.now_ms = START_MS


@contextmanager
def hunting(folder: Path | None = None) -> Iterator[Hunt]:
    """A hunt that begins with an empty database, in a world that holds still: a clock of its own, small limits."""
    clock = Clock()
    sqlite = shim()
    with (
        sqlite.in_use() if sqlite is not None else nullcontext(),
        tempfile.TemporaryDirectory(dir=folder, prefix="hunt-") as own,
        mock.patch.multiple(limits, **SMALL_LIMITS),
        mock.patch("os.urandom", Random(1).randbytes),
        capture_logs() as logged,
    ):
        yield Hunt(Path(own).resolve(), logged, clock)


@dataclass(frozen=True)
class Failure:
    """step: the index of the one that failed."""

    step: int
    error: BaseException


@dataclass(frozen=True)
class Outcome:
    """failure: None when store and model agreed to the end. The counts say what the hunt went through."""

    failure: Failure | None
    acknowledged: int
    crashes: int
    faults: int
    spoilt: Counter[str]


def run(steps: Sequence[Step], folder: Path | None = None) -> Outcome:
    """Do the steps, from an empty database on, below `folder` (default: where temporary files go)."""
    failure = None
    with hunting(folder) as hunt:
        number = 0
        try:
            for number, step in enumerate(steps):  # noqa: B007 - the failure wants to know it
                hunt.do(step)
            number = len(steps)
            hunt.close()
        except (Exception, Died) as error:  # noqa: BLE001 - whatever it is, it is what we hunt
            failure = Failure(number, error)
        return Outcome(failure, hunt.acknowledged, hunt.crashes, hunt.faults, hunt.spoilt)
