"""The same request to two servers, and what each answered."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracles.comparing.differences import FAILED, Difference

NO_ANSWER = 0
"""Stands for a status where the server said nothing in time, or broke the connection off."""

SILENT_MAX = 10
"""Requests in a row: a server that leaves so many without an answer will answer none. No case is asked as often."""


@dataclass(frozen=True)
class Request:
    """What is sent. body: None for a request without one.   content_type: "" for none.   chunk_bytes: of a body that
    is sent in chunks; 0 for one with a length."""

    method: str
    path: str
    body: bytes | None = None
    content_type: str = "application/json"
    encoding: str = ""
    chunk_bytes: int = 0

    def __str__(self) -> str:
        return f"{self.method} {self.path} {'' if self.body is None else self.body.decode(errors='replace')}".rstrip()


@dataclass(frozen=True)
class Answer:
    """What came. headers: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body; None where it is no JSON. Of a key that stands twice, the last."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.status} {self.body.decode(errors='replace')}"


class Peer:
    """One server, over one connection that is kept. For one thread."""

    def __init__(self, port: int, answers_within_s: float = 15) -> None:
        self.port = port
        self._silent = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=answers_within_s)

    def ask(self, request: Request) -> Answer:
        """A connection that was closed between two requests is opened anew once. Raises ConnectionError for a server
        that is silent: SILENT_MAX in a row waited in vain, or found nobody."""
        answer = self._ask_twice(request)
        if self._silent >= SILENT_MAX:
            raise ConnectionError(f"the server at port {self.port} answers no more, at last: {request}: {answer}")
        return answer

    def _ask_twice(self, request: Request) -> Answer:
        for attempt in range(2):
            fresh = self._connection.sock is None
            try:
                answer = self._ask(request)
                self._silent = 0
                return answer
            except TimeoutError:
                self._silent += 1
                self._connection.close()
                return Answer(NO_ANSWER, {}, b"no answer in time")
            except (OSError, http.client.HTTPException) as error:
                self._silent += isinstance(error, ConnectionRefusedError)
                self._connection.close()
                if fresh or attempt:
                    return Answer(NO_ANSWER, {}, repr(error).encode())
        raise AssertionError("never here")

    def close(self) -> None:
        self._connection.close()

    def _ask(self, request: Request) -> Answer:
        body = request.body
        said = {"Content-Type": request.content_type, "Content-Encoding": request.encoding} if body is not None else {}
        headers = {name: text for name, text in said.items() if text}
        if body is not None and request.chunk_bytes:
            chunks = (body[at : at + request.chunk_bytes] for at in range(0, len(body), request.chunk_bytes))
            self._connection.request(request.method, request.path, chunks, headers, encode_chunked=True)
        else:
            self._connection.request(request.method, request.path, body, headers)
        came = self._connection.getresponse()
        said_back = came.read()
        return Answer(came.status, {name.lower(): value for name, value in came.getheaders()}, said_back)


class Watched(Peer):
    """headrace as a peer: remembers what was its own fault, a status of 500 and above, or no answer at all."""

    def __init__(self, port: int, may: Callable[[Request, Answer], bool] = lambda request, answer: False) -> None:
        """may: the answers that are documented all the same, by their addresses."""
        super().__init__(port)
        self._may = may
        self._failed: list[Difference] = []

    def ask(self, request: Request) -> Answer:
        answer = super().ask(request)
        failed = answer.status == NO_ANSWER or answer.status >= 500
        if failed and not self._may(request, answer):
            self._failed.append(Difference(FAILED, f"{request}: {answer}"[:2000], ours=answer))
        return answer

    def failures(self) -> list[Difference]:
        """Since they were last asked for. No wanted difference explains one."""
        failed, self._failed = self._failed, []
        return failed
