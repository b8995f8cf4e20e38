"""What an old address says of a request that it refuses."""

from __future__ import annotations

import pytest

from headrace.errors import Refused
from headrace.protocols.opentsdb.old.words import refuse


@pytest.mark.parametrize(
    ("query", "kind", "body"),
    [
        (b"m=x&ascii", b"text/plain; charset=UTF-8", b"<b>no\n"),
        (b"m=x&json", b"application/json; charset=UTF-8", b'{"err":"<b>no"}'),
        (b"m=json", b"text/plain; charset=UTF-8", b"<b>no\n"),
    ],
)
def test_never_a_page_of_html(query: bytes, kind: bytes, body: bytes) -> None:
    assert refuse({"query_string": query}, 400, Refused("m", "<b>no")) == (400, [(b"content-type", kind)], body)
