"""The store for rooms whose points have metrics: to each request what its principal is granted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headrace.access.bounded.bounds import bounds_now
from headrace.access.bounded.patterns import Patterns
from headrace.access.bounded.snapshot import BoundedSnapshot
from headrace.access.bounded.table import BoundedTable
from headrace.errors import Refused
from headrace.model.points import Admitted
from headrace.model.series import Registry
from headrace.store import RETENTION_DOCUMENT, Check, DocumentChange, Moment, Snapshot, Store, go_on


class TakesPoints(Store, Protocol):
    """A store that says whether it takes points."""

    @property
    def refusing(self) -> str | None:
        """Why no points are taken at present, None while they are."""
        ...


class BoundedStore:
    """See store.Store, whose methods raise LookupError besides where nobody has said whose request it is
    (bounds.within).

    Documents say of no metric that they are about it, and tell names: who may read some metrics alone has none of them.
    """

    def __init__(self, store: TakesPoints) -> None:
        self._store = store

    @property
    def refusing(self) -> str | None:
        """See TakesPoints."""
        return self._store.refusing

    @property
    def table(self) -> Registry:
        """See Store."""
        bounds = bounds_now()
        if bounds.writes is None:
            return self._store.table
        return BoundedTable(self._store.table, bounds.writes, bounds.principal)

    async def append(self, points: Admitted) -> int:
        """See Store. Raises Refused (rule "permission-missing") where a point is of another metric than may be
        written."""
        self._check(bounds_now().writes, points.series, "write")
        return await self._store.append(points)

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        """See Store. Raises Refused (rule "permission-missing") where one of them may not be deleted."""
        self._check(bounds_now().deletes, series, "delete")
        return await self._store.delete(series, start_ms, end_ms)

    async def forget(self, series: NDArray[np.uint32], unwritten_since: Moment) -> int:
        """See Store. Raises as `delete`."""
        self._check(bounds_now().deletes, series, "delete")
        return await self._store.forget(series, unwritten_since)

    def without_points(self, series: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Moment]:
        """See Store."""
        return self._store.without_points(series)

    @contextmanager
    def snapshot(self, check: Check = go_on) -> Iterator[Snapshot]:
        """See Store."""
        sees = bounds_now().sees
        with self._store.snapshot(check) as snapshot:
            yield snapshot if sees is None else BoundedSnapshot(snapshot, sees, self._store.table)

    async def commit(
        self,
        changes: Sequence[DocumentChange],
        points: Admitted | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> int:
        """See Store. Raises Refused (rule "permission-missing") as `append` and `delete`, and for any document."""
        bounds = bounds_now()
        if changes and not bounds.changes_documents:
            raise Refused(
                "permission-missing", f"{bounds.principal} is granted some metrics alone, and this is of none"
            )
        if points is not None:
            self._check(bounds.writes, points.series, "write")
        if deleted is not None:
            self._check(bounds.deletes, deleted, "delete")
        return await self._store.commit(changes, points, deleted)

    def document(self, kind: str, key: str) -> bytes | None:
        """See Store."""
        shown = bounds_now().shows_documents or (kind, key) == RETENTION_DOCUMENT
        return self._store.document(kind, key) if shown else None

    def documents(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """See Store."""
        return self._store.documents(kind, first, end, limit, backwards) if bounds_now().shows_documents else []

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """See Store."""
        return self._store.document_keys(kind, first, end) if bounds_now().shows_documents else []

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """See Store. Tags are those of the series that are seen."""
        sees = bounds_now().sees
        if sees is None:
            return self._store.suggest(role, prefix, limit)
        if role == "metrics":
            return self._metrics_seen(sees, prefix, limit)
        with self._store.snapshot() as snapshot:
            return BoundedSnapshot(snapshot, sees, self._store.table).suggest(role, prefix, limit)

    def _metrics_seen(self, sees: Patterns, prefix: str, limit: int) -> list[str]:
        found: list[str] = []
        for beginning in sees.beginnings:
            if not (beginning.startswith(prefix) or prefix.startswith(beginning)):
                continue
            asked = max(beginning, prefix, key=len)
            found += self._store.suggest("metrics", asked, len(self._store.table))
        return sorted(filter(sees.cover, found))[:limit]

    def _check(self, granted: Patterns | None, series: NDArray[np.uint32], deed: str) -> None:
        if granted is None:
            return
        others = series[~granted.covering(series, self._store.table)]
        if len(others):
            [name] = self._store.table.names(others[:1])
            raise Refused("permission-missing", f"{bounds_now().principal} may not {deed} {name.metric}")
