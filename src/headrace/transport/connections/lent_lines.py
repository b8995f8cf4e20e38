"""Telnet commands that only one dialect has, taken on listeners of the others too: OpenTSDB has no `putm`, so a line
that begins with it can only be meant for KairosDB."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from headrace import limits
from headrace.transport import LineReply, LineSession, LineSessions, OfOthers, OtherCommands, Sender


class _Commands:
    """How lines that begin with lent commands are found (transport.OtherCommands)."""

    def __init__(self, guests: Mapping[bytes, LineSessions]) -> None:
        blanks = rb"[\x00-\x09\x0b-\x20]"
        begin = rb"%b*+(?:%b)(?=[\x00-\x20])" % (blanks, b"|".join(map(re.escape, guests)))
        most = limits.TELNET_LENT_LINES_AT_ONCE
        self.guests = guests
        self._later = re.compile(rb"\n" + begin)
        self._lent = re.compile(begin)
        self._command = re.compile(rb"%b*+([^\x00-\x20]*+)" % blanks)
        self._own = re.compile(rb"(?:(?!%b)[^\n]*+\n){1,%d}" % (begin, most))
        self._run_of = {
            command: re.compile(rb"(?:%b*+%b(?=[\x00-\x20])[^\n]*+\n){1,%d}" % (blanks, re.escape(command), most))
            for command in guests
        }

    def are_in(self, block: bytes) -> bool:
        """See OtherCommands."""
        if not any(command in block for command in self.guests):
            return False
        return bool(self._lent.match(block) or self._later.search(block))

    def run_at(self, block: bytes, at: int) -> tuple[int, bytes]:
        """Where the run of lines that begins at `at` ends, and the lent command that it is of, b"" for none."""
        if own := self._own.match(block, at):
            return own.end(), b""
        found = self._command.match(block, at)
        assert found is not None, "it matches anything"
        run = self._run_of[found[1]].match(block, at)
        assert run is not None, "its first line begins with the command"
        return run.end(), found[1]


def lending(host: LineSessions, guests: Mapping[bytes, LineSessions]) -> LineSessions:
    """Sessions that follow `host`, but for lines that begin with a command of `guests`."""
    if not guests:
        return host
    commands = _Commands(guests)
    return lambda sender: _SharedLines(host(sender), commands, sender)


class _SharedLines:
    """One connection (transport.LineSession). The order of lines holds across dialects."""

    def __init__(self, host: LineSession, commands: _Commands, sender: Sender) -> None:
        self._host = host
        self._commands = commands
        self._sender = sender
        self._guests: dict[LineSessions, LineSession] = {}
        self._block = b""
        self._at = 0
        self._line = 0
        """A block of several dialects, where what is left of it begins, and which line of the connection that is."""
        self._replies = bytearray()

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        """See LineSession. Fed again after Unavailable, it goes on where it was."""
        if not self._block:
            try:
                return await self._host.feed(block, first_line, self._commands)
            except OfOthers:
                self._replies.clear()
                self._block, self._at, self._line = block, 0, first_line
        close = False
        while self._at < len(self._block) and not close:
            if self._at:
                # A run may be one line, and a session that stores nothing never waits: others have their turn.
                await asyncio.sleep(0)
            reply = await self._feed_run()
            if len(self._replies) <= limits.TELNET_REPLY_BYTES_MAX:
                self._replies += reply.data
            close = reply.close
        self._block = b""
        return LineReply(bytes(self._replies), close)

    async def _feed_run(self) -> LineReply:
        """Feed the neighbouring lines of one dialect with which the rest of the block begins. Raises Unavailable, and
        then they are what is left."""
        end, command = self._commands.run_at(self._block, self._at)
        session = self._guest(self._commands.guests[command]) if command else self._host
        lines = self._block[self._at : end]
        reply = await session.feed(lines, self._line)
        self._at = end
        self._line += lines.count(b"\n")
        return reply

    def line_too_long(self, line: int) -> LineReply:
        """See LineSession. Whatever it began with, the host has words for it."""
        return self._host.line_too_long(line)

    def _guest(self, sessions: LineSessions) -> LineSession:
        if sessions not in self._guests:
            self._guests[sessions] = sessions(self._sender)
        return self._guests[sessions]
