"""Small puts together must say and store what each alone would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Unavailable
from headrace.kernels.decimal import NOT_PLAIN
from headrace.model.points import Admitted, Points
from headrace.protocols.opentsdb.gathered import GatheredPuts, scan_gathered
from headrace.protocols.opentsdb.scan import scan

SECRET = np.random.default_rng(7).integers(1, 2**63, 8, dtype=np.uint64) | np.uint64(1)


def point(number: int, **other: object) -> dict[str, object]:
    return {"metric": "m", "timestamp": 1_700_000_000 + number, "value": number, "tags": {"k": str(number)}} | other


plain = st.lists(st.builds(point, st.integers(0, 99)), min_size=1, max_size=3).map(
    lambda some: json.dumps(some).encode()
)
pieces = st.sampled_from([b"", b"[]", b"{", b"}", b"[", b"]", b",", b'"', b'{"metric":"m', b'"}', b"null", b"\0"])
spoilt = st.tuples(plain, pieces, st.integers(0, 200)).map(lambda of: of[0][: of[2]] + of[1] + of[0][of[2] :])


@given(st.lists(plain | spoilt | pieces, max_size=8))
def test_each_body_is_read_as_if_it_were_alone(bodies: list[bytes]) -> None:
    points, counts = scan_gathered(bodies, SECRET)
    alone = [scan(body, SECRET) for body in bodies]
    assert counts == [NOT_PLAIN if one is None else len(one) for one in alone]
    good = [one for one in alone if one is not None]
    for column in ("keys", "times"):
        expected = [row for one in good for row in getattr(one, column).tolist()]
        assert getattr(points, column).tolist() == expected
    assert points.values.bits.tolist() == [bits for one in good for bits in one.values.bits.tolist()]
    names = [one.names.name(row) for one in good for row in range(len(one))]
    assert [points.names.name(row) for row in range(len(points))] == names


def admitted(points: Points) -> Admitted:
    return Admitted(np.zeros(len(points), dtype=np.uint32), points.times, points.values)


class Disk:
    def __init__(self, fault: Exception | None = None) -> None:
        self.commits: list[list[int]] = []
        self.fault = fault

    async def append(self, points: Admitted) -> None:
        await asyncio.sleep(0)
        if self.fault is not None:
            raise self.fault
        self.commits.append(points.times.tolist())


def bodies_of(*numbers: int) -> list[bytes]:
    return [json.dumps(point(number)).encode() for number in numbers]


def gathered(disk: Disk, admit: Callable[[Points], Admitted | None] = admitted) -> GatheredPuts:
    return GatheredPuts(SECRET, admit, disk.append, lambda stored: (200, [], b"%d" % stored))


async def test_what_comes_together_is_one_commit_and_each_hears_its_own_count() -> None:
    disk = Disk()
    two = json.dumps([point(5), point(6)]).encode()
    umlaut = json.dumps(point(7, tags={"k": "ü"}), ensure_ascii=False).encode()
    answers = await gathered(disk).take([*bodies_of(1, 2), b"nonsense", two, b"[]", umlaut])
    assert [answer and answer[2] for answer in answers] == [b"1", b"1", None, b"2", None, b"1"]
    assert disk.commits == [[1_700_000_000_000 + 1000 * number for number in (1, 2, 5, 6, 7)]]


async def test_where_nothing_is_plain_nothing_is_committed() -> None:
    disk = Disk()
    assert await gathered(disk).take([b"nonsense", b""]) == [None, None]
    assert disk.commits == []


async def test_a_refusal_by_the_gate_sends_all_the_usual_way() -> None:
    disk = Disk()
    assert await gathered(disk, lambda points: None).take(bodies_of(1, 2)) == [None, None]
    assert disk.commits == []


async def test_when_the_disk_fails_nobody_is_answered() -> None:
    with pytest.raises(Unavailable, match="full"):
        await gathered(Disk(Unavailable("full", 7))).take(bodies_of(1, 2))
