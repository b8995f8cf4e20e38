"""What a start makes of a journal that ends at any byte, and of reads that fail: it starts right, or it refuses and
says why. Never does a point lack while all is said to be well."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from forked_server import ForkedServer, NotStarted, Nursery
from injecting import Hits, injected
from load import FLAGS, Asker, Load, check_all, senders_for
from sending import START_S, Sender, Wrong

from headrace.config import Settings
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Values
from headrace.model.series import series_name
from headrace.store.embedded.store import EmbeddedStore, open_store

COMMITS = 6
CUT_COMMITS = 3
READS = ("read", "pread64", "preadv,preadv2", "openat")
LOADED_S = 1.5
REASONS = (
    "Input/output error",
    "errno 5",
    "disk I/O error",
    "unable to open database file",
    "readonly database",  # SQLite opens for reading what it cannot open for writing
    "when a read fails",
    "(a read failed)",
)
"""What a refusal says, one of them."""


def cut_trial(folder: Path, forks: Nursery, every: int, tell: Callable[[str], None] = lambda _: None) -> Counter[str]:
    """The journal ends at each byte of its last commits, at every so-many-th of them; or only zeros follow. Returns how
    often which outcome came. Raises AssertionError for any that should not come, and then `folder` has it."""
    data = folder / "made"
    ends = _make(data)
    outcomes: Counter[str] = Counter()
    [name] = [path.name for path in (data / "journal").glob("*.journal")]
    for at in range(ends[-CUT_COMMITS - 1], ends[-1], every):
        for way in ("cut", "zeros"):
            spoilt = folder / "spoilt"
            shutil.copytree(data, spoilt)
            path = spoilt / "journal" / name
            content = path.read_bytes()
            path.write_bytes(content[:at] + bytes(len(content) - at if way == "zeros" else 0))
            whole = sum(end <= at for end in ends)
            try:
                outcomes[_outcome_of_cut(spoilt, whole, forks)] += 1
            except Exception as wrong:
                wrong.add_note(f"byte {at} of {ends}, {way}")
                raise
            shutil.rmtree(spoilt)
        if sum(outcomes.values()) % 200 == 0:
            tell(told(outcomes))
    return outcomes


def _make(data: Path) -> list[int]:
    """Some commits that only the journal has, of three points each. Returns where each ends in its one file."""
    ends = []
    store = open_store(Settings(data_dir=data, disk_reserve_bytes=0), Metrics())
    with closing(store):
        for number in range(COMMITS):
            _put(store, number)
            ends.append(store._parts.journal.files()[-1].bytes)
        # As it is while it runs: closing would cut off the room behind the last commit.
        shutil.copytree(data, data.with_name("running"))
    shutil.rmtree(data)
    data.with_name("running").rename(data)
    return ends


def _put(store: EmbeddedStore, number: int) -> None:
    name = series_name("m", {"k": "v"})
    ordinal = store.table.register(store.table.key_of(name), name, 0)
    times = np.array([_second(number, place) * 1000 for place in range(3)], dtype=np.int64)
    values = Values(np.full(3, Kind.INT64, dtype=np.uint8), times // 1000 - START_S)
    asyncio.run(store.append(Admitted(np.full(3, ordinal, dtype=np.uint32), times, values)))


def _second(number: int, place: int) -> int:
    return START_S + 10 * number + place


def _outcome_of_cut(data: Path, whole: int, forks: Nursery) -> str:
    """whole: so many commits must be there; and the next, if only bytes behind its content are gone."""
    server = ForkedServer(data, nursery=forks)
    try:
        server.start()
    except NotStarted as refused:
        _check_refusal(refused, ("the last commit", "is damaged"))
        return "refused"
    try:
        status, health = server.get("/health")
        assert status == 200
        query = {"metric": "m", "aggregator": "none"}
        [answer] = server.query(start=START_S, end=START_S + 1000, queries=[query])
        assert answer["dps"] in (_points(whole), _points(whole + 1)), f"{answer['dps']} instead of {_points(whole)}"
    finally:
        server.kill()
    # Zeros within a sector are no write that a crash has torn.
    return "named" if b"damaged" in health else "right"


def _points(commits: int) -> dict[str, int]:
    return {str(_second(number, place)): 10 * number + place for number in range(commits) for place in range(3)}


def fault_trial(
    folder: Path,
    forks: Nursery,
    seed: int,
    every: int,
    tell: Callable[[str], None] = lambda _: None,
    calls: Sequence[str] = READS,
) -> Counter[str]:
    """Each call of a start that opens or reads a file of the database fails once with EIO, every so-many-th of them.
    Returns how often which outcome came, by call. Raises AssertionError for any that should not come."""
    outcomes: Counter[str] = Counter()
    data, senders = folder / "data", senders_for(0, seed)
    _fill(ForkedServer(data, _flags(), nursery=forks), senders, seed)
    trial = _Faults(folder, data, senders, forks)
    for call in calls:
        # strace counts for each thread, and most of them are of one.
        for number in range(1, trial.count(call) + 1, every):
            outcome = trial.outcome(call, number)
            outcomes[f"{call}: {outcome}"] += 1
            if number % 20 == 0:
                tell(told(outcomes))
    return outcomes


def _flags() -> tuple[str, ...]:
    return (*FLAGS[0], "--seal-points", "400", "--seal-age-s", "600")


def _fill(server: ForkedServer, senders: list[Sender], seed: int) -> None:
    """With something in every file, and a tail that only the journal has."""
    server.start()
    load = Load(server, senders, Asker(seed))
    time.sleep(LOADED_S)
    server.kill()
    load.end()
    server.start()
    check_all(server, senders)
    server.kill()


class _Faults:
    def __init__(self, folder: Path, data: Path, senders: list[Sender], forks: Nursery) -> None:
        self._folder = folder
        self._data = data
        self._senders = senders
        self._forks = forks

    def count(self, calls: str) -> int:
        """Of a start."""
        server = self._spoilt()
        with self._start(server, calls, "") as hits:
            server.wait_until_up()
        server.kill()
        return hits.calls

    def outcome(self, calls: str, number: int) -> str:
        """Of a start whose call of this number fails."""
        server = self._spoilt()
        refused = None
        try:
            with self._start(server, calls, f"error=EIO:when={number}") as hits:
                try:
                    server.wait_until_up()
                except NotStarted as end:
                    refused = end
            if refused is None:
                check_all(server, self._senders)
                server.kill()
            else:
                _check_refusal(refused, REASONS)
            server.log.unlink()
            # Nothing may have been cut, set aside or forgotten for it.
            server.start()
            check_all(server, self._senders)
            server.kill()
        except (AssertionError, Wrong) as wrong:
            raise AssertionError(f"call {number} of {calls}: {wrong}") from wrong
        finally:
            server.kill()
        if not hits.failed:
            return "not called"
        return "right" if refused is None else "refused"

    def _spoilt(self) -> ForkedServer:
        spoilt = self._folder / "spoilt"
        shutil.rmtree(spoilt, ignore_errors=True)
        shutil.copytree(self._data, spoilt)
        return ForkedServer(spoilt, _flags(), nursery=self._forks)

    @contextmanager
    def _start(self, server: ForkedServer, calls: str, fault: str) -> Iterator[Hits]:
        files = [server.data_dir, *server.data_dir.rglob("*")]
        server.begin(held=True)
        output = self._folder / "calls"
        output.unlink(missing_ok=True)
        with injected(server.pid, calls, fault, output, files) as hits:
            os.kill(server.pid, signal.SIGCONT)
            yield hits


def told(outcomes: Counter[str]) -> str:
    """In words."""
    return ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))


def _check_refusal(refused: NotStarted, reasons: tuple[str, ...]) -> None:
    """It ended by itself, and said why in a sentence."""
    assert refused.status == 1, refused
    assert "Traceback" not in refused.said, refused
    assert "headrace: " in refused.said, refused
    assert any(reason in refused.said for reason in reasons), refused
