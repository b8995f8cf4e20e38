from __future__ import annotations

import json

import pytest

from headrace import limits
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


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7])
def test_words_and_texts_may_lie_across_the_pieces(piece_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JSON_PIECE_BYTES", piece_bytes)
    text = '[NaN,"a\\\\",-Infinity,"\\"NaN",{"NaN":NaN},Infinity,"-INF\\\\\\"",-INF]'
    quoted = '["NaN","a\\\\","-Infinity","\\"NaN",{"NaN":"NaN"},"Infinity","-INF\\\\\\"","-INF"]'
    assert quote_bare_words(text.encode()).decode() == quoted
    json.loads(quoted)


def test_of_very_many_words_the_first_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BARE_WORDS_MAX", 2)
    assert quote_bare_words(b"[NaN,NaN,NaN]") == b'["NaN","NaN",NaN]'
