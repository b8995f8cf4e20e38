"""Documents: small things with a name that are no points (annotations, registrations), in memory by kind and key.

Each is in the journal before it is here. The catalog takes over what has changed before the journal may go.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Document(NamedTuple):
    """kind, key: together its name.   body: bytes that only their owner understands; None: it is taken away."""

    kind: str
    key: str
    body: bytes | None


class Documents:
    """The writer and the opening apply changes; any thread looks up."""

    def __init__(self, held: Iterable[Document] = ()) -> None:
        """held: those that the catalog holds."""
        self._lock = threading.Lock()
        self._keys: dict[str, list[str]] = {}
        self._bodies: dict[tuple[str, str], bytes] = {}
        self._pending: dict[tuple[str, str], Document] = {}
        for document in held:
            self._apply(document)

    def __len__(self) -> int:
        return len(self._bodies)

    def apply(self, document: Document) -> None:
        """Make a durable change visible; the catalog does not know of it yet."""
        with self._lock:
            self._apply(document)
            self._pending[document.kind, document.key] = document

    def between(self, kind: str, first: str, end: str) -> list[tuple[str, bytes]]:
        """Keys and bodies of the documents of a kind with first <= key < end, ascending by key."""
        with self._lock:
            keys = self._keys.get(kind, [])
            return [(key, self._bodies[kind, key]) for key in keys[bisect_left(keys, first) : bisect_left(keys, end)]]

    def pending(self) -> Mapping[tuple[str, str], Document]:
        """The changes that the catalog does not know of."""
        with self._lock:
            return dict(self._pending)

    def taken_over(self, changes: Mapping[tuple[str, str], Document]) -> None:
        """The catalog knows these now."""
        with self._lock:
            for name, document in changes.items():
                if self._pending.get(name) is document:
                    del self._pending[name]

    def _apply(self, document: Document) -> None:
        name = (document.kind, document.key)
        keys = self._keys.setdefault(document.kind, [])
        if document.body is None:
            if self._bodies.pop(name, None) is not None:
                del keys[bisect_left(keys, document.key)]
            return
        if name not in self._bodies:
            insort(keys, document.key)
        self._bodies[name] = document.body
