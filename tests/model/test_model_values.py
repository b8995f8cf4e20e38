from __future__ import annotations

import numpy as np

from headrace.model.points import Kind, Values
from headrace.model.values import Custom, ValuesBuilder


def test_values_of_every_kind() -> None:
    builder = ValuesBuilder()
    for value in (1.5, True, 7, "text", Custom("complex-number", '{"real":1}')):
        builder.add(value)
    builder.extend(Values(np.array([Kind.INT64], dtype=np.uint8), np.array([9])))
    built = builder.build()
    assert len(builder) == len(built) == 6
    assert built.kinds.tolist() == [Kind.DOUBLE, Kind.BOOL, Kind.INT64, Kind.TEXT, Kind.CUSTOM, Kind.INT64]
    assert built.doubles()[0] == 1.5
    assert built.bits[[1, 2, 5]].tolist() == [1, 7, 9]
    assert built.text(3) == "text"
    assert built.text(4) == 'complex-number\0{"real":1}'
