"""OpenTSDB: PipelineFactory looks at the first byte, and so do we."""

from __future__ import annotations

import pytest
from smallhouse import House


@pytest.mark.parametrize("first", [b"put", b"\n", b"\r\n", b"a", b"\x16\x03", b"@", b"[", "Ä".encode(), b" "])
async def test_a_first_byte_that_is_no_capital_letter_is_telnet(house: House, first: bytes) -> None:
    assert await house.talk(first + b" 1\n") == first + b" 1\n"


@pytest.mark.parametrize("first", [b"A", b"Z"])
async def test_a_capital_letter_is_http(house: House, first: bytes) -> None:
    assert (await house.talk(first + b" 1\n")).startswith(b"HTTP/1.1 400 ")
