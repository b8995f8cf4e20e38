"""The telnet dialect: lines of words. Success is silent; each failure answers one line; the connection stays open.

A block of lines is one batch: it is decoded, stored by one append, and answered in the order of its lines, so
`version` says that everything before it is durable.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused
from headrace.gate import Admission
from headrace.intake import Refusal, RefusedPoints
from headrace.metrics import Metrics
from headrace.model.json_pieces import work_of_lines
from headrace.model.points import Admitted, Points
from headrace.model.series import Registry, SeriesName, series_name
from headrace.model.spelling import KeyCache, SpelledNames, Spelling, key_column
from headrace.model.values import ValuesBuilder
from headrace.protocols.opentsdb import faults, times
from headrace.protocols.opentsdb.telling.stats import RecentStats
from headrace.protocols.opentsdb.telling.version import VERSION_LINES
from headrace.protocols.opentsdb.values import integer, number_of_line
from headrace.protocols.opentsdb.writing.scan import scan_lines
from headrace.protocols.opentsdb.writing.wire import Failure
from headrace.protocols.opentsdb.writing.write import PutService
from headrace.transport import LineReply, OfOthers, OtherCommands, Sender
from headrace.transport.loop_or_thread import LoopOrThread

COMMANDS: Final = ("dropcaches", "exit", "help", "put", "stats", "version")

PUT_WORDS_MIN: Final = 4
"""metric, time, value and one tag."""


@dataclass(frozen=True, slots=True)
class Telnet:
    """What all telnet connections of the room share.

    secret: uint64[8], of the table.   stats: the server's numbers.   blocks: where lines are read one by one.
    """

    puts: PutService
    keys: KeyCache
    secret: NDArray[np.uint64]
    stats: RecentStats
    blocks: LoopOrThread

    def session(self, sender: Sender) -> TelnetSession:
        """A new connection's session."""
        return TelnetSession(self, sender)


def telnet(puts: PutService, table: Registry, metrics: Metrics) -> Telnet:
    """The telnet of a room over one store."""
    blocks = LoopOrThread(limits.OPENTSDB_LOOP_LINES_BYTES_MAX)
    return Telnet(puts, KeyCache(table, read_name), table.secret, RecentStats(metrics), blocks)


class _Command(NamedTuple):
    """A line that asks for something."""

    name: str


class _Said(NamedTuple):
    """A block that was read. answers: the words about refused lines, those that follow one another together, and the
    commands between them.   unworded: lines that are refused without words of their own.   closes: whether the
    client asks for the end."""

    admitted: Admitted
    refused: RefusedPoints
    answers: list[str | _Command]
    unworded: int
    closes: bool


def _joined(answers: list[str | _Command]) -> list[str | _Command]:
    """Words that follow one another as one."""
    runs: list[str | _Command] = []
    for is_words, run in groupby(answers, key=lambda answer: isinstance(answer, str)):
        together = list(run)
        runs += ["".join(map(str, together))] if is_words else together
    return runs


