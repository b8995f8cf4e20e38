"""What people say about names and series, and what of it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from real_room import real_room

from headrace.protocols.opentsdb.catalog.metas import SERIES_KIND, Metas, SeriesMeta, said_words
from headrace.protocols.opentsdb.integers import Whole


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"tsuid": "k"}, {}),
        ({"notes": "", "custom": None, "retention": Whole(0)}, {}),
        ({"retention": None}, {}),
        ({"max": float("inf"), "min": "-inf"}, {}),
        ({"notes": None, "units": 5}, {"notes": None, "units": "5"}),
        ({"max": float("nan"), "min": None}, {"max": None, "min": 0.0}),
        ({"max": "2.5", "min": ""}, {"max": 2.5, "min": 0.0}),
        ({"custom": {"a": 5, "b": None, "c": True}}, {"custom": {"a": "5", "b": None, "c": "true"}}),
    ],
)
def test_what_changes_something(said: dict[str, Any], words: dict[str, Any]) -> None:
    assert said_words(SeriesMeta(**said)) == words


@pytest.mark.parametrize("said", [{"max": "x"}, {"min": "1_0"}, {"max": "\u0661"}, {"retention": Whole(2**31)}])
def test_what_is_no_number(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"number|float|integer"):
        SeriesMeta(**said)


async def test_words_stay_beside_later_ones_or_are_replaced(tmp_path: Path) -> None:
    with real_room(tmp_path) as tsd:
        metas = Metas(tsd.opened)
        await metas.write(SERIES_KIND, "k", SeriesMeta(notes="n"), replacing=False)
        await metas.write(SERIES_KIND, "k", SeriesMeta(units="u"), replacing=False)
        assert tsd.opened.document(SERIES_KIND, "k") == b'{"notes":"n","units":"u"}'
        await metas.write(SERIES_KIND, "k", SeriesMeta(notes="m"), replacing=True)
        assert tsd.opened.document(SERIES_KIND, "k") == b'{"notes":"m"}'
        await metas.forget(SERIES_KIND, "k")
        assert tsd.opened.document(SERIES_KIND, "k") is None
