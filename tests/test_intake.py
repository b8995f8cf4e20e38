"""The way of a room's points into the store: the gate, the append, the counts."""

from __future__ import annotations

import re

import numpy as np
import pytest
from structlog.testing import capture_logs

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.gate import RuleSet
from headrace.intake import Intake, PointCounts, Refusal, RefusedPoints, refused_whole
from headrace.metrics import Metrics
from headrace.model.points import Admitted, Kind, Points, Values
from headrace.model.series import SeriesName, SeriesTable, series_name
from headrace.model.time import MINUTE_MS

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
    await way.append(admission.admitted, RefusedPoints({"metric-character": 1, "json": 2}))
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
    await way.append(way.admit(disk.points("!")).admitted, RefusedPoints({"metric-character": 1}))
    assert counted(metrics) == {"accepted": 0, "metric-character": 1}


async def test_when_the_store_fails_nothing_is_counted(metrics: Metrics) -> None:
    disk = Disk(Unavailable("full"))
    way = intake(disk, metrics)
    with pytest.raises(Unavailable, match="full"):
        await way.append(way.admit(disk.points("a")).admitted, RefusedPoints({"json": 1}))
    assert counted(metrics) == {"accepted": 0}


def told(counts: PointCounts, refused: RefusedPoints) -> list[tuple[str, str, int]]:
    """Reason, metric and how many were not told before."""
    with capture_logs() as logged:
        counts.add_refused(refused)
    return [(entry["reason"], entry["metric"], entry["untold_before"]) for entry in logged]


def test_the_first_refused_points_of_each_minute_and_reason_are_told_by_name(metrics: Metrics) -> None:
    now_ms = 90 * MINUTE_MS
    counts = PointCounts(metrics, "room", lambda: now_ms)
    most = limits.REFUSED_TOLD_PER_MINUTE
    words = [Refusal("json", f"[{at}]", f"m{at}", "bad") for at in range(most + 3)]
    other = Refusal("tags-missing", "[99]", "t", "none")
    both = RefusedPoints({"json": 1000, "tags-missing": 1}, iter([*words, other]), "192.0.2.7")
    assert told(counts, both) == [("json", f"m{at}", 0) for at in range(most)] + [("tags-missing", "t", 0)]

    unasked = iter(words)
    assert told(counts, RefusedPoints({"json": 7}, unasked)) == []
    assert next(unasked) is words[0], "what is not told is not worded"
    now_ms += MINUTE_MS
    assert told(counts, RefusedPoints({"json": 2}, words[:2])) == [("json", "m0", 1000 - most + 7), ("json", "m1", 0)]
    assert counted(metrics) == {"accepted": 0, "json": 1009, "tags-missing": 1}


def test_what_a_stranger_sends_is_cut_in_the_log(metrics: Metrics) -> None:
    with capture_logs() as logged:
        PointCounts(metrics, "room").add_refused(
            RefusedPoints({"json": 1}, [Refusal("json", "[0]", "m" * 10_000, "w" * 10_000)], "192.0.2.7")
        )
    [entry] = logged
    most = limits.REFUSED_SHOWN_TEXT_MAX
    assert (entry["metric"], entry["why"]) == ("m" * most + "...", "w" * most + "...")
    assert (entry["where"], entry["sender"], entry["room"]) == ("[0]", "192.0.2.7", "room")


def test_a_request_that_is_refused_as_a_whole(metrics: Metrics) -> None:
    with capture_logs() as logged:
        PointCounts(metrics, "room").add_refused(refused_whole(Refused("json", "no JSON", "byte 3"), "192.0.2.7", 5))
    assert [(entry["where"], entry["why"]) for entry in logged] == [("all", "no JSON: byte 3")]
    assert counted(metrics)["json"] == 5