class TelnetSession:
    """One connection (transport.LineSession)."""

    def __init__(self, shared: Telnet, sender: Sender) -> None:
        self._shared = shared
        self._sender = sender.address

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        """Take whole lines; returns the answers once all of their points are durable. Raises Unavailable, and then
        the block may be fed again, and OfOthers."""
        puts = self._shared.puts
        points = scan_lines(block, self._shared.secret, read_name)
        if points is not None:
            said = self._worded(Lines(points, {}, {}), puts.admit(points), first_line)
        elif others is not None and others.are_in(block):
            raise OfOthers
        else:
            said = await self._shared.blocks.run(work_of_lines(block), lambda: self._read(block, first_line))
        await puts.append(said.admitted, said.refused)
        return LineReply(self._reply(said).encode(), close=said.closes)

    def _read(self, block: bytes, first_line: int) -> _Said:
        """What the lines mean, one by one, what of it may be stored, and what is said of the rest. Any thread."""
        lines = _LineByLine(self._shared.keys).read(lines_of(block))
        return self._worded(lines, self._shared.puts.admit(lines.points), first_line)

    def _worded(self, read: Lines, admission: Admission, first_line: int) -> _Said:
        """In the order of the lines."""
        by_rule = Counter(failure.rule for failure in read.failures.values()) + admission.by_rule
        for place, refused, name in admission.refused:
            words = faults.refused_name(refused, name.metric, dict(name.tags))
            metric = faults.shown(name.metric)
            read.failures[place] = Failure(place, refused.rule, f"put: illegal argument: {words}", metric)
        told: list[Refusal] = []
        told_of = Counter[str]()
        answers: list[str | _Command] = []
        size = 0
        places = sorted([*read.failures, *read.commands])
        for place in places:
            failure = read.failures.get(place)
            if failure is not None and told_of[failure.rule] < limits.REFUSED_TOLD_PER_MINUTE:
                told_of[failure.rule] += 1
                told.append(Refusal(failure.rule, f"line {first_line + place}", failure.metric, failure.error))
            if size <= limits.TELNET_REPLY_BYTES_MAX:
                words = _said(failure, first_line) + "\n" if failure else ""
                answers.append(words or _Command(read.commands[place]))
                size += len(words)
        unworded = len(places) - len(answers) + len(admission.left_out) - len(admission.refused)
        refused_points = RefusedPoints(by_rule, told, self._sender)
        closes = "exit" in read.commands.values()
        return _Said(admission.admitted, refused_points, _joined(answers), unworded, closes)

    def _reply(self, said: _Said) -> str:
        replies: list[str] = []
        unworded, size = said.unworded, 0
        for run in said.answers:
            if size > limits.TELNET_REPLY_BYTES_MAX:
                unworded += run.count("\n") if isinstance(run, str) else 1
                continue
            replies.append(run if isinstance(run, str) else self._answer(run.name))
            size += len(replies[-1])
        return "".join(replies) + (f"and {unworded} more lines\n" if unworded else "")

    def line_too_long(self, line: int) -> LineReply:
        """The words for a line that was dropped."""
        words = f"line too long: at most {limits.TELNET_LINE_BYTES_MAX} bytes are allowed"
        rule = "line-too-long"
        refusal = Refusal(rule, f"line {line}", "", words)
        self._shared.puts.refuse_lines(RefusedPoints({rule: 1}, [refusal], self._sender))
        return LineReply(f"{words} (line {line})\n".encode())

    def _answer(self, command: str) -> str:
        match command:
            case "version":
                return VERSION_LINES
            case "help":
                return f"available commands: {' '.join(COMMANDS)}\n"
            case "stats":
                return self._shared.stats.text()
            case "dropcaches":
                self._shared.keys.clear()
                return "Caches dropped.\n"
            case "exit":
                return ""
            case _:
                raise AssertionError(command)


def _said(failure: Failure, first_line: int) -> str:
    """OpenTSDB's words, and behind them which line it was."""
    of = f", metric {failure.metric}" if failure.metric else ""
    return f"{failure.error} (line {first_line + failure.place}{of})"


class Lines(NamedTuple):
    """A block as columns. failures and commands: what else its lines hold, by place; a place has one of the three."""

    points: Points
    failures: dict[int, Failure]
    commands: dict[int, str]


_BLANKS: Final = bytes(range(0x21))


def lines_of(block: bytes) -> list[bytes]:
    """The lines of a block, without their LF or CRLF."""
    return block.replace(b"\r\n", b"\n").removesuffix(b"\n").split(b"\n")


class _LineRefused(Exception):  # noqa: N818 - as errors.Refused
    """One line is not taken; `error` is its whole answer."""

    def __init__(self, rule: str, error: str) -> None:
        super().__init__(error)
        self.rule = rule
        self.error = error


