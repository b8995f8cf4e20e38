"""Request lines and headers, and a memory of those that came before.

An agent says the same with every request, but for the length of its body. So the parser is asked once, and from then on
a head that is equal byte for byte is known. There is no second parser whose opinion could differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from headrace import limits

_LENGTH = b"ength: "
"""How the one header ends whose value may differ. Whether it is `Content-Length` is asked when a head is remembered."""

_PLAIN_TYPES = frozenset(
    (
        b"",
        b"application/json",
        b"application/json; charset=utf-8",
        b"application/json;charset=utf-8",
        b"application/x-www-form-urlencoded",  # what curl says of everything
        b"text/plain",
        b"text/plain; charset=utf-8",
    )
)


_OF_PAGES = (b"origin", b"sec-fetch-site")
"""What browsers say of the page that asks, see cors.py and web_pages.py."""


@dataclass(slots=True)
class Head:
    """What a request says of itself before its body. Shared by all requests that say the same: not to be changed once
    it is complete."""

    method: str = ""
    target: bytes = b""
    version: str = "1.1"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    keep_alive: bool = False
    expects_continue: bool = False
    content_type: bytes = b""
    """In lower case; so is the next."""
    encoding: bytes = b""
    is_plain_post: bool = False
    """Whether nothing but its target and encoding decides what a body means and how it is answered."""

    def complete(self, method: str, version: str, keep_alive: bool) -> None:
        """All headers are there."""
        self.method = method
        self.version = version
        self.keep_alive = keep_alive
        for name, value in self.headers:
            if name == b"expect":
                self.expects_continue = value.lower() == b"100-continue" and version == "1.1"
            elif name == b"content-type":
                self.content_type = value.strip().lower()
            elif name == b"content-encoding":
                self.encoding = value.strip().lower().replace(b"identity", b"")
        is_of_a_page = any(name in _OF_PAGES for name, _ in self.headers)
        self.is_plain_post = (
            method == "POST"
            and version == "1.1"
            and keep_alive
            and not is_of_a_page
            and self.content_type in _PLAIN_TYPES
        )

    def value(self, wanted: bytes) -> bytes | None:
        """The value of the only header of this name (lower case); None when there is none or more than one."""
        values = [value for name, value in self.headers if name == wanted]
        return values[0] if len(values) == 1 else None


class KnownHeads:
    """The heads of posts, shared by all connections of a server."""

    def __init__(self, head_bytes_max: int) -> None:
        """head_bytes_max: of a head that any connection may send."""
        self._heads: dict[bytes, Head] = {}
        self._head_bytes_max = min(head_bytes_max, limits.KNOWN_HEAD_BYTES_MAX)

    def find(self, data: bytes) -> tuple[Head, bytes, int, int] | None:
        """If `data` begins with a known head and its whole body: the head, but for its content-length; that; and where
        the body begins and ends. What is not found in `data` makes a key that no head has."""
        length_begin = data.find(_LENGTH, 0, self._head_bytes_max) + len(_LENGTH)
        length_end = data.find(b"\r\n", length_begin, self._head_bytes_max)
        head_end = data.find(b"\r\n\r\n", length_end, self._head_bytes_max) + 4
        head = self._heads.get(data[:length_begin] + data[length_end:head_end])
        if head is None:
            return None
        digits = data[length_begin:length_end]
        if not digits.isdigit() or len(digits) > _DIGITS_MAX:
            return None
        end = head_end + int(digits)
        return (head, digits, head_end, end) if end <= len(data) else None

    def remember(self, head: Head, data: bytes, body: bytes | bytearray) -> None:
        """The parser made `head` and `body` of the beginning of `data`, having been between two requests. Nothing is
        remembered unless it is certain where that head ends, and that only its length may differ."""
        if head.method != "POST" or head.expects_continue:
            return
        length_begin = data.find(_LENGTH) + len(_LENGTH)
        length_end = data.find(b"\r\n", length_begin)
        head_end = data.find(b"\r\n\r\n", length_end) + 4
        digits = data[length_begin:length_end]
        line_begin = data.rfind(b"\n", 0, length_begin) + 1
        if (
            head_end <= self._head_bytes_max
            and data.count(_LENGTH, 0, head_end) == 1
            and data[line_begin:length_begin].lower() == b"content-length: "
            and head.value(b"content-length") == digits
            and digits.isdigit()
            and data[head_end : head_end + int(digits)] == body
        ):
            if len(self._heads) >= limits.KNOWN_HEADS_MAX:
                self._heads.clear()
            self._heads[data[:length_begin] + data[length_end:head_end]] = head


_DIGITS_MAX = 9
"""Of a length: the parser judges larger ones."""
