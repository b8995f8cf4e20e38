"""Names in bulk against names one by one."""

from __future__ import annotations

import json
import string

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.kernels.series import names as kernel
from headrace.model.series import encode_name, series_name

PLAIN = np.zeros(256, dtype=np.uint8)
PLAIN[list(b"abcdefghijklmnopqrstuvwxyz-")] = 1
TAGS_MIN, TAGS_MAX, BYTES_MAX = 1, 3, 200

words = st.one_of(
    st.text("abz-", min_size=1, max_size=3),
    st.text("ab!é长Z", min_size=1, max_size=4),
    st.sampled_from(["a" * 127, "a" * 128, "a" * BYTES_MAX, "a" * (BYTES_MAX + 1)]),
)
spelled = st.lists(st.tuples(words, st.dictionaries(words, words, max_size=5)), max_size=8)


def is_plain(metric: str, tags: dict[str, str]) -> bool:
    allowed = set(string.ascii_lowercase + "-")
    parts = [metric, *tags, *tags.values()]
    return TAGS_MIN <= len(tags) <= TAGS_MAX and all(len(p) <= BYTES_MAX and set(p) <= allowed for p in parts)


def as_json(metric: str, tags: dict[str, str]) -> tuple[str, str]:
    return json.dumps(metric, ensure_ascii=False), json.dumps(tags, ensure_ascii=False, indent=1)


def as_words(metric: str, tags: dict[str, str]) -> tuple[str, str]:
    return metric, "".join(f"  {key}={value}" for key, value in tags.items())


@pytest.mark.parametrize(
    ("take_apart", "spell"), [(kernel.json_parts, as_json), (kernel.line_parts, as_words)], ids=["json", "line"]
)
@given(named=spelled, picked=st.lists(st.integers(0, 7), max_size=8))
@example(named=[("m", {"b": "x", "a": "y", "aa": "z"})], picked=[0, 0])
def test_plain_names_are_written_as_encode_name_does(take_apart, spell, named, picked) -> None:  # type: ignore[no-untyped-def]
    text = bytearray(b"?")
    spans = []
    for metric, tags in named:
        for part in spell(metric, tags):
            spans += [len(text), len(text) + len(part.encode())]
            text += part.encode() + b"?"
    rows = np.array([row for row in picked if row < len(named)], dtype=np.int64)
    name_ends, begins, ends = (np.zeros(size, dtype=np.int64) for size in (len(rows), 11 * len(rows), 11 * len(rows)))
    data = np.frombuffer(text, dtype=np.uint8)
    take_apart(data, np.array(spans, dtype=np.int64), rows, name_ends, begins, ends)
    count = int(name_ends[-1]) if len(rows) else 0
    found = [bytes(text[begin:end]).decode() for begin, end in zip(begins[:count], ends[:count], strict=True)]
    chosen = [named[row] for row in rows]
    assert found == [part for metric, tags in chosen for part in [metric, *(w for pair in tags.items() for w in pair)]]

    lengths, heap = np.zeros(len(rows), dtype=np.uint32), np.zeros(16 * len(text) * 8 + 64, dtype=np.uint8)
    order = np.zeros(TAGS_MAX, dtype=np.int64)
    used = kernel.write_plain(data, name_ends, begins, ends, PLAIN, TAGS_MIN, TAGS_MAX, BYTES_MAX, order, lengths, heap)
    expected = [encode_name(series_name(*name)) if is_plain(*name) else b"" for name in chosen]
    assert lengths.tolist() == [len(name) for name in expected]
    assert heap[:used].tobytes() == b"".join(expected)


def test_a_name_with_a_key_twice_is_not_plain() -> None:
    data = np.frombuffer(bytearray(b"makxkykz"), dtype=np.uint8)
    at = np.arange(9, dtype=np.int64)
    lengths, heap, order = np.zeros(1, dtype=np.uint32), np.zeros(99, dtype=np.uint8), np.zeros(4, dtype=np.int64)
    name_ends = np.array([7], dtype=np.int64)
    begins, ends = np.append(at[0], at[2:8]), np.append(at[1], at[3:9])
    assert kernel.write_plain(data, name_ends, begins, ends, PLAIN, 1, 4, 9, order, lengths, heap) == 0
    assert lengths.tolist() == [0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40), st.lists(st.integers(0, 39)))
def test_first_rows(keys: list[tuple[int, int]], picked: list[int]) -> None:
    rows = [row for row in picked if row < len(keys)]
    slots: NDArray[np.int64] = np.full(1 << (2 * len(rows) + 1).bit_length(), -1, dtype=np.int64)
    found = np.zeros(len(rows), dtype=np.int64)
    count = kernel.first_rows(np.array(keys, dtype=np.uint64), np.array(rows, dtype=np.int64), slots, found)
    seen: dict[tuple[int, int], int] = {}
    for row in rows:
        seen.setdefault(keys[row], row)
    assert found[:count].tolist() == list(seen.values())
