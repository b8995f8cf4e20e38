"""Small puts together must mean what each alone would."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.protocols.opentsdb.writing.bodies import as_utf8
from headrace.protocols.opentsdb.writing.gathered import scan_gathered
from headrace.protocols.opentsdb.writing.scan import scan

SECRET = np.random.default_rng(7).integers(1, 2**63, 8, dtype=np.uint64) | np.uint64(1)


def point(number: int, **other: object) -> dict[str, object]:
    return {"metric": "m", "timestamp": 1_700_000_000 + number, "value": number, "tags": {"k": str(number)}} | other


plain = st.lists(st.builds(point, st.integers(0, 99)), min_size=1, max_size=3).map(
    lambda some: json.dumps(some).encode()
)
pieces = st.sampled_from([b"", b"[]", b"{", b"}", b"[", b"]", b",", b'"', b'{"metric":"m', b'"}', b"null", b"\0"])
spoilt = st.tuples(plain, pieces, st.integers(0, 200)).map(lambda of: of[0][: of[2]] + of[1] + of[0][of[2] :])


@example([b'{"metric":"m","timestamp":1700000000,"value":1,"tags":{"k":"\xc3\xbc"}}', b"\xff"])
@given(st.lists(plain | spoilt | pieces, max_size=8))
def test_each_body_is_read_as_if_it_were_alone(bodies: list[bytes]) -> None:
    points, counts = scan_gathered(bodies, SECRET)
    alone = [scan(as_utf8(body), SECRET) for body in bodies]
    assert counts == [NOT_PLAIN if one is None else len(one) for one in alone]
    good = [one for one in alone if one is not None]
    for column in ("keys", "times"):
        expected = [row for one in good for row in getattr(one, column).tolist()]
        assert getattr(points, column).tolist() == expected
    assert points.values.bits.tolist() == [bits for one in good for bits in one.values.bits.tolist()]
    names = [one.names.name(row) for one in good for row in range(len(one))]
    assert [points.names.name(row) for row in range(len(points))] == names
