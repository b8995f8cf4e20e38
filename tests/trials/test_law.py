"""The judge of the trials: what it lets pass, and what not."""

from __future__ import annotations

import pytest
from law import judged

HAD = {"a": 1, "b": 2}
LOST = "journal/1.journal: records 1 to 2 are lost"
HARMLESS = "journal/1.journal: its header is damaged and kept in x; its records are read"


def sent(_: object, shown: object) -> bool:
    return shown in (0, 1, 2)


def test_a_loss_is_named_and_what_is_there_is_right() -> None:
    assert judged(HAD, HAD, sent, []).word == "right"
    assert judged(HAD, HAD, sent, [HARMLESS]).word == "named"
    assert judged({"a": 0}, HAD, sent, [HARMLESS, LOST]).word == "named", "an older write shows"
    assert judged({"a": 1}, HAD, sent, [], unnoticed=lambda found: found == {"a": 1}).word == "right"


@pytest.mark.parametrize("said", [[], [HARMLESS]])
def test_a_loss_without_a_word_is_none_that_may_be(said: list[str]) -> None:
    with pytest.raises(AssertionError, match="all is well, and yet: 1 differ; b: None instead of 2"):
        judged({"a": 1}, HAD, sent, said)


def test_what_nobody_sent_is_wrong_whatever_is_said() -> None:
    with pytest.raises(AssertionError, match="never sent"):
        judged({**HAD, "b": 3}, HAD, sent, [LOST])
