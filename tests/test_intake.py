"""The way of a room's points into the store: the gate, the append, the counts."""

from __future__ import annotations

import re

import numpy as np
import pytest

from headrace.errors import Unavailable
from headrace.gate import RuleSet
from headrace.intake import Intake, PointCounts
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Points, Values
from headrace.model.series import SeriesName, SeriesTable, series_name

LETTERS = RuleSet("letters", 0, re.compile(r"[^a-z]"), tags_min=0, tags_max=2, name_bytes_max=8)


class Named(list[SeriesName]):
    def name(self, row: int) -> SeriesName:
        return self[row]


class Disk:
    def __init__(self, fault: Unavailable | None = None) -> None:
        self.table = SeriesTable(np.arange(1, 17, 2, dtype=np.uint64))
        self.fault = fault
        self.batches: list[list[int]] = []

    async def append(self, points: Admitted) -> int:
        if self.fault:
            raise self.fault
        self.batches.append(points.times.tolist())
        return len(self.batches)

    def points(self, *metrics: str) -> Points:
        """One point a metric, at its place."""
        names = Named(series_name(metric, {}) for metric in metrics)
        keys = np.array([self.table.key_of(name) for name in names], dtype=np.uint64).reshape(-1, 2)
        places = np.arange(len(names))
        return Points(keys, places, Values(np.full(len(names), Kind.INT64, dtype=np.uint8), places), names, places)


def counted(metrics: Metrics) -> dict[str, float]:
    """accepted, and refused by rule, of the room."""
    found = {}
    for family in (metrics.points_accepted, metrics.points_refused):
        for sample in next(iter(family.collect())).samples:
            assert sample.labels["room"] == "room"
            found[sample.labels.get("reason", "accepted")] = sample.value
    return found


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def intake(disk: Disk, metrics: Metrics) -> Intake:
    return Intake(disk, LETTERS, PointCounts(metrics, "room"))


async def test_what_the_gate_lets_through_is_stored_and_all_is_counted(metrics: Metrics) -> None:
    disk = Disk()
    way = intake(disk, metrics)
    admission = way.admit(disk.points("a", "b!", "c"))
    assert [(place, refused.rule) for place, refused, _ in admission.refused] == [(1, "metric-character")]
    await way.append(admission.admitted, {"metric-character": 1, "json": 2})
    assert disk.batches == [[0, 2]]
    assert counted(metrics) == {"accepted": 2, "metric-character": 1, "json": 2}


async def test_a_batch_is_taken_whole_or_not_at_all(metrics: Metrics) -> None:
    disk = Disk()
    way = intake(disk, metrics)
    assert way.admit_all(disk.points("a", "b!")) is None
    admitted = way.admit_all(disk.points("a", "b"))
    assert admitted is not None
    assert admitted.times.tolist() == [0, 1]


async def test_where_nothing_is_admitted_the_store_is_not_asked(metrics: Metrics) -> None:
    disk = Disk(Unavailable("full"))
    way = intake(disk, metrics)
    await way.append(way.admit(disk.points("!")).admitted, {"metric-character": 1})
    assert counted(metrics) == {"accepted": 0, "metric-character": 1}


async def test_when_the_store_fails_nothing_is_counted(metrics: Metrics) -> None:
    disk = Disk(Unavailable("full"))
    way = intake(disk, metrics)
    with pytest.raises(Unavailable, match="full"):
        await way.append(way.admit(disk.points("a")).admitted, {"json": 1})
    assert counted(metrics) == {"accepted": 0}
