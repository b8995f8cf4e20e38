"""Texts in heaps, to other heaps and to Arrow's layout."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.kernels.storing import texts
from headrace.model.points import HEAP_LENGTH_BITS, Kind, Values

Row = tuple[Kind, bytes]

rows = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([Kind.DOUBLE, Kind.INT64, Kind.BOOL]), st.just(b"")),
        st.tuples(st.just(Kind.TEXT), st.binary(max_size=6)),
        st.tuples(st.just(Kind.CUSTOM), st.builds(b"%b\0%b".__mod__, st.tuples(st.just(b"t"), st.binary(max_size=3)))),
    ),
    max_size=20,
)


def columns(plain: list[Row], gap: bytes = b"--") -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8]]:
    """Kinds, bits and a heap in which something else lies before every text; numbers have every bit set."""
    heap = b""
    bits = []
    for kind, text in plain:
        heap += gap
        bits.append(len(heap) << HEAP_LENGTH_BITS | len(text) if kind >= Kind.TEXT else -1)
        heap += text
    kinds = np.array([kind for kind, _ in plain], dtype=np.uint8)
    return kinds, np.array(bits, dtype=np.int64), np.frombuffer(heap, dtype=np.uint8)


def test_the_layout_is_that_of_the_model() -> None:
    assert texts.TEXT_LENGTH_BITS == HEAP_LENGTH_BITS
    assert texts.FIRST_TEXT_KIND == Kind.TEXT
    assert texts.CUSTOM_KIND == Kind.CUSTOM == max(Kind)


@given(rows)
def test_moving_leaves_only_the_texts(plain: list[Row]) -> None:
    kinds, bits, heap = columns(plain)
    packed = np.empty(texts.text_bytes(kinds, bits), dtype=np.uint8)
    texts.move_texts(kinds, bits, heap, packed)
    assert packed.tobytes() == b"".join(text for _, text in plain)
    at = 0
    for (kind, text), payload in zip(plain, bits.tolist(), strict=True):
        assert payload == (at << HEAP_LENGTH_BITS | len(text) if kind >= Kind.TEXT else -1)
        at += len(text)


@given(rows, st.binary(max_size=9))
def test_rebased_texts_are_found_behind_another_heap(plain: list[Row], before: bytes) -> None:
    kinds, bits, heap = columns([(kind, text.hex().encode()) for kind, text in plain])
    texts.rebase_texts(kinds, bits, len(before))
    values = Values(kinds, bits, before + heap.tobytes())
    for row, (kind, text) in enumerate(plain):
        assert values.text(row) == text.hex() if kind >= Kind.TEXT else bits[row] == -1


@given(rows)
def test_arrow_texts(plain: list[Row]) -> None:
    kinds, bits, heap = columns(plain)
    offsets = np.empty(len(plain) + 1, dtype=np.int32)
    texts.text_offsets(kinds, bits, Kind.TEXT, offsets)
    data = np.empty(offsets[-1], dtype=np.uint8)
    texts.copy_texts(kinds, bits, Kind.TEXT, heap, offsets, data)
    for row, (kind, text) in enumerate(plain):
        assert data[offsets[row] : offsets[row + 1]].tobytes() == (text if kind == Kind.TEXT else b"")


@given(rows)
def test_arrow_customs(plain: list[Row]) -> None:
    kinds, bits, heap = columns(plain)
    type_offsets, json_offsets = (np.empty(len(plain) + 1, dtype=np.int32) for _ in range(2))
    assert texts.custom_offsets(kinds, bits, heap, type_offsets, json_offsets)
    types, jsons = np.empty(type_offsets[-1], dtype=np.uint8), np.empty(json_offsets[-1], dtype=np.uint8)
    texts.copy_customs(kinds, bits, heap, type_offsets, json_offsets, types, jsons)
    for row, (kind, text) in enumerate(plain):
        halves = text.split(b"\0", 1) if kind == Kind.CUSTOM else [b"", b""]
        assert types[type_offsets[row] : type_offsets[row + 1]].tobytes() == halves[0]
        assert jsons[json_offsets[row] : json_offsets[row + 1]].tobytes() == halves[1]


def test_a_custom_without_a_type_is_noticed() -> None:
    kinds, bits, heap = columns([(Kind.CUSTOM, b"no nul")], gap=b"")
    offsets = np.empty(2, dtype=np.int32)
    assert not texts.custom_offsets(kinds, bits, heap, offsets, offsets.copy())


@given(rows, st.integers(0, 30))
def test_a_cut_holds_as_many_texts_as_fit(plain: list[Row], bytes_max: int) -> None:
    kinds, bits, _ = columns(plain)
    order = np.arange(len(plain), dtype=np.uint32)
    start = 0
    while start < len(plain):
        end = texts.cut_by_text_bytes(order, start, len(plain), kinds, bits, bytes_max)
        held = sum(len(text) for _, text in plain[start:end])
        assert end > start
        assert held <= bytes_max or held == len(plain[start][1])
        assert end == len(plain) or held + len(plain[end][1]) > bytes_max
        start = end
