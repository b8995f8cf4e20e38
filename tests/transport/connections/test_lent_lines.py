from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Unavailable
from headrace.transport import LineReply, LineSession, OfOthers, OtherCommands, Sender
from headrace.transport.connections.lent_lines import lending

Fed = list[tuple[str, int, bytes]]


class Dialect:
    """Remembers who was fed what; answers lines that end in `say`, closes at `exit`, is full where `busy` says so."""

    def __init__(self, name: str, fed: Fed, busy: list[int]) -> None:
        self._name, self._fed, self._busy = name, fed, busy

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        if others is not None and others.are_in(block):
            raise OfOthers
        if self._busy and self._busy.pop(0):
            raise Unavailable("full")
        self._fed.append((self._name, first_line, block))
        said = [f"{self._name}\n".encode() for line in block.split(b"\n") if line.endswith(b"say")]
        return LineReply(b"".join(said), close=b"exit" in block)

    def line_too_long(self, line: int) -> LineReply:
        return LineReply(f"{self._name} {line}\n".encode())


def opened(busy: list[int] | None = None) -> tuple[LineSession, Fed]:
    fed: Fed = []

    def host(sender: Sender) -> Dialect:
        return Dialect("host", fed, busy or [])

    def guest(sender: Sender) -> Dialect:
        return Dialect(f"guest of {sender.address}", fed, busy or [])

    return lending(host, {b"putm": guest, b"puts": guest})(Sender("me")), fed


HOST, GUEST = "host", "guest of me"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"put a\nversion\n", [(HOST, 7, b"put a\nversion\n")]),
        (b"putm a\nputm b\n", [(GUEST, 7, b"putm a\nputm b\n")]),
        (b"putm a\nputs b\n", [(GUEST, 7, b"putm a\n"), (GUEST, 8, b"puts b\n")]),
        (b"put a\n\n putm b\nput c\n", [(HOST, 7, b"put a\n\n"), (GUEST, 9, b" putm b\n"), (HOST, 10, b"put c\n")]),
        (b"put in.puts 1\nputmore 1\nput putm 1\n", [(HOST, 7, b"put in.puts 1\nputmore 1\nput putm 1\n")]),
        (b"putm\n\tputs\tx\r\nput\n", [(GUEST, 7, b"putm\n"), (GUEST, 8, b"\tputs\tx\r\n"), (HOST, 9, b"put\n")]),
    ],
)
async def test_lines_go_to_whom_their_command_belongs(block: bytes, expected: Fed) -> None:
    session, fed = opened()
    assert await session.feed(block, 7) == LineReply()
    assert fed == expected


def test_where_nobody_lends_sessions_are_as_they_are() -> None:
    def host(sender: Sender) -> Dialect:
        return Dialect(sender.address, [], [])

    assert lending(host, {}) is host


async def test_answers_come_in_order_and_nothing_after_the_end() -> None:
    session, fed = opened()
    reply = await session.feed(b"put say\nputm say\nput exit say\nputm say\n", 1)
    assert reply == LineReply(b"host\nguest of me\nhost\n", close=True)
    assert [block for *_, block in fed] == [b"put say\n", b"putm say\n", b"put exit say\n"]
    assert session.line_too_long(9) == LineReply(b"host 9\n")


async def test_a_block_that_is_fed_again_goes_on_where_it_was() -> None:
    session, fed = opened(busy=[0, 1, 0, 1])
    block = b"put say\nputm say\nput say\n"
    for _ in range(2):
        with pytest.raises(Unavailable):
            await session.feed(block, 1)
    assert (await session.feed(block, 1)).data == b"host\nguest of me\nhost\n"
    assert fed == [(HOST, 1, b"put say\n"), (GUEST, 2, b"putm say\n"), (HOST, 3, b"put say\n")]


LINE = st.sampled_from(["put a", "putm b", " puts c", "", "putmm", "put puts", "\tputm", "x putm", "putm"])


@given(st.lists(LINE, min_size=1, max_size=12), st.integers(1, 3))
async def test_no_line_is_lost_moved_or_misled(lines: list[str], at_once: int) -> None:
    before, limits.TELNET_LENT_LINES_AT_ONCE = limits.TELNET_LENT_LINES_AT_ONCE, at_once
    try:
        session, fed = opened()
    finally:
        limits.TELNET_LENT_LINES_AT_ONCE = before
    block = "".join(f"{line}\n" for line in lines).encode()
    await session.feed(block, 1)
    assert b"".join(run for *_, run in fed) == block
    at = 1
    for name, first_line, run in fed:
        assert first_line == at
        for line in run.decode().splitlines():
            assert (name == GUEST) == (line.split()[:1] in (["putm"], ["puts"]))
            at += 1


async def test_others_have_their_turn_between_runs() -> None:
    """Of lines whose dialects take turns each is a run; where none is stored, no session waits for anything."""
    session, fed = opened()
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(len(fed))
            await asyncio.sleep(0)

    beside = asyncio.ensure_future(other())
    await session.feed(b"x\nputm\n" * 50, 1)
    beside.cancel()
    assert len(fed) == 100
    assert turns == list(range(1, 100))
