"""The telnet dialect: put, putm, puts and version. Only `version` is ever answered; errors go to the log.

A block of lines is one batch: it is decoded and stored by one append, so `version` says that everything before it is
durable.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from headrace import limits
from headrace.gate import Admission
from headrace.intake import Refusal, RefusedPoints
from headrace.kernels.scanning.kairosdb_telnet import SECONDS_BELOW
from headrace.model.json_pieces import work_of_lines
from headrace.model.points import Points
from headrace.model.series import Registry, SeriesName, series_name
from headrace.model.spelling import KeyCache, SpelledNames, Spelling, key_column
from headrace.model.time import SECOND_MS, TIME_MS_MAX
from headrace.model.values import INT64_MAX, INT64_MIN, ValuesBuilder
from headrace.protocols.kairosdb.endpoints import VERSION
from headrace.protocols.kairosdb.faults import Failure, shown
from headrace.protocols.kairosdb.writing.decode import expiries
from headrace.protocols.kairosdb.writing.scan import scan_lines
from headrace.protocols.kairosdb.writing.values import DOUBLE_TEXT, BadValue
from headrace.protocols.kairosdb.writing.write import DatapointsService
from headrace.transport import LineReply, OfOthers, OtherCommands, Sender
from headrace.transport.loop_or_thread import LoopOrThread

TTL_TAG: Final = "kairos_opt.ttl"

DEFAULT_TAGS: Final = {"add": "tag"}
"""What a line without tags gets, since a series must have one."""

COMMANDS: Final = ("put", "putm", "puts")
OWN_COMMANDS: Final = (b"putm", b"puts")
"""Those that OpenTSDB has not: senders such as metrics4j's TelnetSink know no other port than the default one."""

WORDS_MIN: Final = 4

_BLANKS = bytes.maketrans(bytes(range(32)), b" " * 32)
_WORD = re.compile(r"[^ ]+")
_CLOSING = re.compile(r'"(?= |\Z)')
_LONG = re.compile(r"-?[0-9]{1,19}")
_TTL = re.compile(r"0*[0-9]{1,10}")


class Telnet:
    """What all telnet connections of the room share."""

    def __init__(self, writes: DatapointsService, table: Registry) -> None:
        self.writes = writes
        self.keys = KeyCache(table, read_name)
        self.secret = table.secret
        self.blocks = LoopOrThread(limits.KAIROSDB_LOOP_ODD_BODY_BYTES_MAX)

    def session(self, sender: Sender) -> TelnetSession:
        """A new connection's session."""
        return TelnetSession(self, sender)


class TelnetSession:
    """One connection (transport.LineSession)."""

    def __init__(self, shared: Telnet, sender: Sender) -> None:
        self._shared = shared
        self._sender = sender.address

    async def feed(self, block: bytes, first_line: int, others: OtherCommands | None = None) -> LineReply:
        """Take whole lines; returns the answers once all of their points are durable. Raises Unavailable, and then
        the block may be fed again, and OfOthers."""
        writes = self._shared.writes
        lines = Lines(self._shared.keys)
        points = scan_lines(block, self._shared.secret, read_words)
        if points is not None:
            versions, admission = 0, writes.admit(points)
        elif others is not None and others.are_in(block):
            raise OfOthers
        else:
            versions, admission = await self._shared.blocks.run(work_of_lines(block), lambda: self._read(lines, block))

        def where(place: int) -> str:
            return f"line {first_line + place}"

        first = (Refusal(bad.rule, where(bad.place), bad.metric, bad.error) for bad in lines.failures)
        await writes.store(admission, RefusedPoints(lines.bad, first, self._sender), where)
        return LineReply(f"{VERSION}\n".encode() * versions)

    def _read(self, lines: Lines, block: bytes) -> tuple[int, Admission]:
        """How many of the lines ask for the version, and what of the others may be stored. Any thread."""
        versions = sum(map(lines.read, block.split(b"\n"), itertools.count()))
        return versions, self._shared.writes.admit(lines.points(self._shared.writes.now_ms()))

    def line_too_long(self, line: int) -> LineReply:
        """A line that was dropped; KairosDB says nothing."""
        rule, words = "line-too-long", f"longer than {limits.TELNET_LINE_BYTES_MAX} bytes"
        refusal = Refusal(rule, f"line {line}", "", words)
        self._shared.writes.refuse(RefusedPoints({rule: 1}, [refusal], self._sender))
        return LineReply()


