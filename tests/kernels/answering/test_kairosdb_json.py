"""Points in KairosDB's spelling: Java's doubles, integers in full, gaps as null."""

from __future__ import annotations

import json

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.kernels.answering.kairosdb_json import POINT_BYTES_MAX, weave_pairs
from headrace.protocols.kairosdb.types.doubles import double_text

GAP = 255
int64s = st.integers(-(2**63), 2**63 - 1)
doubles = st.floats(allow_nan=False, allow_infinity=False)


def woven(points: list[tuple[int, int | float | None]]) -> str:
    kinds = [GAP if v is None else int(isinstance(v, int)) for _, v in points]
    bits = np.array([v if isinstance(v, int) else 0 for _, v in points], dtype=np.int64)
    text = orjson.dumps(np.array([v for _, v in points if isinstance(v, float)]), option=orjson.OPT_SERIALIZE_NUMPY)
    out = np.empty(len(points) * POINT_BYTES_MAX, dtype=np.uint8)
    times = np.array([t for t, _ in points], dtype=np.int64)
    length = weave_pairs(times, np.array(kinds, dtype=np.uint8), bits, np.frombuffer(text, dtype=np.uint8), out)
    return out[:length].tobytes().decode()


# As Java 19's Double.toString and org.json's numberToString print them.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5.0, "5"),
        (9.5, "9.5"),
        (0.0, "0"),
        (-0.0, "-0"),
        (1e10, "1.0E10"),
        (5e-5, "5.0E-5"),
        (9_999_999.0, "9999999"),
        (1e7, "1.0E7"),
        (12_345_678.9, "1.23456789E7"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (-1.5e-300, "-1.5E-300"),
        (5e-324, "5.0E-324"),  # Java gives 4.9E-324; ours is the shortest that reads back as the same double
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (100.25, "100.25"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1_234_567.125, "1234567.125"),
    ],
)
def test_doubles_as_java_prints_them(value: float, text: str) -> None:
    assert woven([(1, value)]) == f"[1,{text}]"


@given(doubles)
@example(1e22)
@example(123456789012345680.0)
def test_every_double_reads_back_and_is_spelled_as_the_writing_half_spells_it(value: float) -> None:
    written = woven([(0, value)])
    assert json.loads(written) == [0, value]
    assert written == f"[0,{double_text(value)}]"


@given(st.lists(st.tuples(int64s, st.one_of(int64s, doubles, st.none()))))
def test_points_read_back_as_they_were(points: list[tuple[int, int | float | None]]) -> None:
    # A double that is integral has no point and thus reads as an integer.
    assert [tuple(point) for point in json.loads(f"[{woven(points)}]")] == points
