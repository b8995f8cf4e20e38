"""Texts of strangers, cut."""

from __future__ import annotations

import pytest

from headrace.model.cut_text import cut


@pytest.mark.parametrize(
    ("text", "ending", "expected"),
    [
        ("", "...", ""),
        ("abcd", "...", "abcd"),
        ("abcde", "...", "abcd..."),
        ("abcde", "…", "abcd…"),
        ("abcde", "", "abcd"),
        ("äöüßä", "…", "äöüß…"),
    ],
)
def test_a_text_keeps_so_many_characters(text: str, ending: str, expected: str) -> None:
    assert cut(text, 4, ending) == expected
