"""How the head of an answer is built: RFC 9110 and 9112."""

from __future__ import annotations

import pytest

from headrace.transport.http.answers import Framing, answer_head


def head(
    status: int = 200,
    *headers: tuple[bytes, bytes],
    bodiless: bool = False,
    http_1_0: bool = False,
    keep_alive: bool = True,
    body_bytes: int | None = 3,
) -> tuple[bytes, Framing, int, bool]:
    return answer_head(
        status, headers, b"", bodiless=bodiless, http_1_0=http_1_0, keep_alive=keep_alive, body_bytes=body_bytes
    )


@pytest.mark.parametrize("value", [b"x\r\nset-cookie: a", b"x\ny", b"x\ry"])
def test_a_line_break_in_a_header_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="line break"):
        head(200, (b"x", value))
    with pytest.raises(ValueError, match="line break"):
        head(200, (value, b"x"))


def test_a_204_and_a_304_have_no_body() -> None:
    assert head(204, (b"content-length", b"0"))[:2] == (b"HTTP/1.1 204 No Content\r\n\r\n", Framing.NONE)
    assert head(304)[1] is Framing.NONE


def test_head_keeps_the_length_that_a_get_would_have() -> None:
    text, framing, _, _ = head(200, (b"content-length", b"12"), bodiless=True, body_bytes=0)
    assert text == b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n"
    assert framing is Framing.NONE


def test_unknown_length_is_chunked_in_1_1_and_ends_the_connection_in_1_0() -> None:
    assert head(body_bytes=None)[1:] == (Framing.CHUNKED, 0, True)
    assert head(body_bytes=None, http_1_0=True)[1:] == (Framing.CLOSE, 0, False)


def test_connection_close_of_the_application_holds() -> None:
    text, _, _, keep_alive = head(200, (b"Connection", b"Close"))
    assert text == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\n"
    assert not keep_alive


def test_an_unknown_status_has_no_phrase() -> None:
    assert head(299)[0].startswith(b"HTTP/1.1 299 \r\n")
