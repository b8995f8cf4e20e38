from __future__ import annotations

import numpy as np
import pytest
from histogram_samples import histogram, of_bins, rows_of

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.kairosdb.types.histogram_columns import Histograms, blocks, custom_values, spelled
from headrace.store.query_memory import uncounted

STORED = [histogram((at + 1, 2 * at + 1, -0.5, 1e-4 * at, 1e9)) for at in range(20)]


def columns(texts: list[str]) -> list[Histograms]:
    values = rows_of([(at, text) for at, text in enumerate(texts)]).values
    return [part for _, part in blocks(values, np.arange(len(texts)))]


def test_what_is_read_is_spelled_as_it_was() -> None:
    [whole] = columns(STORED)
    assert [text.decode() for text in spelled(whole, uncounted)] == STORED


@pytest.mark.parametrize("size", [1, 300, 1000])
def test_memory_is_bounded_by_blocks(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    [whole] = columns(STORED)
    monkeypatch.setattr(limits, "KAIROSDB_HISTOGRAM_BLOCK_BYTES", size)
    parts = columns(STORED)
    assert len(parts) > 1
    assert all(len(part) == 1 or sum(map(len, spelled(part, uncounted))) <= size for part in parts)
    assert np.concatenate([part.ends for part in parts]).tolist() == whole.ends.tolist()
    assert np.concatenate([part.samples for part in parts]).tolist() == [5.0] * len(STORED)


def test_what_is_no_histogram_is_passed_over() -> None:
    values = custom_values([b"other\0{}", STORED[0].encode(), b'histogram\0{"bins":7}', STORED[1].encode()])
    [(rows, found)] = blocks(values, np.arange(4))
    assert (rows.tolist(), len(found)) == ([1, 3], 2)


def test_what_is_spelled_is_counted_and_must_be_finite() -> None:
    held: list[int] = []
    texts = spelled(columns(STORED)[0], held.append)
    assert sum(held) == 2 * sum(map(len, texts))
    [whole] = columns([of_bins({"1": 1}, 1, 1, 1)])
    infinite = Histograms(
        whole.starts, whole.ends, whole.counts, whole.least, whole.most, np.array([np.inf]), whole.precisions
    )
    with pytest.raises(Refused, match="non-finite"):
        spelled(infinite, uncounted)


def test_none() -> None:
    assert columns([]) == []
    assert len(custom_values([])) == 0
