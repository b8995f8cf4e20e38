"""Requests made wrong: bytes, tokens and structure of what was right."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

from isal import igzip_lib

LARGE_BYTES: Final = 200_000
"""What a mutation makes larger stays below."""


class Sent(NamedTuple):
    """A request. headers: those of the dialect; Content-Length and Host come with the sending."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""

    def head(self) -> bytes:
        """All before the body, as HTTP has it."""
        lines = [b"%b %b HTTP/1.1" % (self.method.encode(), self.target), b"Host: h"]
        lines += [b"%b: %b" % header for header in self.headers]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(self.body), b"", b""])


ODD_BYTES: Final = (
    *(b"\0", b"\xff", b"\x80", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\r\n", b" ", b"\t", b"%", b"%00"),
    *(b"%ff", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"&", b"=", b"/", b"?", b"#", b"+", b"-", b"*", b"'", b"\\u0000"),
    b"\\ud800",
)
ODD_WORDS: Final = (
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-1e-999", b"-0", b"0", b"-1", b"9223372036854775807"),
    *(b"9223372036854775808", b"-9223372036854775809", b"18446744073709551616", b"1e18", b"1.5", b"0x10", b'""'),
    *(b"[]", b"{}", b"[[]]", b'{"a":1}', b"253402300800000", b"2147483648", b"1h-ago", b"now", b"*", b"wildcard(*)"),
    *(b"regexp((a+)+$)", b"1" * 5000, b"a" * 5000, b"00000000-0000-0000-0000-000000000000", b"1970/01/01", b"\xd9\xa3"),
)
ODD_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, 0, -1, 1.5, 2**63, -(2**63) - 1, 10**30, 1e308, "", "a", "1", "*", "\0", "\ud800", "a" * 5000, "é"),
    *([], {}, [None], [[]], {"": ""}, {"a": {"b": []}}, "1h-ago", "NaN", "253402300800000", 1e-320, -0.0),
)

Mutation = Callable[[bytes, Random], bytes]


def _replace(text: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(text) + 1)
    return text[:at] + bytes([rng.randrange(256)]) + text[at + 1 :]


def _insert(text: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(ODD_BYTES) + text[at:]


def _remove(text: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.choice((1, 1, 1, 2, 10, 100)) :]


def _break_off(text: bytes, rng: Random) -> bytes:
    return text[: rng.randrange(len(text) + 1)]


def _repeat(text: bytes, rng: Random) -> bytes:
    first, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
    piece = text[first:end] or b" "
    times = min(rng.choice((2, 3, 10, 1000)), max(1, LARGE_BYTES // len(piece)))
    return text[:first] + piece * times + text[end:]


def _exchange_word(text: bytes, rng: Random) -> bytes:
    """A run of letters and digits becomes another word."""
    at = rng.randrange(len(text) + 1)
    first = end = at
    while first and text[first - 1 : first].isalnum():
        first -= 1
    while end < len(text) and text[end : end + 1].isalnum():
        end += 1
    return text[:first] + rng.choice(ODD_WORDS) + text[end:]


def _swap(text: bytes, rng: Random) -> bytes:
    a, b, c, d = sorted(rng.randrange(len(text) + 1) for _ in range(4))
    return text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


BYTEWISE: Final[tuple[Mutation, ...]] = (_replace, _insert, _remove, _break_off, _repeat, _exchange_word, _swap)


def restructured(text: bytes, rng: Random) -> bytes:
    """JSON with one of its values exchanged, left out, doubled or moved; what is no JSON, bytewise."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return rng.choice(BYTEWISE)(text, rng)
    places = list(_places(value))
    if not places:
        return json.dumps(rng.choice(ODD_VALUES)).encode()
    holder, key = rng.choice(places)
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        other_holder, other_key = rng.choice(places)
        holder[key] = json.loads(json.dumps(other_holder[other_key]))
    elif kind == 2 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * rng.choice((1, 2, 100))
    elif kind == 3 and isinstance(holder, dict):
        holder[rng.choice(("", "a", "metric", "tags", "timestamp", "é" * 100))] = holder.pop(key)
    elif kind == 4:
        for _ in range(rng.choice((1, 3, 50))):
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
    else:
        holder[key] = rng.choice(ODD_VALUES)
    return json.dumps(value, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(holder, key or index) of every value within."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        for key in keys:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def mutated_text(text: bytes, rng: Random) -> bytes:
    """One to three mutations."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        text = restructured(text, rng) if rng.random() < 0.5 else rng.choice(BYTEWISE)(text, rng)
    return text[:LARGE_BYTES]


def mutated(sent: Sent, rng: Random) -> Sent:
    """A request with something wrong in its body, its target, its head or its packing; sometimes with nothing."""
    if sent.body and rng.random() < 0.75:
        sent = sent._replace(body=mutated_text(sent.body, rng))
    elif rng.random() < 0.8:
        target = rng.choice(BYTEWISE)(sent.target[1:], rng)[:8000]
        sent = sent._replace(target=b"/" + target.translate(None, b" \r\n\0\t"))
    if rng.random() < 0.1:
        sent = sent._replace(method=rng.choice(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE")))
    if rng.random() < 0.15:
        sent = _with_odd_header(sent, rng)
    if sent.body and rng.random() < 0.15:
        sent = _folded(sent, rng)
    return sent


HEADERS: Final = (
    *(b"Content-Type", b"Content-Encoding", b"Accept-Encoding", b"Authorization", b"x-correlation-id", b"Expect"),
    *(b"Origin", b"X-Amz-Date", b"ercollectionid", b"Transfer-Encoding", b"Connection", b"Content-Length", b"Upgrade"),
)
HEADER_TEXTS: Final = (
    *(b"", b"gzip", b"deflate", b"chunked", b"identity", b"application/json; charset=utf-16", b"close", b"h2c"),
    *(b"application/gzip", b"100-continue", b"Bearer x", b"AWS4-HMAC-SHA256 Credential=a/20240101/r/s/aws4_request"),
    *(b"\xff\xfe", b"x" * 5000, b"text/plain; charset=", b"application/json; charset=latin-1", b"7", b"*;q=0"),
)


def _with_odd_header(sent: Sent, rng: Random) -> Sent:
    name, text = rng.choice(HEADERS), rng.choice(HEADER_TEXTS)
    kept = tuple(header for header in sent.headers if header[0].lower() != name.lower() or rng.random() < 0.5)
    return sent._replace(headers=(*kept, (name, text)))


def _folded(sent: Sent, rng: Random) -> Sent:
    """As gzip, sometimes broken."""
    body = igzip_lib.compress(sent.body, 1, igzip_lib.COMP_GZIP)
    if rng.random() < 0.4:
        body = rng.choice(BYTEWISE)(body, rng)[:LARGE_BYTES]
    return sent._replace(headers=(*sent.headers, (b"Content-Encoding", b"gzip")), body=body)
