"""Requests out of bytes, however those were cut."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Refused, Unavailable
from headrace.transport.bounds import Bounds
from headrace.transport.budget import BytesBudget
from headrace.transport.http.heads import KnownHeads
from headrace.transport.http.request_reader import RequestReader

BOUNDS = Bounds(header_bytes_max=300, body_bytes_max=50)

KNOWN = KnownHeads(BOUNDS.header_bytes_max)
"""One memory for all tests: whatever came before must not change what a request is."""

PIECES = [
    b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nEmpty:\r\n\r\n",
    b"POST /p HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /p HTTP/1.1\r\nContent-Length: 11\r\n\r\nanother one",
    b"POST /p HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    b"POST /p HTTP/1.1\r\nX-Strength: 4\r\nContent-Length: 6\r\n\r\nbodies",
    b"POST /p HTTP/1.1\r\nX-Strength: 5\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /p?length: 3 HTTP/1.1\r\nContent-Length:4\r\n\r\nbody",
    b"POST /p HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /p HTTP/1.1\r\nContent-Length: 4 \r\n\r\nbody",
    b"POST /p HTTP/1.1\r\nContent-Length: 04\r\n\r\nbody",
    b"POST /p HTTP/1.1\r\ncontent-length: 4\r\nExpect: 100-continue\r\n\r\nbody",
    b"POST /p HTTP/1.1\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
    b"POST /large HTTP/1.1\r\nContent-Length: 5\r\n\r\nsmall",
    b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nTrailer: t\r\n\r\n",
    b"POST /u HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /large HTTP/1.1\r\nContent-Length: 51\r\n\r\n" + b"x" * 51,
    b"POST /long HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"a\r\n0123456789\r\n" * 6 + b"0\r\n\r\n",
    b"GET /end HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
    b"\r\n",
    b"nonsense",
    b"CONNECT h:1 HTTP/1.1\r\n\r\n",
]

Seen = tuple[str, bytes, str, list[tuple[bytes, bytes]], bytes, bool, str]


def read(packets: list[bytes], budget: BytesBudget) -> list[Seen]:
    reader = RequestReader(BOUNDS, budget, KNOWN)
    seen: list[Seen] = []
    rest = b""
    for packet in packets:
        rest = reader.feed(rest + packet)
        while reader.requests or rest:
            if reader.requests:
                one = reader.requests.popleft()
                rule = one.refusal.rule if isinstance(one.refusal, Refused) else str(one.refusal or "")
                head = one.head
                seen.append(
                    (head.method, head.target, head.version, one.headers, bytes(one.body), one.keep_alive, rule)
                )
                budget.give(one.leased)
            else:
                rest = reader.feed(rest)
    reader.stop()
    return seen


@given(st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join), st.lists(st.integers(0, 400)))
def test_cuts_never_change_the_requests(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    budget = BytesBudget(10_000)
    whole = read([stream], budget)
    assert read([stream[a:b] for a, b in itertools.pairwise(edges)], budget) == whole
    assert read([stream[i : i + 1] for i in range(len(stream))], budget) == whole
    assert budget.in_use == 0


def test_each_kind_is_read_as_it_was_sent() -> None:
    seen = read([b"".join(PIECES[:2] + PIECES[13:15])], BytesBudget(10_000))
    assert [(method, target, body, rule) for method, target, _, _, body, _, rule in seen] == [
        ("GET", b"/a?b=c", b"", ""),
        ("POST", b"/p", b"body", ""),
        ("POST", b"/c", b"abc", ""),
        ("POST", b"/u", b"body", ""),
    ]
    assert seen[0][3] == [(b"host", b"h"), (b"empty", b"")]


def test_a_body_that_memory_has_no_room_for_is_unavailable_and_read_to_its_end() -> None:
    budget = BytesBudget(3)
    reader = RequestReader(BOUNDS, budget, KNOWN)
    read([PIECES[1]], BytesBudget(10_000))  # so that its head is known
    rest = reader.feed(PIECES[1] + PIECES[0])
    full = reader.requests.popleft()
    assert isinstance(full.refusal, Unavailable)
    assert full.whole
    assert full.keep_alive
    reader.feed(rest)
    assert reader.requests.popleft().head.target == b"/a?b=c"
