"""Clients that change what only they change, one change at a time, and know what must be there.

A change is acknowledged, or in doubt: there or not, but whole. A client that hears 503 or nothing sends the same change
again, as those of the real world do, so that never more than one of its changes is in doubt.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from serverprocess import ServerProcess

START_S = 1_700_000_000
BUSY_PAUSE_S = 0.05
TIMEOUT_S = 30.0

State = Mapping[Hashable, str]
"""What a client's series, forms and notes hold, by its own names for them; values in JSON, so that 1 is not 1.0."""


class Gone(Exception):  # noqa: N818
    """The server hung up, or does not answer."""


class Busy(Exception):  # noqa: N818
    """503: try again."""


class Wrong(Exception):  # noqa: N818
    """An answer that should never come."""


@dataclass
class Change:
    """after: what is there once it is done.   in_parts: each of its points counts for itself.   times are of the wall
    clock; acknowledged_s: None until it is."""

    request: Any
    after: State
    in_parts: bool = False
    begun_s: float = 0.0
    acknowledged_s: float | None = None


@dataclass
class Told:
    """What a client heard."""

    acknowledged: int = 0
    points: int = 0
    busy: int = 0
    resolved: int = 0
    """Changes that were in doubt and are there after the restart; `undone`: those that are not."""
    undone: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Told) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


class Sender(ABC):
    """A client. `run` in a thread of its own, all else while it does not run."""

    room = ""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.chance = Random(f"{seed} {type(self).__name__} {number}")
        self.known: State = {}
        """What is there for certain."""
        self.pending: Change | None = None
        self.told = Told()
        self.history: list[Change] | None = None
        """Every change that was ever begun; None: not kept."""
        self.stopping = threading.Event()
        self.values = 0

    @property
    def name(self) -> str:
        return f"{type(self).__name__.lower()}{self.number}"

    def run(self, server: ServerProcess) -> None:
        """Change one thing after another until the server is gone, or `stopping` is set."""
        try:
            self.connect(server)
            try:
                self._prepare_until_it_is_done()
                while not self.stopping.is_set():
                    self._do(self.pending or self.next_change())
            finally:
                self.hang_up()
        except (Gone, OSError, http.client.HTTPException):
            return
        except Wrong as wrong:
            self.told.wrong.append(f"{self.name}: {wrong}")

    def _prepare_until_it_is_done(self) -> None:
        while not self.stopping.is_set():
            try:
                return self.prepare()
            except Busy:
                self.stopping.wait(BUSY_PAUSE_S)
        return None

    def _do(self, change: Change) -> None:
        if change is not self.pending:
            change.begun_s = time.time()
            self.pending = change
            if self.history is not None:
                self.history.append(change)
        try:
            self.told.points += self.send(change)
        except Busy:
            self.told.busy += 1
            self.stopping.wait(BUSY_PAUSE_S)
            return
        change.acknowledged_s = time.time()
        self.known = change.after
        self.told.acknowledged += 1
        self.pending = None

    def check(self, server: ServerProcess) -> None:
        """After a restart. Raises Wrong when what is there is not what must be."""
        found = self.read(server)
        judge(self.name, found, self.known, self.pending)
        if self.pending is not None:
            if found == self.pending.after:
                self.told.resolved += 1
            else:
                self.told.undone += 1
        self.known = found

    @abstractmethod
    def connect(self, server: ServerProcess) -> None: ...

    @abstractmethod
    def hang_up(self) -> None: ...

    def prepare(self) -> None:  # noqa: B027 - most need nothing
        """What must be there before the first change. Raises as `send` does."""

    @abstractmethod
    def next_change(self) -> Change: ...

    @abstractmethod
    def send(self, change: Change) -> int:
        """Returns how many points are acknowledged. Raises Gone, Busy, Wrong, OSError, HTTPException."""

    @abstractmethod
    def read(self, server: ServerProcess) -> State:
        """What is there. Raises Wrong, also when a thing is there twice."""

    def value(self, *, texts: bool = True) -> int | float | str:
        """One that this client never sent before."""
        self.values += 1
        kinds: list[int | float | str] = [self.values, self.values + 0.5, f"text {self.values}"]
        return self.chance.choices(kinds[: 3 if texts else 2], [4, 3, 1][: 3 if texts else 2])[0]


class HttpSender(Sender):
    def connect(self, server: ServerProcess) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_S)

    def hang_up(self) -> None:
        self.connection.close()

    def ask(self, method: str, path: str, body: Any = None, ok: Sequence[int] = (200, 201, 202, 204)) -> Any:
        """The decoded answer, None when it is empty. Raises as `send` does."""
        return asked(self.connection, method, path, body, ok, self.headers(method, path, body))

    def headers(self, method: str, path: str, body: Any) -> dict[str, str]:
        return {"Content-Type": "application/json"}

    def look(self, server: ServerProcess, method: str, path: str, body: Any = None, ok: Sequence[int] = (200,)) -> Any:
        """As `ask`, on a connection of its own. Raises Wrong."""
        self.connect(server)
        try:
            return self.ask(method, path, body, ok)
        except Busy as busy:
            raise Wrong(f"{method} {path}: {busy}") from busy
        finally:
            self.hang_up()


def asked(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any,
    ok: Sequence[int],
    headers: Mapping[str, str],
) -> Any:
    connection.request(method, path, None if body is None else json.dumps(body), dict(headers))
    answer = connection.getresponse()
    content = answer.read()
    if answer.status in ok:
        return json.loads(content, object_pairs_hook=without_repeats) if content else None
    if answer.status == 503:
        raise Busy(content.decode(errors="replace")[:300])
    raise Wrong(f"{method} {path} was answered by {answer.status} {content[:300]!r}")


def judge(who: str, found: State, known: State, pending: Change | None) -> None:
    """Raises Wrong when what is there is neither what was acknowledged nor that with the change that is in doubt."""
    if found == known or (pending is not None and found == pending.after):
        return
    if pending is not None and pending.in_parts:
        keys = {*known, *pending.after, *found}
        if all(found.get(key) in (known.get(key), pending.after.get(key)) for key in keys):
            return
    lost = {key: known[key] for key in known if key not in found}
    extra = {key: found[key] for key in found if key not in known}
    other = {key: (known[key], found[key]) for key in known if key in found and found[key] != known[key]}
    words = [f"{word} {len(which)}, as {dict(list(which.items())[:4])}" for word, which in _named(lost, extra, other)]
    doubt = "nothing in doubt"
    if pending is not None:
        missed = {key for key in pending.after if pending.after[key] != found.get(key)}
        doubt = f"in doubt {str(pending.request)[:200]}, of which {len(missed)} are not there"
    raise Wrong(f"{who}: of {len(known)}: {'; '.join(words)}; {doubt}")


def _named(lost: State, extra: State, other: Mapping[Hashable, object]) -> list[tuple[str, Mapping[Hashable, object]]]:
    named: list[tuple[str, Mapping[Hashable, object]]] = [("lost", lost), ("too many", extra), ("other", other)]
    return [(word, which) for word, which in named if which]


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Wrong("a key stands twice in one object of the answer")
    return found


def once(pairs: Sequence[tuple[Hashable, object]]) -> State:
    """Values in JSON by key. Raises Wrong when a key is there twice."""
    found = {key: json.dumps(value) for key, value in pairs}
    if len(found) != len(pairs):
        raise Wrong(f"{len(pairs) - len(found)} things are there twice")
    return found
