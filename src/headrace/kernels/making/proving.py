"""Whether compiled kernels can be linked, and do what they should. In a process of its own, as a wrong guess about
Numba's inside would end it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from headrace.kernels import cache
from headrace.kernels.cache import Cache


def prove(folder: Path) -> None:
    """Of the cache in that folder; in a process that has imported no kernel. Raises AssertionError, or what linking
    raises; or crashes."""
    cache.use(Cache(folder))
    from headrace.kernels.making import probe as module  # noqa: PLC0415 - it is linked when it is imported

    probe: Any = module.probe
    assert "numba" not in sys.modules, "the probe was not linked"
    values = np.arange(6, dtype=np.float64)
    keys = np.ones((3, 2), dtype=np.uint64)
    for _ in range(100):
        assert probe(values, keys, (values[:2], 2**64 - 1), -1, True) == (14.0, 2**64 - 1, -1, True)
    readonly = np.frombuffer(bytes(48), dtype=np.float64)
    for wrong in (
        values[::2],
        values.astype(np.float32),
        values.astype(np.int64),
        values.astype(">f8"),
        readonly,
        keys,
        None,
    ):
        _must_be_refused(probe, wrong, keys, (values, 1), 0, False)
        _must_be_refused(probe, values, keys, (wrong, 1), 0, False)
    for pair in ((), (values,), [values, 1], values):
        _must_be_refused(probe, values, keys, pair, 0, False)
    _must_be_refused(probe, values, keys)
    _must_be_refused(probe)


def _must_be_refused(probe: Callable[..., Any], *arguments: Any) -> None:
    try:
        probe(*arguments)
    except TypeError:
        return
    kinds = [f"{type(argument).__name__} {getattr(argument, 'dtype', '')}" for argument in arguments]
    raise AssertionError(f"the probe takes {', '.join(kinds)}")
