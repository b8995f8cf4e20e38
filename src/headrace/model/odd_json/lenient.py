"""JSON as the parsers of the servers read it that headrace stands in for, made into JSON as its grammar has it.

Their parsers take more than the grammar: OpenTSDB's (Jackson) bare NaN and Infinity, KairosDB's (Gson, leniently)
nearly all that looks like JSON. Our decoders are strict and fast, so what they can not read is mended here, token by
token, and read again. What is sound is passed over by one regular expression; only what is odd costs a step of Python.

The expressions repeat possessively only what can not fail halfway: before Python 3.11.5 such a repetition would go on
from where it failed (python/cpython#106052).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from headrace import limits

_BOM: Final = b"\xef\xbb\xbf"

_HEX: Final = rb"[0-9a-fA-F]"
_PAIR: Final = rb"\\u[dD][89abAB]%b{2}\\u[dD][c-fC-F]%b{2}" % (_HEX, _HEX)
_ESCAPE: Final = rb'(?:\\["\\/bfnrt]|\\u(?![dD][89a-fA-F])%b{4}|%b)' % (_HEX, _PAIR)
_PLAIN: Final = rb'[^"\\\x00-\x1f]*+'
_STRING: Final = rb'"%b(?:%b%b){0,%d}"' % (_PLAIN, _ESCAPE, _PLAIN, limits.JSON_SOUND_ESCAPES)
_NUMBER: Final = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_WORD: Final = rb"(?:%b|true|false|null)(?=[ \t\n\r,:{}\[\]]|\Z)" % _NUMBER

_TOKENS: Final = re.compile(
    rb"(?:[ \t\n\r,:{}\[\]]++|%b|%b){0,%d}" % (_STRING, _WORD, limits.JSON_SOUND_TOKENS)
    + rb"(?:"
    + rb'"(?P<double>(?:[^"\\]++|\\.)*+)"'
    + rb"|'(?P<single>(?:[^'\\]++|\\.)*+)'"
    + rb"|(?P<comment>//[^\r\n]*+|\#[^\r\n]*+|/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/)"
    + rb"|(?P<unending>/\*)"
    + rb"|(?P<bare>[^\x00-\x20,:{}\[\]\"'/\\;#=\x7f]++)(?P<named>[ \t\n\r]*+:)?"
    + rb"|(?P<comma>;)"
    + rb"|(?P<colon>=>?+)"
    + rb")?",
    re.DOTALL,
)
"""Some tokens as the grammar has them, and then one that is not, if one follows."""

_QUOTES: Final = b"\"'"

_ODD_BYTE: Final = re.compile(rb'[\x00-\x1f"\\]')
_IN_TEXT: Final = re.compile(
    rb'(?P<sound>%b)|(?P<half>\\u[dD]%b{3})|(?P<torn>\\u)|\\(?P<needless>.)|(?P<raw>[\x00-\x1f"])' % (_ESCAPE, _HEX),
    re.DOTALL,
)

_KEYWORDS: Final = frozenset((b"true", b"false", b"null"))
_STRICT_NUMBER: Final = re.compile(_NUMBER)
_LIKE_A_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_NON_FINITE: Final = frozenset((b"NaN", b"Infinity", b"-Infinity", b"+Infinity", b"+INF", b"-INF"))


@dataclass(frozen=True, slots=True)
class Leniency:
    """What a parser takes beside the grammar.

    any_word: bare words of any kind, names too; False: numbers in unusual spellings, NaN and Infinity.
    punctuation: single quotes, comments, `;` for `,`, `=` for `:`, and needless backslashes.
    """

    any_word: bool
    punctuation: bool


JACKSON: Final = Leniency(any_word=False, punctuation=False)
"""OpenTSDB's parser; and besides, what it refuses although its meaning is plain: odd numbers, line ends in texts."""

GSON: Final = Leniency(any_word=True, punctuation=True)
"""KairosDB's (Gson 2.2.4, lenient), but that nothing stands for a missing value: `[1,,2]` and `[1,]` are no JSON."""


