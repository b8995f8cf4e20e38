"""How a token looks."""

from __future__ import annotations

import re

import pytest

from headrace.access.tokens.text import ID, new_id, new_secret, parts_of, spelled
from headrace.settings.principals import PrincipalSetting


def test_there_and_back() -> None:
    seen = set()
    for _ in range(1000):
        token_id, secret = new_id(), new_secret()
        assert ID.fullmatch(token_id)
        text = spelled(token_id, secret)
        # RFC 6750 lets clients send it as it is, and a configuration file takes it too.
        assert re.fullmatch(r"headrace_[A-Za-z0-9_-]{56}", text)
        assert PrincipalSetting.model_validate({"token": text, "grants": [{"may": ["read"]}]})
        assert parts_of(text.encode()) == (token_id, secret.encode())
        seen |= {token_id, secret}
    assert len(seen) == 2000


@pytest.mark.parametrize(
    "text",
    [b"", b"headrace_", b"headrace_" + b"0" * 12 + b"_" + b"s" * 42, b"headrace_" + b"0" * 12 + b"_" + b"s" * 44],
)
def test_what_is_none(text: bytes) -> None:
    assert parts_of(text) is None
    sound = b"headrace_" + b"0" * 12 + b"_" + b"s" * 43
    assert parts_of(sound)
    for other in (sound + b"\n", b" " + sound, sound.upper(), sound.replace(b"s", b"\xc3", 1), b"x" * 60_000):
        assert parts_of(other) is None