class Lines:
    """A block as columns. bad: refused lines by broken rule.   failures: the first of them, placed by their lines."""

    def __init__(self, cache: KeyCache) -> None:
        self.bad: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self._cache = cache
        self._values = ValuesBuilder()
        self._times: list[int] = []
        self._places: list[int] = []
        self._spellings: list[Spelling] = []
        self._ttls_s: list[int] = []

    def read(self, line: bytes, place: int) -> bool:
        """Take one line; whether it asks for the version."""
        words = words_of(line)
        if not words or words[0] == "version":
            return bool(words)
        try:
            self._put(words, place)
        except BadValue as bad:
            self.bad[bad.rule] += 1
            if len(self.failures) < limits.REFUSALS_WORDED_MAX:
                metric = shown(words[1]) if len(words) > 1 else ""
                self.failures.append(Failure(place, bad.rule, bad.words, metric))
        return False

    def points(self, now_ms: int) -> Points:
        """What was taken."""
        count = len(self._times)
        return Points(
            key_column(map(self._cache.__getitem__, self._spellings)),
            np.array(self._times, dtype=np.int64),
            self._values.build(),
            SpelledNames(self._spellings, read_name),
            np.array(self._places, dtype=np.int64),
            expiries(np.array(self._ttls_s, dtype=np.int64), np.ones(count, dtype=np.int64), now_ms),
        )

    def _put(self, words: list[str], place: int) -> None:
        if words[0] not in COMMANDS:
            raise BadValue("command-unknown", f"unknown command: {shown(words[0])}")
        if len(words) < WORDS_MIN:
            raise BadValue("arguments", f"{words[0]} needs a metric, a time and a value")
        command, metric, stamp, text, *tags = words
        if not metric:
            raise BadValue("name-empty", "metricName may not be empty.")
        time_ms = _time_of(command, stamp)
        value = text if command == "puts" else number_of(text)
        ttl_s, spelled = _tags_of(tags)
        self._values.add(value)
        self._times.append(time_ms)
        self._places.append(place)
        self._spellings.append((metric.encode(), spelled))
        self._ttls_s.append(ttl_s)


def words_of(line: bytes) -> list[str]:
    """The words of a line, split at blanks and control characters; one that begins with a quote runs to the next quote
    that ends a word. UTF-8, malformed bytes become U+FFFD."""
    blank = line.translate(_BLANKS)
    if b'"' not in blank:
        return [word.decode(errors="replace") for word in blank.split(b" ") if word]
    return list(_quoted_and_bare(blank.decode(errors="replace")))


def _quoted_and_bare(text: str) -> Iterator[str]:
    """In one pass: each closing quote is looked for once, however many begin a word in vain."""
    at = 0
    closing: int | None = -1
    while word := _WORD.search(text, at):
        begin, at = word.span()
        if text[begin] == '"' and closing is not None:
            if closing <= begin:
                found = _CLOSING.search(text, begin + 1)
                closing = found.start() if found else None
            if closing is not None:
                yield text[begin + 1 : closing]
                at = closing + 1
                continue
        yield word[0]


def _time_of(command: str, text: str) -> int:
    if not _LONG.fullmatch(text):
        raise BadValue("timestamp-invalid", f"{shown(text)} is no time")
    stamp = int(text)
    time_ms = stamp * SECOND_MS if command == "put" and stamp < SECONDS_BELOW else stamp
    if abs(time_ms) > TIME_MS_MAX:
        raise BadValue("timestamp-range", f"{stamp} is beyond any clock")
    return time_ms


def number_of(text: str) -> int | float:
    """A double when there is a point, else a long of digits after an optional minus. Raises BadValue."""
    if "." in text:
        if DOUBLE_TEXT.fullmatch(text) and abs(double := float(text)) != float("inf"):
            return double
    elif _LONG.fullmatch(text) and INT64_MIN <= int(text) <= INT64_MAX:
        return int(text)
    raise BadValue("value-number", f"{shown(text)} is no number")


def _tags_of(words: list[str]) -> tuple[int, bytes]:
    """(ttl in s, the tags as read_name wants them). Raises BadValue."""
    ttl_s = 0
    tags: dict[str, str] = {}
    for number, (key, value) in enumerate(_pairs(words)):
        if key == TTL_TAG:
            if not _TTL.fullmatch(value) or int(value) > limits.KAIROSDB_TTL_S_MAX:
                raise BadValue("ttl-invalid", f"tag[{TTL_TAG}] must be a number")
            ttl_s = int(value)
        elif not key:
            raise BadValue("tag-name-empty", f"tag[{number}].name may not be empty.")
        elif key in tags:
            raise BadValue("tag-duplicate", f"tag[{number}]: duplicate key: {shown(key)}")
        else:
            tags[key] = value
    return ttl_s, "\n".join(f"{key}={value}" for key, value in tags.items()).encode()


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(words):
        key, _, rest = word.partition("=")
        value = rest.partition("=")[0]
        if not value:
            raise BadValue("tag-invalid", f"tag[{number}] must be in the format 'name=value'.")
        yield key, value


def read_name(spelling: Spelling) -> SeriesName:
    """The name that a metric and the checked tags of a line mean, one tag a line."""
    metric, lines = spelling
    tags = dict(line.split("=", 1) for line in lines.decode().split("\n")) if lines else DEFAULT_TAGS
    return series_name(metric.decode(), tags)


def read_words(spelling: Spelling) -> SeriesName:
    """As read_name, of tags as they stood in a plain line, with blanks between and after them."""
    metric, words = spelling
    return read_name((metric, b"\n".join(words.split())))
