"""A request's body for an application: whole, unfolded, and never larger than allowed; and gzip for answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from isal import igzip_lib, isal_zlib
from starlette.types import Receive, Scope

from headrace import limits
from headrace.errors import Refused
from headrace.model.json_pieces import check_items

IsalError = cast(type[Exception], igzip_lib.error)
"""What isal raises for bytes that are not what they should be."""

GZIP_WBITS = 31
"""zlib's number for "gzip wrapper, 32 KiB window"."""


async def read_body(
    scope: Scope,
    receive: Receive,
    body_bytes_max: int = limits.BODY_BYTES_MAX,
    gzip_types: frozenset[bytes] = frozenset(),
) -> bytes:
    """The body, with Content-Encoding undone: gzip and x-gzip (any number of members), deflate (zlib or raw), identity.

    gzip_types: Content-Types (lower case, without parameters) that mean gzip by themselves, as application/gzip does to
    KairosDB. An empty body is fine under any encoding: opentsdb-py sends `Content-Encoding: gzip` with a GET.
    Raises Refused: body-too-large (413), bad-compression (400), unsupported-encoding (415), body-incomplete (400);
    Unavailable when all bodies together hold too much memory.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _rest_of_body(body, receive, body_bytes_max)
    if message["type"] != "http.request":
        raise Refused("body-incomplete", "the client went away before the end of the body")
    if len(body) > body_bytes_max:
        raise _too_large(body_bytes_max)
    encoding = _encoding(scope, gzip_types)
    if not body or encoding in (b"", b"identity"):
        return body
    return await _unfold(body, encoding, body_bytes_max, scope.get("headrace.lease", _lease_nothing))


async def read_question(
    scope: Scope,
    receive: Receive,
    body_bytes_max: int = limits.BODY_BYTES_MAX,
    gzip_types: frozenset[bytes] = frozenset(),
) -> bytes:
    """As read_body, for JSON that becomes objects whole. Raises Refused (body-too-large) also for more than
    limits.QUESTION_BYTES_MAX and for more items than limits.QUESTION_ITEMS_MAX, before any is an object."""
    body = await read_body(scope, receive, min(body_bytes_max, limits.QUESTION_BYTES_MAX), gzip_types)
    if len(body) <= limits.QUESTION_INLINE_BYTES_MAX:
        check_items(body, limits.QUESTION_ITEMS_MAX)
    else:
        await asyncio.to_thread(check_items, body, limits.QUESTION_ITEMS_MAX)
    return body


def accepts_gzip(scope: Scope) -> bool:
    """Whether the client takes a gzip answer: `gzip` or `*` in Accept-Encoding, not with q=0 (RFC 9110, 12.5.3)."""
    accepted: dict[bytes, bool] = {}
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            for item in value.lower().split(b","):
                coding, _, weight = item.partition(b";")
                accepted[coding.strip()] = weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return accepted.get(b"gzip", accepted.get(b"x-gzip", accepted.get(b"*", False)))


def gzipped(body: bytes) -> bytes:
    """`body` as one gzip member; the same bytes for the same body."""
    return igzip_lib.compress(body, igzip_lib.ISAL_DEFAULT_COMPRESSION, igzip_lib.COMP_GZIP)


def _encoding(scope: Scope, gzip_types: frozenset[bytes]) -> bytes:
    encoding = b""
    for name, value in scope["headers"]:
        if name == b"content-encoding":
            encoding = value.strip().lower()
        elif gzip_types and name == b"content-type" and value.partition(b";")[0].strip().lower() in gzip_types:
            encoding = encoding or b"gzip"
    return encoding


async def _rest_of_body(body: bytes, receive: Receive, body_bytes_max: int) -> bytes:
    gathered = bytearray(body)
    while len(gathered) <= body_bytes_max:
        message = await receive()
        if message["type"] != "http.request":
            raise Refused("body-incomplete", "the client went away before the end of the body")
        gathered += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(gathered)


def unfold_at_once(body: bytes, encoding: bytes, bytes_max: int) -> bytes | None:
    """`body` without its encoding (of which there is one), or None when it holds more than `bytes_max` or more than one
    member. Raises Refused (bad-compression, unsupported-encoding)."""
    wbits, _ = _format(body, encoding)
    decoder = isal_zlib.decompressobj(wbits)
    try:
        unfolded: bytes = decoder.decompress(body, bytes_max)
    except IsalError as fault:
        raise _bad(str(fault)) from None
    return unfolded if decoder.eof and not decoder.unused_data else None


def _format(body: bytes, encoding: bytes) -> tuple[int, int]:
    """How an encoding is called by zlib (wbits) and by igzip (flag). Raises Refused (unsupported-encoding)."""
    if encoding in (b"gzip", b"x-gzip"):
        return GZIP_WBITS, igzip_lib.DECOMP_GZIP
    if encoding == b"deflate":
        return (15, igzip_lib.DECOMP_ZLIB) if _has_zlib_header(body) else (-15, igzip_lib.DECOMP_DEFLATE)
    raise Refused("unsupported-encoding", f"Content-Encoding {encoding.decode('latin-1')} is not understood")


async def _unfold(body: bytes, encoding: bytes, body_bytes_max: int, lease: Callable[[int], None]) -> bytes:
    unfolded = unfold_at_once(body, encoding, min(limits.INFLATE_INLINE_BYTES_MAX, body_bytes_max))
    if unfolded is not None:
        lease(len(unfolded))
        return unfolded
    _, flag = _format(body, encoding)
    return await _unfold_stepwise(body, flag, body_bytes_max, lease)


async def _unfold_stepwise(body: bytes, flag: int, body_bytes_max: int, lease: Callable[[int], None]) -> bytes:
    """For bodies of many members or much content: in a thread, asking for memory step by step."""
    inflater = _Inflater(body, flag)
    unfolded = bytearray()
    while not inflater.finished:
        room = min(limits.INFLATE_STEP_BYTES_MAX, body_bytes_max + 1 - len(unfolded))
        step = await asyncio.to_thread(inflater.step, room)
        lease(len(step))
        unfolded += step
        if len(unfolded) > body_bytes_max:
            raise _too_large(body_bytes_max)
    return bytes(unfolded)


class _Inflater:
    """Unfolds all members of a body, a bounded number of bytes at a time."""

    PIECE_BYTES = 64 * 1024
    """Input given to the decoder at a time: it hands back a copy of what follows a member, which must not be all the
    rest."""

    def __init__(self, body: bytes, flag: int) -> None:
        self.finished = False
        self._flag = flag
        self._body = body
        self._position = 0
        self._members = 1
        self._decoder = self._new_decoder()

    def step(self, bytes_max: int) -> bytes:
        """The next bytes, at most `bytes_max`; `finished` tells whether they were the last. Raises Refused
        (bad-compression)."""
        parts = []
        wanted = bytes_max
        while wanted and not self.finished:
            try:
                part = self._decoder.decompress(self._next_piece() if self._decoder.needs_input else b"", wanted)
            except IsalError as fault:
                raise _bad(str(fault)) from None
            wanted -= len(part)
            parts.append(part)
            if self._decoder.eof:
                self._end_member()
        return b"".join(parts)

    def _new_decoder(self) -> Any:
        return igzip_lib.IgzipDecompressor(flag=self._flag)

    def _next_piece(self) -> bytes:
        piece = self._body[self._position : self._position + self.PIECE_BYTES]
        if not piece:
            raise _bad("the data ends early")
        self._position += len(piece)
        return piece

    def _end_member(self) -> None:
        self._position -= len(self._decoder.unused_data)
        if self._flag != igzip_lib.DECOMP_GZIP:
            self.finished = True
            if self._position < len(self._body):
                raise _bad("there is more after the end of the data")
            return
        # gzip files may be padded with zero bytes, as those from tapes are (gzip manual, "Using gzip on tapes").
        self.finished = not self._body[self._position : self._position + 1].strip(b"\0")
        if self.finished and self._body.count(b"\0", self._position) != len(self._body) - self._position:
            raise _bad("there is more after the end of the data")
        self._members += 1
        if self._members > limits.GZIP_MEMBERS_MAX:
            raise _bad(f"there are more than {limits.GZIP_MEMBERS_MAX} members")
        self._decoder = self._new_decoder()


def _has_zlib_header(body: bytes) -> bool:
    """RFC 1950, 2.2: method 8, and the first two bytes are a multiple of 31. `deflate` without it is an old mistake
    that RFC 9110, 8.4.1.2 tells servers to expect."""
    return len(body) >= 2 and body[0] & 0x0F == 8 and int.from_bytes(body[:2]) % 31 == 0


def _bad(detail: str) -> Refused:
    return Refused("bad-compression", f"the body can not be decompressed: {detail}")


def _too_large(body_bytes_max: int) -> Refused:
    return Refused("body-too-large", f"the request's body is larger than {body_bytes_max} bytes")


def _lease_nothing(_count: int) -> None:
    """For servers other than ours, which count no memory."""
