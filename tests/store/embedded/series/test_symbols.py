"""Strings to ids and back, against a dict."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.hashing import PADDING
from headrace.kernels.series.symbols import intern
from headrace.store.embedded.series.symbols import Symbols

SECRET = np.random.default_rng(3).integers(1, 2**63, 8, dtype=np.uint64) | np.uint64(1)


def add(symbols: Symbols, text: str) -> int:
    encoded = text.encode()
    symbols.reserve(1, len(encoded))
    data = np.frombuffer(bytearray(encoded + bytes(PADDING)), dtype=np.uint8)
    symbol = int(
        intern(data, 0, len(encoded), symbols.count, symbols.slots, symbols.ends, symbols.heap, symbols.secret)
    )
    symbols.count = max(symbols.count, symbol + 1)
    return symbol


@given(st.lists(st.text(max_size=30), max_size=60), st.lists(st.text(max_size=3), max_size=5))
def test_ids_follow_first_appearance_and_are_found_again(texts: list[str], others: list[str]) -> None:
    symbols = Symbols(SECRET)
    known: dict[str, int] = {}
    for text in texts:
        assert add(symbols, text) == known.setdefault(text, len(known))
    assert symbols.texts().to_pylist() == list(known)
    asked = [*known, *others]
    assert symbols.find_each(asked).tolist() == [known.get(text, -1) for text in asked]


def test_it_grows_past_every_capacity_it_begins_with() -> None:
    symbols = Symbols(SECRET)
    texts = [f"a string that is number {number}" for number in range(5000)]
    assert [add(symbols, text) for text in texts] == list(range(5000))
    assert symbols.find_each(texts).tolist() == list(range(5000))
    assert symbols.find("a string that is not there") == -1
