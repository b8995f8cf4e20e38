"""The calls of Grafana's data sources for OpenTSDB and KairosDB, as its proxy sends them on: with the user or the
header of the data source's settings, and with what the browser said beside it."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from asking_server import PASSWORD, READ_TOKEN, TOKEN, USER, WRONG, Asking, asking
from certified import trusting

T: Final = 1_700_000_000
TOOK: Final = re.compile(rb'"time":[\d.]+')

CALLS: Final[list[tuple[str, str, str, Any]]] = [
    # OpenTSDB: its test button, the editor's lists, variables, panels, alerts, annotations
    ("opentsdb", "GET", "/api/suggest?type=metrics&q=cpu&max=1000", None),
    ("opentsdb", "GET", "/api/suggest?q=cpu&type=metrics", None),
    ("opentsdb", "GET", "/api/aggregators", None),
    ("opentsdb", "GET", "/api/config/filters", None),
    ("opentsdb", "GET", "/api/search/lookup?m=sys.cpu%7Bhost=*%7D&limit=1000", None),
    (
        *("opentsdb", "POST", "/api/query"),
        {
            "start": T * 1000,
            "queries": [{"metric": "sys.cpu", "aggregator": "avg", "downsample": "1m-avg"}],
            "msResolution": True,
            "globalAnnotations": True,
            "showQuery": True,
        },
    ),
    (
        *("opentsdb", "POST", "/api/query?arrays=true"),
        {"start": T, "end": T + 9, "queries": [{"metric": "sys.cpu", "aggregator": "sum", "tags": {"host": "*"}}]},
    ),
    # KairosDB: its test button and variables, the editor's tags, panels
    ("kairosdb", "GET", "/api/v1/metricnames", None),
    ("kairosdb", "GET", "/api/v1/version", None),
    (
        *("kairosdb", "POST", "/api/v1/datapoints/query/tags"),
        {"start_absolute": T * 1000, "metrics": [{"name": "sys.cpu"}], "cache_time": 0},
    ),
    (
        *("kairosdb", "POST", "/api/v1/datapoints/query"),
        {
            "start_absolute": T * 1000,
            "end_absolute": (T + 9) * 1000,
            "metrics": [
                {
                    "name": "sys.cpu",
                    "tags": {"host": ["a"]},
                    "aggregators": [{"name": "avg", "sampling": {"value": 1, "unit": "minutes"}}],
                }
            ],
        },
    ),
]

BROWSER: Final = {
    "User-Agent": "Grafana/11.3.0",
    "X-Forwarded-For": "192.0.2.7, 192.0.2.7",
    "X-Grafana-Org-Id": "1",
    "X-Datasource-Uid": "P1",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "en-US,en;q=0.9",
    "Accept-Encoding": "gzip",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "Host": "tsdb.example.net:4242",
}
"""What the proxy sends of its own, and of what the browser said to Grafana: it drops Origin, Referer and cookies."""


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


GOOD: Final = (basic(USER, PASSWORD), basic("reader", PASSWORD), f"Bearer {TOKEN}", f"Bearer {READ_TOKEN}")
WRONG_PASSWORD: Final = basic("reader", WRONG)
BAD: Final = (None, WRONG_PASSWORD, f"Bearer {WRONG}", "Bearer")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(tmp_path_factory.mktemp("grafana")) as house:
        points = [{"metric": "sys.cpu", "timestamp": T + n, "value": n, "tags": {"host": "a"}} for n in range(5)]
        assert house.server.put(points)[0] == 204
        yield house


def ask(house: Asking, method: str, path: str, body: Any, credentials: str | None) -> tuple[int, bytes]:
    connection = http.client.HTTPSConnection(
        "127.0.0.1", house.secure, timeout=30, context=trusting(house.authority.root)
    )
    headers = {**BROWSER, "Accept-Encoding": "identity"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if credentials is not None:
        headers["Authorization"] = credentials
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    said = answer.status, answer.read()
    connection.close()
    return said


@pytest.mark.parametrize(("room", "method", "path", "body"), CALLS)
def test_who_is_known_sees_and_who_is_not_does_not(house: Asking, room: str, method: str, path: str, body: Any) -> None:
    status, expected = house.server.request(method, path, None if body is None else json.dumps(body).encode())
    assert status == 200
    for credentials in GOOD:
        status, said = ask(house, method, path, body, credentials)
        assert status == 200
        assert TOOK.sub(b"", said) == TOOK.sub(b"", expected)
    for bad in BAD:
        status, said = ask(house, method, path, body, bad)
        assert status == 401 or (status == 429 and bad == WRONG_PASSWORD)  # the eleventh of a minute waits
        assert b"sys.cpu" not in said
    assert house.denied(room, "credentials-missing") > 0
    assert house.denied(room, "credentials-invalid") > 0


def test_a_reader_writes_no_annotation(house: Asking) -> None:
    note = {"startTime": T, "description": "deployed"}
    assert ask(house, "POST", "/api/annotation", note, f"Bearer {READ_TOKEN}")[0] == 403
