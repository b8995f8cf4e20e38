"""Canonical names (model.series.encode_name) as the columns of Arrow: metrics, and a map of tags for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headrace.kernels import i32, i64, int64, kernel, u8, u8_in, u32_in, void


@kernel(void(i64, u32_in, u8, u8))
def take_names(
    begins: NDArray[np.int64], lengths: NDArray[np.uint32], heap: NDArray[np.uint8], taken: NDArray[np.uint8]
) -> None:
    """Copy the names heap[begins[i]:][:lengths[i]] end to end into `taken`."""
    used = np.int64(0)
    for name in range(len(begins)):
        for at in range(begins[name], begins[name] + np.int64(lengths[name])):
            taken[used] = heap[at]
            used += 1


@kernel(int64(u8_in, u32_in, i32, u8, i32, i32, u8, i32, u8))
def split_names(
    names: NDArray[np.uint8],
    lengths: NDArray[np.uint32],
    metric_offsets: NDArray[np.int32],
    metrics: NDArray[np.uint8],
    tag_offsets: NDArray[np.int32],
    key_offsets: NDArray[np.int32],
    keys: NDArray[np.uint8],
    value_offsets: NDArray[np.int32],
    values: NDArray[np.uint8],
) -> int:
    """Arrow's offsets and data of the metrics, tag keys and tag values of names that follow one another, and of each
    name's tags; returns how many tags there are. A name of no bytes has an empty metric. There is room for all."""
    metric_offsets[0] = tag_offsets[0] = key_offsets[0] = value_offsets[0] = 0
    at = np.int64(0)
    tags = 0
    for name in range(len(lengths)):
        end = at + np.int64(lengths[name])
        part = 0
        metric_offsets[name + 1] = metric_offsets[name]
        while at < end:
            length = np.int64(0)
            shift = np.int64(0)
            while names[at] >= 0x80:
                length |= np.int64(names[at] & 0x7F) << shift
                shift += 7
                at += 1
            length |= np.int64(names[at]) << shift
            at += 1
            if part == 0:
                data, offsets, row = metrics, metric_offsets, name
            elif part % 2 == 1:
                data, offsets, row = keys, key_offsets, tags
            else:
                data, offsets, row = values, value_offsets, tags
                tags += 1
            begin = np.int64(offsets[row])
            for byte in range(length):
                data[begin + byte] = names[at + byte]
            offsets[row + 1] = begin + length
            at += length
            part += 1
        tag_offsets[name + 1] = tags
    return tags
