"""Both servers as the cases speak to them."""

from __future__ import annotations

import json
import re
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from oracles.comparing import pair
from oracles.comparing.asking import Answer, Request
from oracles.comparing.pair import Answers, Pair

API = "/api/v1/"

AS_KAIROSDB = re.compile(r"aggregator cannot compute rate for data points with the same time stamp|non-finite numbers")
"""What headrace answers with 500 because KairosDB does."""

RANGES_MAX = 3000
"""Of a `gaps`: KairosDB writes all of them to its disk, without an end those of the next 300 million years."""

UNIT_MS = {
    "milliseconds": 1,
    "seconds": 1000,
    "minutes": 60_000,
    "hours": 3_600_000,
    "days": 86_400_000,
    "weeks": 604_800_000,
    "months": 28 * 86_400_000,
    "years": 365 * 86_400_000,
}


def post(path: str, said: Any) -> Request:
    """said: JSON, or a text that is sent as it is."""
    body = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return Request("POST", API + path, body.encode("utf-8", "surrogatepass"))


def get(path: str) -> Request:
    return Request("GET", API + path)


@dataclass
class Servers(Pair):
    """KairosDB and headrace."""

    real_lines: int

    def both(self, request: Request) -> Answers:
        """Never asks what would fill the disk."""
        assert may_be_asked(request), "this would make KairosDB fill the disk"
        return super().both(request)

    def settle(self) -> None:
        """Until all that was written can be read: KairosDB's queue is first in, first out; ours answers when it is."""
        time_ms = next(self._numbers)
        self.real.ask(post("datapoints", {"name": "sentinel", "timestamp": time_ms, "value": 1, "tags": {"a": "b"}}))
        question = post(
            "datapoints/query",
            {"start_absolute": time_ms, "end_absolute": time_ms, "metrics": [{"name": "sentinel"}]},
        )
        deadline = time.monotonic() + 30
        while b'"sample_size":1' not in self.real.ask(question).body:
            assert time.monotonic() < deadline, "what was written did not become visible"
            time.sleep(0.002)

    def write(self, bodies: list[str]) -> None:
        """To both, until it can be read back."""
        for body in bodies:
            answers = self.both(post("datapoints", body))
            statuses = answers.real.status, answers.ours.status
            assert statuses == (204, 204), f"points of a case were refused: {answers}"
        self.settle()

    def lines(self, block: bytes) -> tuple[bytes, bytes]:
        """What both answer to lines of telnet, until they answer to `version`, which is cut off."""
        return self._lines(self.real_lines, block), self._lines(self.ours.port, block)

    def _lines(self, port: int, block: bytes) -> bytes:
        came = b""
        with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
            connection.sendall(block + b"\nversion\n")
            while not re.search(rb"KairosDB [^\n]*\n", came) and (more := connection.recv(65536)):
                came += more
        return re.sub(rb"KairosDB [^\n]*\n", b"", came)


def may_fail(request: Request, answer: Answer) -> bool:
    """Whether an answer of headrace is a 500 of KairosDB's."""
    is_question = request.path.partition("?")[0].endswith("/datapoints/query")
    return is_question and answer.status == 500 and AS_KAIROSDB.search(answer.body.decode()) is not None


def may_be_asked(request: Request) -> bool:
    """Whether no `gaps` of the request has very many ranges, as far as one can know."""
    path, _, parameters = request.path.partition("?")
    text = (
        unquote(parameters.removeprefix("query=")) if parameters else (request.body or b"").decode("utf-8", "replace")
    )
    if "gaps" not in text or not path.endswith("/query"):
        return True
    try:
        said = json.loads(text)
        start, end = int(said["start_absolute"]), int(said["end_absolute"])
        for metric in said["metrics"]:
            for one in metric.get("aggregators", ()):
                if one["name"] == "gaps":
                    sampling = one["sampling"]
                    length = int(sampling["value"]) * UNIT_MS[sampling["unit"].lower()]
                    if length < 1 or (end - start) // length > RANGES_MAX:
                        return False
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return end >= start


def side_by_side(request: Request, answers: Answers, prefix: str = "") -> str:
    """For a reader."""
    return pair.side_by_side("KairosDB", request, answers, prefix)
