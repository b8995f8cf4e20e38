"""Small writes together: one commit, and each hears its own answer, or goes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from headrace.errors import Unavailable
from headrace.model.points import Admitted, Points, Values
from headrace.model.spelling import SpelledNames
from headrace.transport.gathered_writes import GatheredWrites


def scan(bodies: Sequence[bytes]) -> tuple[Points, list[int]]:
    """A byte is a point at its own number; a body with a question mark is not plain."""
    counts = [-1 if b"?" in body else len(body) for body in bodies]
    times = np.array([byte for body in bodies if b"?" not in body for byte in body], dtype=np.int64)
    values = Values(np.zeros(len(times), dtype=np.uint8), times)
    keys = np.zeros((len(times), 2), dtype=np.uint64)
    return Points(keys, times, values, SpelledNames([], lambda spelling: pytest.fail("asked")), times), counts


def admitted(points: Points) -> Admitted:
    return Admitted(np.zeros(len(points), dtype=np.uint32), points.times, points.values)


class Disk:
    def __init__(self, fault: Exception | None = None) -> None:
        self.commits: list[bytes] = []
        self.fault = fault

    async def append(self, points: Admitted) -> None:
        if self.fault is not None:
            raise self.fault
        self.commits.append(bytes(points.times.tolist()))


def gathered(disk: Disk, admit: Callable[[Points], Admitted | None] = admitted) -> GatheredWrites:
    return GatheredWrites(scan, admit, disk.append, lambda count: (200, [], b"%d" % count))


async def test_what_comes_together_is_one_commit_and_each_hears_its_own_count() -> None:
    disk = Disk()
    answers = await gathered(disk).take([b"a", b"b", b"c?", b"de", b"", b"f"])
    assert [answer and answer[2] for answer in answers] == [b"1", b"1", None, b"2", None, b"1"]
    assert disk.commits == [b"abdef"]


async def test_where_nothing_is_plain_nothing_is_committed() -> None:
    disk = Disk()
    assert await gathered(disk).take([b"?", b""]) == [None, None]
    assert disk.commits == []


async def test_a_refusal_by_the_gate_sends_all_the_usual_way() -> None:
    disk = Disk()
    assert await gathered(disk, lambda points: None).take([b"a", b"b"]) == [None, None]
    assert disk.commits == []


async def test_when_the_disk_fails_nobody_is_answered() -> None:
    with pytest.raises(Unavailable, match="full"):
        await gathered(Disk(Unavailable("full", 7))).take([b"a", b"b"])
