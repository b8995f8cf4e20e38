"""Room for the columns of a scan, and the batch made of what a kernel wrote there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headrace.kernels.scanning.decimal import NOT_PLAIN
from headrace.kernels.scanning.plain_json import PADDING
from headrace.kernels.series.names import line_parts
from headrace.model.scanning import is_utf8, scan_points
from headrace.model.series import series_name

SECRET = np.arange(8, dtype=np.uint64)


def test_what_the_kernel_wrote_is_the_batch() -> None:
    def kernel(*columns: Any) -> int:
        data, length, _, _, keys, spans, times, kinds, bits = columns
        assert data.tobytes() == b"m k=v" + bytes(PADDING)
        assert length == 5
        keys[:2], times[:2], kinds[:2], bits[:2] = [[1, 2], [3, 4]], [10, 20], [1, 0], [7, 0]
        spans[:8] = [0, 1, 2, 5] * 2
        return 2

    points = scan_points(kernel, b"m k=v", 3, SECRET, lambda spelling: series_name("m", {"k": "v"}), line_parts)
    assert points is not None
    assert (points.keys.tolist(), points.times.tolist()) == ([[1, 2], [3, 4]], [10, 20])
    assert (points.values.kinds.tolist(), points.values.bits.tolist()) == ([1, 0], [7, 0])
    assert points.names.name(1) == series_name("m", {"k": "v"})


def test_what_is_not_plain_is_no_batch() -> None:
    points = scan_points(
        lambda *_: NOT_PLAIN, b"", 1, SECRET, lambda spelling: series_name("m", {"k": "v"}), line_parts
    )
    assert points is None


@pytest.mark.parametrize(("text", "utf8"), [(b"a", True), ("é".encode(), True), (b"\xff", False), (b"", True)])
def test_utf8(text: bytes, utf8: bool) -> None:
    assert is_utf8(text) == utf8
