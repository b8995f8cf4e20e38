from __future__ import annotations

import json

import pytest

from headrace.model.bare_words import quote_bare_words


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("[NaN,-Infinity,+INF,1]", '["NaN","-Infinity","+INF",1]'),
        ('{"NaN":"NaN","a":NaN}', '{"NaN":"NaN","a":"NaN"}'),
        ('["a\\"NaN"]', '["a\\"NaN"]'),
    ],
)
def test_words_outside_texts_become_texts(text: str, quoted: str) -> None:
    assert quote_bare_words(text.encode()).decode() == quoted
    json.loads(quoted)
