"""Modules of kernels as Numba makes them, which tests may call from kernels of their own; others are linked."""

from __future__ import annotations

import importlib.util
from typing import Any

from headrace.kernels import cache


def made_by_numba(name: str) -> Any:
    """A module of that name of its own, beside the one that others import."""
    before = cache.in_use()
    cache.use(cache.IN_MEMORY)
    try:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        cache.use(before)
    return module
