"""Small writes together must mean, store and say what each alone would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from kairosdb_room import kairosdb_room

from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.protocols.kairosdb.writing.scan import scan, scan_gathered

SECRET = np.random.default_rng(7).integers(1, 2**63, 8, dtype=np.uint64) | np.uint64(1)
NOW_MS = 1_700_000_000_000

Metric = dict[str, object]


def pairs(name: str, *times: int, **other: object) -> Metric:
    return {"name": name, "datapoints": [[time, time] for time in times], "tags": {"k": "v"}} | other


metrics = st.builds(pairs, st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9)) | st.builds(
    pairs, st.just("t"), st.just(5), ttl=st.sampled_from([0, 60])
)
plain = (metrics | st.lists(metrics, min_size=1, max_size=3)).map(lambda some: json.dumps(some).encode())
pieces = st.sampled_from([b"", b"[]", b"{", b"}", b"[", b"]", b",", b'"', b'{"name":"x}', b'{","tags":{}}', b"\0"])
spoilt = st.tuples(plain, pieces, st.integers(0, 200)).map(lambda of: of[0][: of[2]] + of[1] + of[0][of[2] :])


@example([b'{"name":"x}', b'{","tags":{"k":"v"},"timestamp":1,"value":2}'])
@given(st.lists(plain | spoilt | pieces, max_size=8))
def test_each_body_is_read_as_if_it_were_alone(bodies: list[bytes]) -> None:
    points, counts = scan_gathered(bodies, SECRET, NOW_MS)
    alone = [scan(body, SECRET, NOW_MS) for body in bodies]
    assert counts == [NOT_PLAIN if one is None else len(one.keys) for one in alone]
    good = [one for one in alone if one is not None]
    for column in ("keys", "times", "runs"):
        assert getattr(points, column).tolist() == [row for one in good for row in getattr(one, column).tolist()]
    assert points.values.bits.tolist() == [bits for one in good for bits in one.values.bits.tolist()]
    assert points.values.kinds.tolist() == [kind for one in good for kind in one.values.kinds.tolist()]
    names = [one.names.name(row) for one in good for row in range(len(one.keys))]
    assert [points.names.name(row) for row in range(len(points.keys))] == names
    expiring = [one for one in good if one.expires is not None]
    assert (points.expires is not None) == bool(expiring)
    if points.expires is not None:
        assert sum((points.expires == NOW_MS + 60_000).tolist()) == sum(
            int((one.expires == NOW_MS + 60_000).sum()) for one in expiring if one.expires is not None
        )


async def test_the_room_stores_what_is_good_and_leaves_the_rest_to_its_app(tmp_path: Path) -> None:
    with kairosdb_room(tmp_path / "data") as kairos:
        posts = kairos.room.small_posts[b"/api/v1/datapoints"]
        alone = await kairos.ask("datapoints", json.dumps(pairs("alone", 1)).encode())
        bodies = [
            json.dumps(pairs("a", 1, 2)).encode(),
            json.dumps([pairs("a", 3), pairs("b", 4, ttl=0)]).encode(),
            b'{"name":"a","datapoints":[[4,"5"]],"tags":{"k":"v"}}',
            '{"name":"ü","timestamp":5,"value":1.5,"tags":{"k":"v"}}'.encode(),
        ]
        answers = await posts.take(bodies)
        assert [answer is not None for answer in answers] == [True, True, False, True]
        for answer in answers:
            if answer is not None:
                status, headers, body = answer
                said = {name.decode(): value.decode() for name, value in headers}
                assert (status, said, body) == (alone.status, alone.headers, alone.body)
        assert await kairos.stored("a") == {"number": [[1, 1], [2, 2], [3, 3]]}
        assert await kairos.stored("b") == {"number": [[4, 4]]}
        assert await kairos.stored("ü") == {"number": [[5, 1.5]]}
        too_long = json.dumps(pairs("a", 6, tags={"k": "v" * 70_000})).encode()
        assert await posts.take([bodies[0], too_long]) == [None, None]
