"""Strings with ids: found again, and lent to Arrow where they lie."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.hashing import PADDING
from headrace.kernels.symbols import intern
from headrace.store.symbols import CAPACITY_AT_FIRST, Symbols

SECRET = np.arange(1, 17, 2, dtype=np.uint64)


def add(symbols: Symbols, text: str) -> int:
    encoded = text.encode()
    symbols.reserve(1, len(encoded))
    data = np.frombuffer(bytearray(encoded + bytes(PADDING)), dtype=np.uint8)
    arrays = (symbols.slots, symbols.ends, symbols.heap, symbols.secret)
    symbol = int(intern(data, 0, len(encoded), symbols.count, *arrays))
    symbols.count = max(symbols.count, symbol + 1)
    return symbol


@given(st.lists(st.text(max_size=12)), st.lists(st.text(max_size=2)))
def test_strings_are_found_by_the_ids_that_they_were_given(texts: list[str], others: list[str]) -> None:
    symbols = Symbols(SECRET)
    ids: dict[str, int] = {}
    for text in texts:
        assert add(symbols, text) == ids.setdefault(text, len(ids))
    wanted = [*texts, *others]
    assert symbols.find_each(wanted).tolist() == [ids.get(text, -1) for text in wanted]
    assert symbols.texts().to_pylist() == list(ids)


def test_what_was_lent_stays_as_it_was_while_more_come() -> None:
    symbols = Symbols(SECRET)
    texts = [f"host-{number}" for number in range(3 * CAPACITY_AT_FIRST)]
    for text in texts[:5]:
        add(symbols, text)
    lent = symbols.texts()
    for text in texts[5:]:
        add(symbols, text)
    assert lent.to_pylist() == texts[:5]
    assert symbols.texts().to_pylist() == texts
    assert symbols.find(texts[-1]) == len(texts) - 1
