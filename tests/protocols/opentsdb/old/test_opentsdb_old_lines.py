"""Points as lines."""

from __future__ import annotations

import numpy as np

from headrace.model.points import Kind, Values
from headrace.model.query import Fill
from headrace.protocols.opentsdb.old.lines import lines
from headrace.protocols.opentsdb.reading.answer import Element


def test_blanks_in_names_of_other_dialects() -> None:
    """KairosDB takes them; a line must keep its words."""
    values = Values(np.array([Kind.INT64], dtype=np.uint8), np.array([7], dtype=np.int64), b"")
    head = {"metric": "free space\nsys.cpu 1 2", "tags": {"a key": "c:\\program\tfiles"}}
    [line] = lines([Element(head, np.array([1000], dtype=np.int64), values, Fill.NONE)])
    assert line == b"free_space_sys.cpu_1_2 1 7 a_key=c:\\program_files\n"


def test_only_missing_values() -> None:
    nan = np.array([np.nan]).view(np.int64)
    element = Element({"metric": "m", "tags": {}}, np.array([1000]), Values(np.zeros(1, np.uint8), nan, b""), Fill.NAN)
    assert b"".join(lines([element])) == b""
