"""The contract of a store: what rooms and queries may ask of it, and what is durable and visible when it answers.

A point's way: `append` -> one queue -> the writer thread writes all that waits into the journal, one fdatasync ->
recent -> every waiting `append` returns. Queries take a `snapshot` and read only what such a commit has made visible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headrace.model.points import NEVER, Admitted, Values
from headrace.model.series import CommonTags, Registry, SeriesName
from headrace.store.query_memory import QueryAccount


@dataclass(frozen=True, slots=True)
class Columns:
    """What a select found: for each time of each series its last written, unexpired value.

    series: uint32[k], distinct ordinals, in the order asked for; series without a point in the range are left out.
    starts: int64[k + 1], points of series[i] are rows starts[i]..starts[i+1].
    times: int64[n] ms, strictly increasing within a series.   values: n values.
    arrivals: int64[n] (model.arrivals), or None when none of the points has one.
    first_expiry_ms: when the first of the points expires; the present where retention has begun to take what was asked
    for, so that nobody knows what was there; NEVER otherwise.
    """

    series: NDArray[np.uint32]
    starts: NDArray[np.int64]
    times: NDArray[np.int64]
    values: Values
    arrivals: NDArray[np.int64] | None = None
    first_expiry_ms: int = NEVER

    def __len__(self) -> int:
        return len(self.times)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the arrays take."""
        arrivals = 0 if self.arrivals is None else self.arrivals.nbytes
        return self.series.nbytes + self.starts.nbytes + self.times.nbytes + self.values.nbytes + arrivals


class Piece(NamedTuple):
    """A part of a select. series: uint32 ordinals.   stretches: into how many stretches of time it is best cut again,
    more than one for a single series with many points."""

    series: NDArray[np.uint32]
    stretches: int = 1


class Moment(NamedTuple):
    """When a snapshot was taken: points that came later are those of a newer generation of recent, or stand behind so
    many rows of the same one."""

    generation: int
    rows: int


class Document(NamedTuple):
    """What is no point and has a name: an annotation, a registration, a form.

    kind, key: together its name.   body: bytes that only their owner understands; None: it is taken away.
    """

    kind: str
    key: str
    body: bytes | None


class DocumentRange(NamedTuple):
    """All documents of `kind` with first <= key < end are taken away."""

    kind: str
    first: str
    end: str


DocumentChange = Document | DocumentRange


RETENTION_DOCUMENT: Final = ("retention", "default")
"""Kind and key of the document that says, in decimal ms, how long points are kept of metrics that no pattern of the
setting `retention` matches; without it the setting's own default holds. It counts from its commit on."""


TagCondition = Callable[[pa.Array], NDArray[np.bool_]]
"""Says of the distinct values (Arrow strings) of one tag which of them match. Asked once per query, with each value
once; a model.query.OneOf need not be asked, it tells what it wants."""


Check = Callable[[], None]
"""Called between segments and groups; raises when a query must not go on (query.patience)."""


def go_on() -> None:
    """The Check of whoever waits for as long as it takes."""


Item = TypeVar("Item")
Done = TypeVar("Done")


