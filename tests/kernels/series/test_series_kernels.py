"""The kernels of the series table, the symbols and the series index against dicts and lists; compiled or not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.hashing import PADDING
from headrace.kernels.series import index as series_index
from headrace.kernels.series import symbols
from headrace.kernels.series import table as series_table
from headrace.model.series import SeriesName, encode_name, series_name

SECRET = np.arange(0x1234567, 0x1234567 + 16, 2, dtype=np.uint64)

# Words with few bits that differ, so that keys meet in their slot, in their tag and in neither.
words = st.sampled_from([low | high << 32 for low in (1, 2, 9, 17) for high in (0, 7)])


@given(st.lists(st.tuples(words, words), max_size=12), st.integers(0, 12))
def test_insert_and_lookup_are_a_dict_with_a_limit(keys: list[tuple[int, int]], count_max: int) -> None:
    slots = np.full(32, series_table.EMPTY, dtype=np.uint64)
    held = np.zeros((12, 2), dtype=np.uint64)
    rules = np.zeros(12, dtype=np.uint8)
    ends = np.zeros(12, dtype=np.int64)
    heap = np.zeros(12 * 12, dtype=np.uint8)
    lengths = np.arange(len(keys), dtype=np.uint32)
    names = np.concatenate([np.full(n, n, dtype=np.uint8) for n in range(len(keys))] or [np.empty(0, dtype=np.uint8)])
    ordinals = np.empty(len(keys), dtype=np.uint32)
    given_keys = np.array(keys, dtype=np.uint64).reshape(len(keys), 2)
    count = series_table.insert(
        slots, held, rules, ends, heap, 0, count_max, given_keys, lengths, names, 0b101, ordinals
    )
    oracle: dict[tuple[int, int], int] = {}
    source_of = []
    for row, key in enumerate(keys):
        if key not in oracle and len(oracle) < count_max:
            oracle[key] = len(oracle)
            source_of.append(row)
        assert ordinals[row] == oracle.get(key, series_table.NO_ORDINAL)
    assert count == len(oracle)
    begins = [0, *ends[:count].tolist()]
    assert [heap[a:b].tolist() for a, b in pairwise(begins)] == [[row] * row for row in source_of]

    refilled = np.full(64, series_table.EMPTY, dtype=np.uint64)
    series_table.refill(refilled, held, 0, count)
    asked = np.array([*keys, (5, 5)], dtype=np.uint64)
    for table in (slots, refilled):
        found, satisfied = np.empty(len(asked), dtype=np.uint32), np.empty(len(asked), dtype=np.uint8)
        series_table.lookup(table, held, rules, asked, found, satisfied)
        expected = [oracle.get(key) for key in [*keys, (5, 5)]]
        assert found.tolist() == [series_table.NO_ORDINAL if e is None else e for e in expected]
        assert satisfied.tolist() == [0 if e is None else 0b101 for e in expected]


texts = st.sampled_from(["", "a", "b", "ab", "eight by", "nine byte", "é" * 9])


@given(st.lists(texts, max_size=20))
def test_symbols_are_a_dict(strings: list[str]) -> None:
    slots = np.zeros(32, dtype=np.uint32)
    ends = np.zeros(16, dtype=np.int64)
    heap = np.zeros(256, dtype=np.uint8)
    oracle: dict[str, int] = {}
    for text in strings:
        data = np.frombuffer(bytearray(b"??" + text.encode() + b"?" * PADDING), dtype=np.uint8)
        end = len(data) - PADDING
        symbol = symbols.intern(data, 2, end, len(oracle), slots, ends, heap, SECRET)
        assert symbol == oracle.setdefault(text, len(oracle))
    stored, begin = [], 0
    for end in ends[: len(oracle)].tolist():
        stored.append(heap[begin:end].tobytes().decode())
        begin = end
    assert stored == list(oracle)
    refilled = np.zeros(64, dtype=np.uint32)
    symbols.refill(len(oracle), refilled, ends, heap, SECRET)
    for text, symbol in oracle.items():
        data = np.frombuffer(bytearray(text.encode() + b"!" * PADDING), dtype=np.uint8)
        at = symbols.slot_of(data, 0, len(data) - PADDING, refilled, ends, heap, SECRET)
        assert refilled[at] == symbol + 1


@given(st.lists(st.builds(series_name, texts, st.dictionaries(texts, st.just("x" * 300) | texts, max_size=3))))
def test_parts_of_canonical_names_are_counted(names: list[SeriesName]) -> None:
    encoded = b"".join(encode_name(name) for name in names)
    heap = np.frombuffer(bytearray(encoded + bytes(PADDING)), dtype=np.uint8)
    assert series_index.count_parts(heap, len(encoded)) == sum(1 + 2 * len(tags) for _, tags in names)
