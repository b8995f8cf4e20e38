"""What callers ask of the writer, and what a commit makes of all that waits: one step a record, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.model.points import ROW_BYTES_MAX, Admitted, concatenate
from headrace.model.time import ALL_TIME
from headrace.store import DocumentChange, Moment
from headrace.store.embedded.journal.records import Record, encode_delete, encode_document_change, encode_points
from headrace.store.embedded.recent.deletes import Delete

Step = Delete | Admitted
"""What one record does to points."""


class Size(NamedTuple):
    """Of what waits: points, bytes of their texts, bytes of documents, and at most how many records they come to beside
    the points'."""

    points: int = 0
    text_bytes: int = 0
    document_bytes: int = 0
    records: int = 0

    def plus(self, other: Size) -> Size:
        return Size(
            self.points + other.points,
            self.text_bytes + other.text_bytes,
            self.document_bytes + other.document_bytes,
            self.records + other.records,
        )

    @property
    def point_bytes(self) -> int:
        """At most what the points take with their texts, in memory and in the journal."""
        return self.points * ROW_BYTES_MAX + self.text_bytes

    @property
    def is_a_commit(self) -> bool:
        """Whether a commit of this size should take no more."""
        return (
            self.points >= limits.COMMIT_POINTS
            or self.point_bytes >= limits.COMMIT_POINT_BYTES
            or self.document_bytes >= limits.COMMIT_DOCUMENT_BYTES
            or self.records >= limits.COMMIT_RECORDS
        )


class Request(NamedTuple):
    """What one caller asks for, in this order: a delete, points, changes of documents. None of them is empty.

    documents: the records of `changes`, made with the request: what cannot be one is its caller's fault, not the
    writer's.   unwritten_since: of the delete's series only those into which no point came after this moment.
    """

    delete: Delete | None
    points: Admitted | None
    changes: Sequence[DocumentChange]
    documents: Sequence[Record]
    size: Size
    unwritten_since: Moment | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.size.points or self.size.records)


def request_of(
    delete: Delete | None = None,
    points: Admitted | None = None,
    changes: Sequence[DocumentChange] = (),
    unwritten_since: Moment | None = None,
) -> Request:
    """Raises Refused (rule "body-too-large") for points, ValueError for changes that one commit of the journal cannot
    hold."""
    if len(changes) > limits.COMMIT_RECORDS:
        raise ValueError(f"{len(changes)} changes of documents in one commit")
    if points is not None and not len(points):
        points = None
    if delete is not None and not len(delete.series):
        delete = None
    documents = [encode_document_change(change) for change in changes]
    size = Size(
        0 if points is None else len(points),
        0 if points is None else len(points.values.heap),
        sum(record.bytes for record in documents),
        len(documents) + (0 if delete is None else 2),
    )
    if size.point_bytes > limits.REQUEST_POINT_BYTES_MAX:
        most = limits.REQUEST_POINT_BYTES_MAX
        raise Refused("body-too-large", f"its points take {size.point_bytes} bytes, at most {most} can be one commit")
    return Request(delete, points, changes, documents, size, unwritten_since)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request in the queue. future: answered when all of it has been committed."""

    request: Request
    future: asyncio.Future[int]


def with_deletes_of(
    requests: Sequence[Request], unwritten: Callable[[NDArray[np.uint32], Moment], NDArray[np.uint32]]
) -> list[Request]:
    """The requests, with deletes of only those series that they may still delete: into which no point came since,
    neither one that is visible nor one of an earlier request. unwritten: see Visible."""
    decided: list[Request] = []
    before: list[NDArray[np.uint32]] = []
    for request in requests:
        if request.delete is not None and request.unwritten_since is not None:
            series = unwritten(request.delete.series, request.unwritten_since)
            for written in before:
                series = series[~np.isin(series, written)]
            delete = Delete(series, *ALL_TIME) if len(series) else None
            decided.append(request._replace(delete=delete))
        else:
            decided.append(request)
        if request.points is not None:
            before.append(request.points.series)
    return decided


def steps_of(requests: Sequence[Request]) -> list[Step]:
    """What they do to points, in as few steps as there can be: points that no delete parts are one record."""
    steps: list[Step] = []
    together: list[Admitted] = []
    for request in requests:
        if request.delete is not None:
            steps += [*_joined(together), request.delete]
            together = []
        if request.points is not None:
            together.append(request.points)
    return [*steps, *_joined(together)]


def _joined(batches: Sequence[Admitted]) -> Iterator[Admitted]:
    if batches:
        yield concatenate(batches)


def encode_step(step: Step, ingested_ms: int) -> Record:
    """Its record; may share its memory."""
    return encode_delete(step) if isinstance(step, Delete) else encode_points(step, ingested_ms)