class Snapshot(Protocol):
    """One consistent view: nothing that commits later shows in it, and files it reads are not unlinked while it is
    open."""

    check: Check
    """What this snapshot's reads call between segments, and its user between steps of its own."""

    memory: QueryAccount
    """Where this snapshot's reads count what they give, and its user what it makes of it; at the snapshot's end all of
    it is let go that is not kept for an answer."""

    def find(
        self,
        metric: str,
        conditions: Mapping[str, Sequence[TagCondition]],
        absent: Collection[str] = (),
        exact: bool = False,
    ) -> NDArray[np.uint32]:
        """Ordinals (ascending uint32) of the visible series of `metric` that have every tag key in `conditions` with a
        value that all conditions of that key match, no tag key in `absent`, and, if `exact`, none but those in
        `conditions`. Raises KeyError when no visible series has that metric."""
        ...

    def find_everywhere(
        self, metrics: TagCondition, conditions: Mapping[str, Sequence[TagCondition]], values: Collection[str] = ()
    ) -> NDArray[np.uint32]:
        """Ordinals (ascending uint32) of the visible series of all metrics whose names match, with `conditions` as in
        `find`, that have one of `values`, if there are any, as the value of some tag."""
        ...

    def tag_ids(self, series: NDArray[np.uint32], key: str) -> NDArray[np.uint32]:
        """For each series a number that equal values of tag `key` share, model.series.UNKNOWN where it lacks the
        tag."""
        ...

    def tag_values(self, series: NDArray[np.uint32], key: str) -> NDArray[np.object_]:
        """For each series its value (str) of tag `key`, None where it lacks the tag."""
        ...

    def common_tags(self, series: NDArray[np.uint32]) -> CommonTags:
        """What the tags of these series, of which there is at least one, have in common."""
        ...

    def names(self, series: NDArray[np.uint32]) -> list[SeriesName]:
        """The names of the given ordinals, in that order."""
        ...

    def keys(self, series: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """uint64[k, 2]: the 128-bit keys of the given ordinals. Unlike an ordinal, a key means the same series after
        any restart and on every server of the database."""
        ...

    def with_keys(self, keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """uint32[k]: the visible series with these keys (uint64[k, 2]), model.series.UNKNOWN where there is none."""
        ...

    def last(self, series: NDArray[np.uint32], before_ms: int) -> Columns:
        """Of each of `series` its latest point with time <= before_ms, one point a series. Reads from the newest back,
        not all of history. Raises as `select`."""
        ...

    def select(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> Columns:
        """The points of `series` with start_ms <= time <= end_ms. The last write of one series and millisecond wins as
        a whole row, across kinds; then an expired winner hides the point. Raises Refused (rule "query-points") above
        limits.QUERY_POINTS_MAX or when it needs more memory than all queries may hold, Unavailable when others hold
        it, Corrupt when a segment cannot be read."""
        ...

    def pieces(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> list[Piece]:
        """The same series in parts, at least one, for whoever can do with a select of each: about
        limits.QUERY_PIECE_POINTS rows are read for one, but for a single series with more. A single part is in the
        order of `series`, several are in an order of their own."""
        ...

    def each(self, items: Sequence[Item], work: Callable[[Snapshot, Item], Done]) -> list[Done]:
        """`work` of each item, in their order; several may be done at once, in threads of their own. `work` asks the
        snapshot that it is given, which is this one but for its check and its account of memory; what it leaves counted
        there is counted here afterwards. Raises what `work` first raised, when no thread works any more, and then
        nothing of it is counted."""
        ...


class Store(Protocol):
    """One database."""

    @property
    def table(self) -> Registry:
        """From keys to ordinals; the gate registers new series here."""
        ...

    async def append(self, points: Admitted) -> int:
        """Take the points. On return they survive `kill -9` and a power cut, and the next snapshot sees all of them.

        Returns a journal sequence through which they are durable. Raises Unavailable (queue or disk full, failing disk,
        closing), or Refused (rule "body-too-large") for more than one commit can hold, and then nothing of them is
        visible. A cancelled call may still commit. Must be called on the event loop."""
        ...

    async def delete(self, series: NDArray[np.uint32], start_ms: int, end_ms: int) -> int:
        """Delete the points of `series` (uint32 ordinals) with start_ms <= time <= end_ms that are visible now.

        On return the deletion survives a power cut and the next snapshot sees none of them; points appended later to
        the same series and times are not touched by it. A delete of all time (model.time.ALL_TIME) also takes the
        series out of `find`, and a metric without any other out of `suggest`, until they are written again. Returns a
        journal sequence as `append`. Raises Unavailable, and then nothing is deleted. Must be called on the event
        loop."""
        ...

    async def forget(self, series: NDArray[np.uint32], unwritten_since: Moment) -> int:
        """Delete for all time, as `delete` does, those of `series` into which no point was written after that moment;
        where the store can no longer tell, none. For what `without_points` found: these names leave `find` and
        `suggest`, and no point is lost that came meanwhile. Raises as `delete`."""
        ...

    def without_points(self, series: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], Moment]:
        """Those of `series` that have no point left, nor one that only its age hides, and when that was so. Any thread.
        Raises as Snapshot.last."""
        ...

    def snapshot(self, check: Check = go_on) -> AbstractContextManager[Snapshot]:
        """Pin what is visible now. Any thread. check: called between segments."""
        ...

    async def commit(
        self,
        changes: Sequence[DocumentChange],
        points: Admitted | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> int:
        """Delete all points of the series `deleted` (uint32 ordinals), take `points`, change the documents in the order
        of `changes`: in one commit, of which a crash leaves all or nothing.

        On return it survives a power cut, the next snapshot sees it, and so do `document` and `documents`. The delete
        is one of all time (see `delete`), so `points` may write the same series again, and no snapshot sees the one
        without the other. Commits and appends take effect in the order of the calls. Returns a journal sequence as
        `append`. Raises Unavailable, and then nothing has changed; ValueError for more changes than
        limits.COMMIT_RECORDS and for names that are no UTF-8. Must be called on the event loop."""
        ...

    def document(self, kind: str, key: str) -> bytes | None:
        """The body of this document, None where there is none. Any thread."""
        ...

    def documents(
        self, kind: str, first: str, end: str, limit: int | None = None, backwards: bool = False
    ) -> list[tuple[str, bytes]]:
        """Keys and bodies of the documents of `kind` with first <= key < end, ascending by key (by code point), or
        `backwards`; at most `limit` of them. Any thread."""
        ...

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """Keys of the documents of `kind` with first <= key < end, ascending: no body is read. Any thread."""
        ...

    def suggest(self, role: str, prefix: str, limit: int) -> list[str]:
        """At most `limit` names that start with `prefix`, sorted; role is "metrics", "tagk" or "tagv". Any thread."""
        ...
