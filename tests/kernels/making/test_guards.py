"""Compiled kernels refuse what their signatures do not say, without Numba's look at it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from headrace import kernels
from headrace.kernels import cache, linking
from headrace.kernels.making import compiler, probe

VALUES = np.arange(6, dtype=np.float64)
KEYS = np.ones((3, 2), dtype=np.uint64)
PAIR = (VALUES[:2], 2**64 - 1)


class Subclass(np.ndarray[Any, Any]):
    pass


def unaligned() -> np.ndarray[Any, Any]:
    return np.frombuffer(bytearray(49), dtype=np.uint8)[1:].view(np.float64)


def readonly() -> np.ndarray[Any, Any]:
    return np.frombuffer(bytes(48), dtype=np.float64)


WRONG_ARRAYS = {
    "strided": VALUES[::2],
    "reversed": VALUES[::-1],
    "of two dimensions": VALUES.reshape(2, 3),
    "of none": np.array(1.0),
    "of smaller items": VALUES.astype(np.float32),
    "of integers": VALUES.astype(np.int64),
    "in foreign byte order": VALUES.astype(">f8"),
    "read-only": readonly(),
    "unaligned": unaligned(),
    "a subclass": VALUES.view(Subclass),
    "a list": [1.0],
    "nothing": None,
    "a number": 1,
}


def test_the_probe_runs_as_it_reads() -> None:
    assert linking.is_linked(cache.in_use())
    assert probe.probe(VALUES, KEYS, PAIR, -1, True) == (14.0, 2**64 - 1, -1, True)  # type: ignore[arg-type, comparison-overlap]


@pytest.mark.parametrize("wrong", WRONG_ARRAYS.values(), ids=WRONG_ARRAYS.keys())
def test_wrong_arrays(wrong: Any) -> None:
    with pytest.raises(TypeError, match=linking.REFUSED):
        probe.probe(wrong, KEYS, PAIR, 0, False)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=linking.REFUSED):
        probe.probe(VALUES, KEYS, (wrong, 1), 0, False)  # type: ignore[arg-type]


@pytest.mark.parametrize("pair", [(), (VALUES,), (VALUES, 1, 1), [VALUES, 1], VALUES, None, 3])
def test_wrong_tuples(pair: Any) -> None:
    with pytest.raises(TypeError, match=linking.REFUSED):
        probe.probe(VALUES, KEYS, pair, 0, False)


@pytest.mark.parametrize("arguments", [(), (VALUES,), (VALUES, KEYS, PAIR, 0), (VALUES, KEYS, PAIR, 0, True, 1)])
def test_too_few_and_too_many(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=linking.REFUSED):
        probe.probe(*arguments)


def test_numbers_are_those_of_python() -> None:
    with pytest.raises(TypeError):
        probe.probe(VALUES, KEYS, PAIR, [], True)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        probe.probe(VALUES, KEYS, PAIR, 2**64, True)  # type: ignore[arg-type]


def linked() -> Iterator[tuple[str, Any]]:
    """All kernels by name, as their modules have them."""
    for found in pkgutil.walk_packages(kernels.__path__, f"{kernels.__name__}."):
        if found.name != compiler.__name__:
            for name, value in vars(importlib.import_module(found.name)).items():
                if inspect.isbuiltin(value) or isinstance(value, linking._Overloaded):
                    yield f"{found.name}.{name}", value


def test_every_kernel_refuses_what_is_nothing() -> None:
    found = dict(linked())
    assert len(found) > 150
    for name, kernel in found.items():
        for count in range(25):
            with pytest.raises((TypeError, AttributeError, IndexError)):
                kernel(*[None] * count)
            assert name


def test_a_kernel_that_runs_out_of_memory_says_so() -> None:
    """Numba makes the exception of what it has kept of it, so it is imported then."""
    endless = np.lib.stride_tricks.as_strided(np.zeros(1), shape=(2**59,), strides=(8,), writeable=True)
    with pytest.raises(MemoryError):
        probe.probe(endless, KEYS, PAIR, 0, True)  # type: ignore[arg-type]
