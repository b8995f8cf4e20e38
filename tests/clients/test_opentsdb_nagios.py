"""check_tsd, the Nagios check of OpenTSDB's own distribution: what it sends, word for word, and how it cuts the answer
apart, against a server that is a process of its own. (Itself it is Python 2, and in no registry.)"""

from __future__ import annotations

import operator
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serverprocess import ServerProcess, running

SERIES: dict[str, list[float]] = {"web01": [1, 2, 250], "web02": [1, 2, 3], "web03": [1e16, 0.5, 1e-7]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(Path(tmp_path_factory.mktemp("nagios")) / "data") as process:
        now = int(time.time())
        points = [
            {"metric": "seconds.behind", "timestamp": now - 60 * n - 1, "value": value, "tags": {"host": host}}
            for host, values in SERIES.items()
            for n, value in enumerate(values)
        ]
        assert process.put(points)[0] == 204
        yield process


def check(
    server: ServerProcess, arguments: str, comparator: str, critical: float, duration: int = 600
) -> tuple[int, str]:
    """The exit code for Nagios, and the last value seen."""
    status, answer = server.get(f"/q?start={duration}s-ago&m={arguments}&ascii&nagios")
    if status not in (200, 202):
        return 2, f"status = {status}"
    now = int(time.time())
    values: list[int | float] = []
    for line in answer.decode().splitlines():
        _metric, stamp, text, *_tags = line.split()
        if 0 < now - int(stamp) <= duration:
            values.append(float(text) if "." in text else int(text))
    if not values:
        return 2, "query did not return any data point"
    bad = [value for value in values if getattr(operator, comparator)(value, critical)]
    return (2 if bad else 0), repr(values[-1])


@pytest.mark.parametrize(
    ("arguments", "comparator", "critical", "expected"),
    [
        ("sum:seconds.behind{host=web01}", "gt", 100, (2, "1")),
        ("sum:seconds.behind{host=web02}", "gt", 100, (0, "1")),
        ("sum:60s-max:seconds.behind{host=web01}", "gt", 100, (2, "1.0")),
        ("sum:rate:seconds.behind{host=web02}", "lt", -1, (0, "-0.016666666666666666")),
        ("sum:seconds.behind{host=web03}", "gt", 1e17, (0, "1e+16")),
        ("sum:seconds.behind{host=web04}", "gt", 100, (2, "query did not return any data point")),
        ("sum:seconds.ahead", "gt", 100, (2, "status = 400")),
    ],
)
def test_check_tsd(
    server: ServerProcess, arguments: str, comparator: str, critical: float, expected: tuple[int, str]
) -> None:
    assert check(server, arguments, comparator, critical) == expected
