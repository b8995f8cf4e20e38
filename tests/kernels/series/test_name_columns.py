"""Canonical names to the columns of Arrow, against names one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.series import name_columns as kernel
from headrace.model.series import LOST_NAME, SeriesName, encode_name, series_name

words = st.text(max_size=3) | st.sampled_from(["", "长", "x" * 127, "x" * 128])
names = st.just(LOST_NAME) | st.builds(series_name, words, st.dictionaries(words, words, max_size=3))


def as_canonical(name: SeriesName) -> bytes:
    return b"" if name == LOST_NAME else encode_name(name)


@given(st.lists(names, max_size=6), st.lists(st.integers(0, 5), max_size=8))
def test_names_are_taken_and_split(given_names: list[SeriesName], picked: list[int]) -> None:
    chosen = [row for row in picked if row < len(given_names)]
    encoded = [as_canonical(name) for name in given_names]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    heap = np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8)
    lengths = np.array([len(encoded[row]) for row in chosen], dtype=np.uint32)
    taken = np.zeros(int(lengths.sum()), dtype=np.uint8)
    kernel.take_names(ends[:-1][np.array(chosen, dtype=np.int64)], lengths, heap, taken)
    assert taken.tobytes() == b"".join(encoded[row] for row in chosen)

    size, count = len(taken), len(chosen)
    metric_offsets, tag_offsets = np.full((2, count + 1), -1, dtype=np.int32)
    key_offsets, value_offsets = np.full((2, size // 2 + 1), -1, dtype=np.int32)
    metrics, keys, values = np.zeros((3, size), dtype=np.uint8)
    tags = kernel.split_names(
        taken, lengths, metric_offsets, metrics, tag_offsets, key_offsets, keys, value_offsets, values
    )

    def text(data: np.ndarray, offsets: np.ndarray, row: int) -> str:
        return data[offsets[row] : offsets[row + 1]].tobytes().decode()

    found = [
        (
            text(metrics, metric_offsets, row),
            tuple(
                (text(keys, key_offsets, tag), text(values, value_offsets, tag))
                for tag in range(tag_offsets[row], tag_offsets[row + 1])
            ),
        )
        for row in range(count)
    ]
    assert found == [given_names[row] for row in chosen]
    assert tags == sum(len(given_names[row].tags) for row in chosen)
