"""NaN and Infinity where JSON has numbers."""

from __future__ import annotations

import re

# Strings first, whole or cut off by the end, so that a word inside one is never seen; no word may be a key.
_TOKEN = re.compile(
    rb'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z))|(?P<word>[+-]INF|[+-]?Infinity|NaN)(?![\t\n\r ]*+:)', re.DOTALL
)


def quote_bare_words(body: bytes) -> bytes:
    """The same JSON with bare NaN, Infinity, -Infinity, +Infinity, +INF and -INF as strings.

    JSON has no such words, but json.dumps of Python and many other writers make them, and the parsers of OpenTSDB
    (Jackson with ALLOW_NON_NUMERIC_NUMBERS) and KairosDB (Gson, leniently) read them.
    """
    return _TOKEN.sub(lambda token: token["string"] or b'"' + token["word"] + b'"', body)
