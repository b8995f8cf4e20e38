"""Which addresses nobody else reaches."""

from __future__ import annotations

import pytest

from headrace.settings.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_the_machine_itself(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "localhost.", "a.localhost", "127.1", "example.net"])
def test_others(host: str) -> None:
    assert not is_loopback(host)
