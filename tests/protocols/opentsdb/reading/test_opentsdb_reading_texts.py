"""Texts of JSON, as OpenTSDB 2.4.1 took them."""

from __future__ import annotations

import msgspec
import pytest

from headrace.protocols.opentsdb.reading.texts import Scalar, text_of, texts_of


@pytest.mark.parametrize(
    ("said", "text"),
    [('"5"', "5"), ("5", "5"), ("-7", "-7"), ("1.5", "1.5"), ("true", "true"), ("false", "false"), ('"true"', "true")],
)
def test_a_scalar_is_its_spelling(said: str, text: str) -> None:
    given: Scalar = msgspec.json.decode(said, type=Scalar, strict=False)
    assert text_of(given) == text
    assert texts_of({"k": given, "n": None}) == {"k": text, "n": None}


def test_null_is_no_text() -> None:
    assert text_of(msgspec.json.decode("null", type=Scalar)) is None
