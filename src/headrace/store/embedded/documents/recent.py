"""Changes of documents that are in the journal and not in the file yet, in memory: what recent is to points."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import NamedTuple

from headrace.store import Document, DocumentChange, DocumentRange

CHANGE_BYTES = 300
"""What a change takes beside its body: its name as text, a place in a dict and in a list."""


class Numbered(NamedTuple):
    """A change and the journal sequence through which it is durable."""

    sequence: int
    change: Document


class RecentDocuments:
    """For each document its last change; and the ranges taken away, which say something about the file alone: what is
    here of a range goes with it, and what came later is here. Not for several threads."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Numbered] = {}
        self._keys: dict[str, list[str]] = {}
        self._ranges: list[tuple[int, DocumentRange]] = []
        self._bytes = 0
        self.last_sequence = 0
        """Through which changes were ever taken."""

    def __len__(self) -> int:
        return len(self._last) + len(self._ranges)

    @property
    def bytes(self) -> int:
        """Bytes of memory held."""
        return self._bytes + CHANGE_BYTES * len(self)

    def apply(self, changes: Sequence[DocumentChange], sequence: int) -> None:
        """Take changes that the journal holds through `sequence`, which never falls."""
        for change in changes:
            if isinstance(change, DocumentRange):
                if change.first < change.end:
                    self._take_away(change)
                    self._ranges.append((sequence, change))
            else:
                self._put(Numbered(sequence, change))
        self.last_sequence = sequence

    def get(self, kind: str, key: str) -> Document | None:
        """What is known of a document: its last change, None when the file knows better."""
        if found := self._last.get((kind, key)):
            return found.change
        gone = any(of == kind and first <= key < end for _, (of, first, end) in self._ranges)
        return Document(kind, key, None) if gone else None

    def between(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> tuple[list[Document], str, str]:
        """The last changes of documents with first <= key < end, rising by key; and first and end.

        limit: of documents that are wanted, from the front or from the back; where so many are found here, all that
        lies behind them is left out, and first or end are moved to say so.
        """
        keys = self._keys.get(kind, [])
        low, high = bisect_left(keys, first), bisect_left(keys, end)
        present = 0
        for place in range(high - 1, low - 1, -1) if backwards else range(low, high):
            if present == limit:
                break
            present += self._last[kind, keys[place]].change.body is not None
            if present == limit and backwards:
                low, first = place, keys[place]
            elif present == limit:
                high, end = place + 1, keys[place] + "\0"
        return [self._last[kind, key].change for key in keys[low:high]], first, end

    def not_taken_away(self, kind: str, first: str, end: str) -> list[tuple[str, str]]:
        """What no range covers of the keys first <= key < end: spans in rising order."""
        spans = []
        for _, gone in sorted((one for one in self._ranges if one[1].kind == kind), key=lambda one: one[1].first):
            if gone.end <= first:
                continue
            if gone.first > first:
                spans.append((first, min(gone.first, end)))
            first = max(first, gone.end)
            if first >= end:
                break
        return [span for span in (*spans, (first, end)) if span[0] < span[1]]

    def all(self) -> tuple[list[DocumentRange], list[Document]]:
        """What has been taken: ranges, and documents that none of them covers any more."""
        return [gone for _, gone in self._ranges], [change for _, change in self._last.values()]

    def forget(self, sequence: int) -> None:
        """The file holds what has been taken through `sequence`."""
        self._ranges = [one for one in self._ranges if one[0] > sequence]
        self._last = {name: last for name, last in self._last.items() if last.sequence > sequence}
        self._keys = {kind: [key for key in keys if (kind, key) in self._last] for kind, keys in self._keys.items()}
        self._bytes = sum(len(last.change.body or b"") for last in self._last.values())

    def _put(self, last: Numbered) -> None:
        kind, key, body = last.change
        held = self._last.get((kind, key))
        if held is None:
            insort(self._keys.setdefault(kind, []), key)
        self._bytes += len(body or b"") - (len(held.change.body or b"") if held else 0)
        self._last[kind, key] = last

    def _take_away(self, gone: DocumentRange) -> None:
        keys = self._keys.get(gone.kind, [])
        span = slice(bisect_left(keys, gone.first), bisect_left(keys, gone.end))
        self._bytes -= sum(len(self._last.pop((gone.kind, key)).change.body or b"") for key in keys[span])
        del keys[span]
