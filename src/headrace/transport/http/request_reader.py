"""HTTP bytes in, whole requests out. No socket, no clock, no task.

A request comes out when its body is complete, or as soon as it must be refused: then `refusal` says why, and `whole`
whether what follows it on the connection can still be understood.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import httptools

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.transport.bounds import Bounds
from headrace.transport.budget import BytesBudget
from headrace.transport.http.heads import Head, KnownHeads


class Reading(Enum):
    """Which part of a request comes next."""

    NOTHING = "between requests"
    HEAD = "request line and headers"
    BODY = "body"
    DEAF = "nothing more is read"


# Read through the class, a member costs a Python call in 3.11, and a request asks some twenty times.
NOTHING, HEAD, BODY, DEAF = Reading


class Request:
    """One request as it was sent. `leased`: what its body has taken of the budget, to be given back by who answers it.

    Defaults are the class's, not set for each: of eight fields a usual request sets half.
    """

    length = b""
    """What this request says in content-length, where the head is that of an earlier one."""
    body: bytes | bytearray = b""
    expects_continue = False
    leased = 0
    refusal: Refused | Unavailable | None = None
    whole = False

    def __init__(self, head: Head) -> None:
        self.head = head
        self.keep_alive = head.keep_alive

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """All headers in their order, names in lower case. A new list."""
        if not self.length:
            return list(self.head.headers)
        return [(name, self.length if name == b"content-length" else value) for name, value in self.head.headers]


class RequestReader:
    """Invariant: how the bytes were cut into packets never changes the requests; only how far past the bound a header
    block that is pipelined behind another request is read (by at most limits.READ_BYTES)."""

    def __init__(self, bounds: Bounds, budget: BytesBudget, known: KnownHeads) -> None:
        """known: heads that other readers may share."""
        self.requests: deque[Request] = deque()
        self.reading = NOTHING
        self._bounds = bounds
        self._budget = budget
        self._known = known
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request(Head())
        self._head_bytes = 0
        """Bytes since a body byte or the end of a head or request: of a head, of trailers, of chunk extensions."""

    def feed(self, data: bytes) -> bytes:
        """Read until a request is complete or `data` ends. Returns what was not read."""
        between = self.reading is NOTHING and not self.requests
        if between and (known := self._known.find(data)) is not None:
            head, length, begin, end = known
            if self._take_known(head, length, data[begin:end]):
                return data[end:]
        rest = self._parse(data)
        if between and len(self.requests) == 1:
            self._remember(self.requests[0], data)
        return rest

    def _take_known(self, head: Head, length: bytes, body: bytes) -> bool:
        """Make a whole request without the parser, which stands between two requests and stays there. False when there
        is something to refuse: that is left to the parser's way."""
        if len(body) > self._bounds.body_bytes_max:
            return False
        try:
            self._budget.take(len(body))
        except Unavailable:
            return False
        request = Request(head)
        request.length = length
        request.body = body
        request.leased = len(body)
        request.whole = True
        self.requests.append(request)
        return True

    def _remember(self, request: Request, data: bytes) -> None:
        if request.whole and request.refusal is None and request.keep_alive:
            self._known.remember(request.head, data, request.body)

    def _parse(self, data: bytes) -> bytes:
        """As `feed`, by the parser."""
        position = 0
        while position < len(data) and not self.requests and not self.deaf:
            room = min(limits.READ_BYTES, self._bounds.header_bytes_max - self._head_bytes)
            piece = data[position : position + room]
            self._head_bytes += len(piece)
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade as upgrade:
                piece = piece[: upgrade.args[0]]
                if self.requests[-1].refusal is None:
                    self._decline_upgrade()
            except httptools.HttpParserCallbackError:
                raise
            except httptools.HttpParserError as fault:
                if not self.deaf:
                    self._refuse(Refused("bad-request", f"not a HTTP request: {fault}"))
            position += len(piece)
            limit = self._bounds.header_bytes_max
            if self._head_bytes >= limit and not self.deaf:
                self._refuse(Refused("header-too-large", f"request line and headers are longer than {limit} bytes"))
        return data[position:] if not self.deaf else b""

    @property
    def deaf(self) -> bool:
        """Whether nothing more is read from this connection."""
        return self.reading is DEAF

    def abandon(self, refusal: Refused) -> None:
        """Give up the request that is being read: it comes out with this refusal, and nothing is read any more."""
        self._refuse(refusal)

    def stop(self) -> None:
        """Read nothing any more, and break the cycle with the parser, so that the memory goes at once."""
        if self.reading is BODY:
            self._budget.give(self._request.leased)
        self.reading = DEAF
        del self._parser

    @property
    def awaits_continue(self) -> bool:
        """Whether the sender waits for `100 Continue` before it sends the body."""
        return self.reading is BODY and self._request.expects_continue and not self._request.body

    def continued(self) -> None:
        """The `100 Continue` has been sent."""
        self._request.expects_continue = False

    # What httptools calls. Its callbacks go on to the end of the piece, so each asks whether we still listen.

    def on_message_begin(self) -> None:
        if not self.deaf:
            self.reading = HEAD
            self._request = Request(Head())

    def on_url(self, url: bytes) -> None:
        if self.reading is HEAD:
            self._request.head.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.reading is HEAD:  # else a trailer, which may not change what the headers said
            self._request.head.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.reading is not HEAD:
            return
        self._head_bytes = 0
        self.reading = BODY
        request, parser = self._request, self._parser
        head = request.head
        head.complete(parser.get_method().decode("ascii"), parser.get_http_version(), parser.should_keep_alive())
        request.keep_alive = head.keep_alive
        request.expects_continue = head.expects_continue
        for name, value in head.headers:
            if name == b"content-length" and int(value) > self._bounds.body_bytes_max:
                self._refuse(self._too_large())
                return

    def on_body(self, data: bytes) -> None:
        if self.reading is not BODY:
            return
        self._head_bytes = 0
        request = self._request
        if request.refusal is not None:
            return
        if len(request.body) + len(data) > self._bounds.body_bytes_max:
            self._refuse(self._too_large())
            return
        try:
            self._budget.take(len(data))
        except Unavailable as full:
            request.refusal = full  # the rest is read and dropped, so that the connection stays usable
            request.body = b""
            return
        request.leased += len(data)
        if not request.body:
            request.body = data
        else:
            if isinstance(request.body, bytes):
                request.body = bytearray(request.body)
            request.body += data

    def on_message_complete(self) -> None:
        if self.deaf:
            return
        self._head_bytes = 0
        request = self._request
        request.whole = True
        self.requests.append(request)
        self.reading = NOTHING if request.keep_alive else DEAF

    def _decline_upgrade(self) -> None:
        """Go on as if no upgrade had been asked for (RFC 9110, 7.8). Java's HttpClient asks for h2c with its first
        POST, and llhttp then takes the body for the other protocol: so the head is read again without that header."""
        request = self.requests.pop()
        said = request.head
        head = [b"%b %b HTTP/%b\r\n" % (said.method.encode(), said.target, said.version.encode())]
        head += [b"%b: %b\r\n" % header for header in said.headers if header[0] != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        if said.method == "CONNECT":
            self._refuse(Refused("bad-request", "this server is no proxy"))
            return
        self.reading = NOTHING
        self._parser.feed_data(b"".join([*head, b"\r\n"]))

    def _too_large(self) -> Refused:
        return Refused("body-too-large", f"the request's body is larger than {self._bounds.body_bytes_max} bytes")

    def _refuse(self, refusal: Refused) -> None:
        request = Request(Head()) if self.reading is NOTHING else self._request
        request.refusal = refusal
        request.body = b""
        request.keep_alive = False
        self.requests.append(request)
        self.reading = DEAF