class _LineByLine:
    """The order of checks and the words are those of OpenTSDB's PutDataPointRpc.importDataPoint and TSDB.addPoint."""

    def __init__(self, cache: KeyCache) -> None:
        self._cache = cache
        self._values = ValuesBuilder()
        self._keys: list[bytes] = []
        self._times: list[int] = []
        self._spellings: list[Spelling] = []
        self._places: list[int] = []

    def read(self, lines: list[bytes]) -> Lines:
        failures = {}
        commands = {}
        for place, line in enumerate(lines):
            words = line.lstrip(_BLANKS).split(b" ", PUT_WORDS_MIN)
            command = words[0].decode(errors="replace")
            if command == "put":
                try:
                    self._put(place, words)
                except _LineRefused as refusal:
                    metric = faults.shown(words[1].decode(errors="replace")) if len(words) > 1 else ""
                    failures[place] = Failure(place, refusal.rule, refusal.error, metric)
            elif command in COMMANDS:
                commands[place] = command
                if command == "exit":
                    break
            elif command:
                words_of_refusal = f"unknown command: {faults.shown(command)}.  Try `help'."
                failures[place] = Failure(place, "command-unknown", words_of_refusal)
        points = Points(
            key_column(self._keys),
            np.array(self._times, dtype=np.int64),
            self._values.build(),
            SpelledNames(self._spellings, read_name),
            np.array(self._places, dtype=np.int64),
        )
        return Lines(points, failures, commands)

    def _put(self, place: int, words: list[bytes]) -> None:
        if len(words) <= PUT_WORDS_MIN:
            got = len(words) - 1
            raise _illegal("arguments", f"not enough arguments (need least {PUT_WORDS_MIN}, got {got})")
        spelling = (words[1], words[4])
        metric, time, text = (word.decode(errors="replace") for word in words[1:4])
        if not metric:
            raise _illegal("metric-empty", "empty metric name")
        stamp = _timestamp(time)
        if not text:
            raise _illegal("value-empty", "empty value")
        try:
            key = self._cache[spelling]
        except Refused as refused:
            raise _illegal(refused.rule, refused.detail) from refused
        try:
            value = number_of_line(text)
        except ValueError as error:
            raise _invalid_value("value-number", error) from error
        if not math.isfinite(value):
            raise _illegal("value-infinite", faults.infinite_value(value, metric, stamp))
        if not times.is_legal(stamp):
            tags = dict(read_name(spelling).tags)
            raise _illegal("timestamp-range", faults.bad_timestamp(stamp, text, metric, tags))
        self._keys.append(key)
        self._values.add(value)
        self._times.append(times.to_ms(stamp))
        self._spellings.append(spelling)
        self._places.append(place)


def _timestamp(text: str) -> int:
    """Seconds, milliseconds, or seconds with three decimals, which are milliseconds without their point."""
    whole, point, decimals = text.partition(".")
    if point and len(decimals) != 3:
        # OpenTSDB drops the point wherever it stands: 1364410924.5 would be a time in 1970.
        raise _illegal("timestamp-invalid", f"invalid timestamp: {faults.shown(text)}")
    try:
        stamp = integer(whole + decimals)
    except ValueError as error:
        raise _invalid_value("timestamp-number", error) from error
    if stamp <= 0:
        raise _illegal("timestamp-invalid", f"invalid timestamp: {stamp}")
    return stamp


def _illegal(rule: str, words: str) -> _LineRefused:
    return _LineRefused(rule, f"put: illegal argument: {words}")


def _invalid_value(rule: str, error: ValueError) -> _LineRefused:
    return _LineRefused(rule, f"put: invalid value: {faults.shown(str(error))}")


def read_name(spelling: Spelling) -> SeriesName:
    """The name that a metric and the words behind the value mean; empty words mean nothing.

    Raises Refused: rules "metric-empty", "tag-invalid", "tag-duplicate" (OpenTSDB: Tags.parse). No tags: for the gate
    to refuse.
    """
    metric, words = spelling
    if not metric:
        raise Refused("metric-empty", "empty metric name")
    tags: dict[str, str] = {}
    for word in words.decode(errors="replace").split(" "):
        if not word:
            continue
        key, _, value = word.partition("=")
        if not key or not value or "=" in value:
            raise Refused("tag-invalid", f"invalid tag: {faults.shown(word)}")
        if tags.setdefault(key, value) != value:
            listed = ", ".join(f"{known}={tag}" for known, tag in tags.items())
            raise Refused("tag-duplicate", f"duplicate tag: {faults.shown(word)}, tags={{{faults.shown(listed)}}}")
    return series_name(metric.decode(errors="replace"), tags)