class TooLongForTheLoop(Exception):  # noqa: N818 - it says what happened
    """A body is to be mended, or read by a slow decoder, which takes longer than the event loop may stand still: to be
    done again on a thread (transport.loop_or_thread)."""


def leave_the_loop(size: int, most: int) -> None:
    """Raises TooLongForTheLoop on an event loop, where size is more than most."""
    if size > most and _on_an_event_loop():
        raise TooLongForTheLoop


def mended(body: bytes, leniency: Leniency) -> bytes:
    """The same JSON as the grammar has it, as far as the leniency goes: bare words and single-quoted texts in double
    quotes, control characters in texts escaped, half a surrogate pair as U+FFFD, a byte order mark left out.

    What can not be mended stays as it is, for a decoder to refuse; so does all behind limits.JSON_MENDS_MAX mends, or
    behind one for every four bytes. Raises TooLongForTheLoop.
    """
    leave_the_loop(len(body), limits.JSON_MENDED_ON_LOOP_BYTES_MAX)
    return _Mender(body, leniency).run()


def _on_an_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Mender:
    def __init__(self, body: bytes, leniency: Leniency) -> None:
        self._body = body
        self._leniency = leniency
        self._left = min(limits.JSON_MENDS_MAX, len(body) // 4 + 64)

    def run(self) -> bytes:
        body, made = self._body, bytearray()
        copied = at = len(_BOM) if body.startswith(_BOM) else 0
        while at < len(body) and self._left > 0:
            found = _TOKENS.match(body, at)
            assert found is not None, "no token at all matches too"
            kind = found.lastgroup
            if kind is None:
                if found.end() == at:
                    if body[at] in _QUOTES:
                        break  # a text that never ends
                    self._left -= 1
                    at += 1
                else:
                    at = found.end()
                continue
            if kind == "unending":
                break
            self._left -= 1
            group = "bare" if kind == "named" else kind
            begin, end = found.span(group)
            at = end + (group in ("double", "single"))
            token = self._token(kind, body[begin:end])
            if token is not None:
                made += body[copied : begin - (group in ("double", "single"))]
                made += token
                copied = at
        return bytes(made + body[copied:])

    def _token(self, kind: str, text: bytes) -> bytes | None:
        """What stands for a token; None: itself."""
        if kind == "double":
            return self._quoted(text)
        if kind in ("bare", "named"):
            return self._bare(text, name=kind == "named")
        if not self._leniency.punctuation:
            return None
        if kind == "single":
            return self._quoted(text)
        return {"comment": b" ", "comma": b",", "colon": b":"}[kind]

    def _bare(self, word: bytes, *, name: bool) -> bytes | None:
        if self._leniency.any_word:
            if not name and (_STRICT_NUMBER.fullmatch(word) or word.lower() in _KEYWORDS):
                return word.lower()
            return self._quoted(word)
        if not name and (word in _NON_FINITE or _LIKE_A_NUMBER.fullmatch(word)):
            return b'"%b"' % word
        return None

    def _quoted(self, text: bytes) -> bytes:
        if _ODD_BYTE.search(text) is None:
            return b'"%b"' % text
        made, copied = bytearray(b'"'), 0
        while self._left > 0 and (odd := _ODD_BYTE.search(text, copied)):
            self._left -= 1
            found = _IN_TEXT.match(text, odd.start())
            assert found is not None, "a backslash has something behind it"
            made += text[copied : odd.start()]
            made += self._in_text(found)
            copied = found.end()
        return bytes(made + text[copied:] + b'"')

    def _in_text(self, found: re.Match[bytes]) -> bytes:
        kind = found.lastgroup
        if kind == "half":
            return rb"\ufffd"
        if kind == "raw" or (kind == "needless" and self._leniency.punctuation):
            raw = found[kind]
            if raw == b'"':
                return rb"\""
            return rb"\u%04x" % raw[0] if raw < b" " else raw
        return found[0]
