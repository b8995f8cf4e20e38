"""OpenTSDB: PipelineFactory looks at the first byte, and so do we."""

from __future__ import annotations

import pytest
from smallhouse import House, running


@pytest.mark.parametrize("first", [b"put", b"\n", b"\r\n", b"a", b"\x16\x03", b"@", b"[", "Ä".encode(), b" "])
async def test_a_first_byte_that_is_no_capital_letter_is_telnet(house: House, first: bytes) -> None:
    assert await house.talk(first + b" 1\n") == first + b" 1\n"


@pytest.mark.parametrize("first", [b"A", b"Z"])
async def test_a_capital_letter_is_http(house: House, first: bytes) -> None:
    assert (await house.talk(first + b" 1\n")).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("line", [b"Metric.path 1 2\n", b"GET / HTTP/1.1\r\n", b"metric.path 1 2\n"])
async def test_where_only_lines_are_spoken_a_capital_letter_begins_one_too(line: bytes) -> None:
    async with running(http=False) as house:
        assert await house.talk(line) == line
