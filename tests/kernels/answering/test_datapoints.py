"""Points woven into JSON read back as they were."""

from __future__ import annotations

import json

import numpy as np
import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.kernels.answering.datapoints import POINT_BYTES_MAX, weave, write_integer

int64s = st.integers(-(2**63), 2**63 - 1)
NAN = np.frombuffer(b'"NaN"', dtype=np.uint8)


@given(int64s)
@example(-(2**63))
@example(2**63 - 1)
@example(0)
@example(-10)
def test_integers(number: int) -> None:
    out = np.zeros(24, dtype=np.uint8)
    assert out[: write_integer(number, out, 0)].tobytes() == str(number).encode()


values = st.one_of(int64s, st.booleans(), st.floats(allow_infinity=False))


@given(st.lists(st.tuples(int64s, values)), st.booleans())
def test_weave(points: list[tuple[int, int | float | bool]], in_arrays: bool) -> None:
    kinds = np.array([2 if isinstance(v, bool) else int(isinstance(v, int)) for _, v in points], dtype=np.uint8)
    bits = np.array([v if k else 0 for k, (_, v) in zip(kinds, points, strict=True)], dtype=np.int64)
    doubles = np.array([v for _, v in points if isinstance(v, float)], dtype=np.float64)
    text = np.frombuffer(orjson.dumps(doubles, option=orjson.OPT_SERIALIZE_NUMPY), dtype=np.uint8)
    out = np.empty(len(points) * POINT_BYTES_MAX, dtype=np.uint8)
    times = np.array([t for t, _ in points], dtype=np.int64)
    written = out[: weave(times, kinds, bits, text, in_arrays, NAN, out)].tobytes().decode()
    expected = [(t, "NaN" if isinstance(v, float) and np.isnan(v) else v) for t, v in points]
    if in_arrays:
        found = [(t, v) for t, v in json.loads(f"[{written}]")]
    else:
        found = [(int(t), v) for t, v in json.JSONDecoder(object_pairs_hook=list).decode(f"{{{written}}}") or []]
    assert [(t, type(v), v) for t, v in found] == [(t, type(v), v) for t, v in expected]
