"""Documents in memory, by kind and key (store.Document). Each change is in the journal before it is here.

The catalog takes over what has changed before the journal may go.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from headrace.store import Document, DocumentChange, DocumentRange


class Documents:
    """The writer and the opening apply changes; any thread looks up."""

    def __init__(self, held: Iterable[Document] = ()) -> None:
        """held: those that the catalog holds."""
        self._lock = threading.Lock()
        self._keys: dict[str, list[str]] = {}
        self._bodies: dict[tuple[str, str], bytes] = {}
        self._pending: list[DocumentChange] = []
        for document in held:
            self._apply(document)

    def __len__(self) -> int:
        return len(self._bodies)

    def apply(self, changes: Sequence[DocumentChange]) -> None:
        """Make durable changes visible, all at once; the catalog does not know of them yet."""
        with self._lock:
            for change in changes:
                self._apply(change)
            self._pending += changes

    def get(self, kind: str, key: str) -> bytes | None:
        """See Store.document."""
        return self._bodies.get((kind, key))

    def between(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """See Store.documents."""
        with self._lock:
            keys = self._keys_between(kind, first, end)
            if backwards:
                keys.reverse()
            return [(key, self._bodies[kind, key]) for key in keys[:limit]]

    def pending(self) -> Sequence[DocumentChange]:
        """The changes that the catalog does not know of."""
        with self._lock:
            return list(self._pending)

    def taken_over(self, changes: Sequence[DocumentChange]) -> None:
        """The catalog knows these now."""
        with self._lock:
            del self._pending[: len(changes)]

    def _keys_between(self, kind: str, first: str, end: str) -> list[str]:
        keys = self._keys.get(kind, [])
        return keys[bisect_left(keys, first) : bisect_left(keys, end)]

    def _apply(self, change: DocumentChange) -> None:
        if isinstance(change, DocumentRange):
            gone = self._keys_between(change.kind, change.first, change.end)
        else:
            gone = [change.key] if change.body is None else []
        for key in gone:
            if self._bodies.pop((change.kind, key), None) is not None:
                keys = self._keys[change.kind]
                del keys[bisect_left(keys, key)]
        if isinstance(change, Document) and change.body is not None:
            if (change.kind, change.key) not in self._bodies:
                insort(self._keys.setdefault(change.kind, []), change.key)
            self._bodies[change.kind, change.key] = change.body
