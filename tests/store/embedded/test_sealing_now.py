"""EmbeddedStore.seal: what was acknowledged is in files when it returns."""

from __future__ import annotations

import asyncio

import pytest
from point_batches import Point
from small_database import database

from headrace import limits
from headrace.errors import Unavailable
from headrace.model.points import Kind
from headrace.store import Document
from headrace.store.embedded.reading import visible
from headrace.store.embedded.recent.recent import Recent


def test_what_was_acknowledged_is_sealed_on_return() -> None:
    with database() as made:
        for time in range(3):
            made.write(Point(time, time, (Kind.INT64, time)))
            asyncio.run(made.store.commit([Document("note", str(time), b"body")]))
            last = made.store._parts.journal.last_sequence
            assert asyncio.run(made.store.seal()) == last
            assert made.store._parts.folder.current.sealed_through == last
            assert made.store._parts.documents.applied == last
        segments = made.store._parts.folder.current.segments
        assert asyncio.run(made.store.seal()) == last
        assert made.store._parts.folder.current.segments == segments, "nothing to do makes no segment"
        assert made.found() == made.right()


def test_who_looks_while_a_generation_is_frozen_sees_that_something_is_to_be_sealed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`seal` returned at once, with nothing sealed, when it looked just then."""
    seen: list[bool] = []

    class Looked(Recent):
        def __init__(self, capacity: int, number: int) -> None:
            looked = made.store._parts.visible
            seen.append(looked.newest_age_s() > 0 or looked.seal_waits)
            super().__init__(capacity, number)

    with database() as made:
        made.write(Point(0, 0, (Kind.INT64, 0)))
        monkeypatch.setattr(visible, "Recent", Looked)
        asyncio.run(made.store.seal())
    assert seen == [True]


def test_a_disk_that_does_not_let_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SEAL_ANSWER_S", 0.05)
    with database() as made:
        made.write(Point(0, 0, (Kind.INT64, 0)))
        monkeypatch.setattr(made.store._writer, "freeze", lambda: None)
        with pytest.raises(Unavailable, match="could not be sealed yet"):
            asyncio.run(made.store.seal())
        monkeypatch.undo()
