"""A page that somebody opens in a browser beside the server, or that has a name of its own lead to it, changes nothing
in any room; what it is told is in the room's dialect."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from serverprocess import ServerProcess, running

POINT = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}
SAVING = {
    "start_absolute": 1,
    "metrics": [{"name": "m", "aggregators": [{"name": "save_as", "metric_name": "copy"}]}],
}
WHOLE = "/api/query?start=1699999990&end=1700000010&m=none:m"

CHANGES = [
    ("opentsdb", "POST", "/api/put", [POINT]),
    ("opentsdb", "POST", "/api/put?details", [POINT]),
    ("opentsdb", "POST", "/api/mput", [{**POINT, "fields": {"a": 1}}]),
    ("opentsdb", "POST", "/api/ttl", {"val": 1}),
    ("opentsdb", "POST", "/api/delete_data", {"metric": "m", "start": 1, "end": 2}),
    ("opentsdb", "POST", "/api/delete_meta", {"metric": "m"}),
    ("opentsdb", "POST", "/api/annotation", {"startTime": 1, "description": "d"}),
    ("opentsdb", "GET", "/api/annotation?start_time=1&description=d&method_override=post", None),
    ("opentsdb", "DELETE", WHOLE, None),
    ("opentsdb", "GET", f"{WHOLE}&method_override=delete", None),
    ("opentsdb", "POST", "/api/query", {"start": 1, "queries": [], "delete": True}),
    ("kairosdb", "POST", "/api/v1/datapoints", {"name": "m", "datapoints": [[1, 1]], "tags": {"k": "v"}}),
    ("kairosdb", "POST", "/api/v1/datapoints/delete", {"start_absolute": 1, "metrics": [{"name": "m"}]}),
    ("kairosdb", "DELETE", "/api/v1/metric/m", None),
    ("kairosdb", "POST", "/api/v1/datapoints/query", SAVING),
    ("kairosdb", "GET", f"/api/v1/datapoints/query?query={quote(json.dumps(SAVING))}", None),
    ("kairosdb", "POST", "/api/v1/rollups", {}),
    ("kairosdb", "GET", "/api/v1/rollups/backfill/1?startTime=1", None),
    ("kairosdb", "POST", "/api/v1/metadata/s/k/v", "text"),
    ("apollo", "POST", "/apollo/devices", {}),
    ("apollo", "POST", "/apollo/timeseries/1/samples", []),
    ("datazone", "POST", "/v2/domains/dzd_a/entities/ASSET/a/time-series-data-points", {}),
    ("headrace", "POST", "/api/headrace/v1/seal", {}),
    ("headrace", "POST", "/nothing/is/here", {}),
]

FOREIGN = {
    "another site": {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
    "another server here": {"Origin": "http://127.0.0.1:1", "Sec_Fetch_Site": "same-site"},
    "an older browser": {"Origin": "https://evil.example"},
    "a name of its own": {"Host": "evil.example:4242", "Origin": "http://evil.example:4242"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("pages") / "data", "--opentsdb-delete") as process:
        assert process.put([POINT]) == (204, b"")
        yield process


def held(server: ServerProcess) -> list[bytes]:
    """What a change would change."""
    asked = (WHOLE, "/api/ttl", "/api/annotation?start_time=1", "/api/v1/metricnames", "/api/v1/rollups")
    return [server.get(path)[1] for path in asked]


@pytest.mark.parametrize("who", FOREIGN)
@pytest.mark.parametrize(("room", "method", "path", "body"), CHANGES)
def test_a_foreign_page_changes_nothing(
    server: ServerProcess, room: str, method: str, path: str, body: object, who: str
) -> None:
    before = held(server)
    text = None if body is None else json.dumps(body).encode()
    status, said = server.request(method, path, text, **FOREIGN[who], Content_Type="text/plain")
    answer = json.loads(said)
    assert status == 403, said
    words = {
        "opentsdb": lambda: answer["error"]["message"],
        "kairosdb": lambda: answer["errors"][0],
        "apollo": lambda: answer["status"]["Message"],
        "datazone": lambda: answer["message"],
        "headrace": lambda: answer["error"],
    }[room]()
    assert "a web page" in words
    assert "may not change anything here" in words or "may not read this here" in words
    assert held(server) == before


def test_the_same_from_an_agent_is_taken(server: ServerProcess) -> None:
    senders: list[dict[str, str]] = [{}, {"Sec_Fetch_Site": "none"}, {"Origin": f"http://127.0.0.1:{server.port}"}]
    for number, headers in enumerate(senders):
        point = {**POINT, "metric": "taken", "tags": {"k": str(number)}}
        status, said = server.request("POST", "/api/put", json.dumps([point]).encode(), **headers)
        assert (status, said) == (204, b"")


ASKED = {"start": 1_699_999_990, "end": 1_700_000_010, "queries": [{"aggregator": "none", "metric": "m"}]}
QUESTIONS = [
    ("GET", WHOLE, None),
    ("POST", "/api/query", ASKED),
    ("POST", "/api/v1/query/", ASKED),
    ("POST", "/API/query", ASKED),
    ("POST", "/api/query/last", {"queries": [{"metric": "m"}], "backScan": 0}),
    ("POST", "/api/search/lookup", {"metric": "m"}),
    ("POST", "/api/suggest", {"type": "metrics"}),
    ("POST", "/suggest?type=metrics", None),
    ("POST", "/api/v1/datapoints/query", {"start_absolute": 1, "metrics": [{"name": "m"}]}),
    ("POST", "/api/v1/datapoints/query/tags", {"start_absolute": 1, "metrics": [{"name": "m"}]}),
]


ELSEWHERE = ("another site", "another server here", "an older browser")
"""Of FOREIGN: whose browser does not show it the answer."""


@pytest.mark.parametrize("who", ELSEWHERE)
@pytest.mark.parametrize(("method", "path", "body"), QUESTIONS)
def test_a_foreign_page_may_ask(server: ServerProcess, method: str, path: str, body: object, who: str) -> None:
    """Its browser does not show it the answer; a proxy may pass on what a browser said to it."""
    text = None if body is None else json.dumps(body).encode()
    own, foreign = server.request(method, path, text), server.request(method, path, text, **FOREIGN[who])
    assert own[0] == foreign[0] == 200
    own_said, foreign_said = (re.sub(rb'"time":[\d.]+', b"", said) for _, said in (own, foreign))
    assert own_said == foreign_said


READS = [path for method, path, _ in QUESTIONS if method == "GET"] + [
    "/api/suggest?type=metrics",
    "/api/search/lookup?m=m",
    "/q?start=1&m=sum:m&json",
    "/api/v1/metricnames",
    "/apollo/devices",
    "/v2/domains/dzd_a/entities/ASSET/a/time-series-data-points?formName=f",
    "/metrics",
    "/api/headrace/v1/segments",
]
UNREAD = {
    "a name of its own": FOREIGN["a name of its own"],
    "a name of its own, without TLS": {"Host": "evil.example:4242", "Accept_Language": "de", "User_Agent": "Mozilla/5"},
    "an image": {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
    "a script": {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "script"},
}


@pytest.mark.parametrize("who", UNREAD)
@pytest.mark.parametrize("path", READS)
def test_what_no_browser_keeps_from_a_page_is_refused(server: ServerProcess, path: str, who: str) -> None:
    status, said = server.request("GET", path, None, **UNREAD[who])
    if path.startswith("/api/headrace/") and status == 403 and b"web page" not in said:
        return  # admin
    assert status == 403, said
    assert b"a web page" in said
    assert b"may not" in said


JSONP = ("/api/query?start=1&m=none:m&jsonp=f", "/api/suggest?type=metrics&jsonp=f", "/api/version?json&%6asonp=f")


@pytest.mark.parametrize("path", JSONP)
def test_a_script_is_for_our_own_pages_and_for_agents(server: ServerProcess, path: str) -> None:
    ours = f"127.0.0.1:{server.port}"
    language = {"Accept_Language": "en-US", "User_Agent": "Mozilla/5.0"}
    own: list[dict[str, str]] = [
        {},
        {"Sec_Fetch_Site": "same-origin", "Sec_Fetch_Mode": "no-cors", **language},
        {**language, "Referer": f"http://{ours}/page"},
    ]
    for headers in own:
        status, said = server.request("GET", path, None, **headers)
        assert (status, said[:2]) == (200, b"f(")
    for headers in (
        language,
        {**language, "Referer": "http://evil.example/"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "cors", "Origin": "https://evil.example"},
    ):
        status, said = server.request("GET", path, None, **headers)
        assert (status, said[:2]) == (403, b'{"')
        assert "a web page" in json.loads(said)["error"]["message"]


def test_it_is_counted_and_logged(server: ServerProcess) -> None:
    server.request("POST", "/api/ttl", b'{"val":1}', **FOREIGN["another site"])
    assert b'headrace_requests_denied_total{reason="web-page",room="opentsdb"}' in server.get("/metrics")[1]
    assert server.says("web-page")


def test_who_is_allowed_by_the_operator_may(tmp_path: Path) -> None:
    flags = ("--cors-origins", "https://grafana.example.net", "--host-names", "tsdb.example.net")
    with running(tmp_path / "data", *flags) as server:
        for headers in (
            {"Origin": "https://grafana.example.net", "Sec_Fetch_Site": "cross-site"},
            {"Origin": "http://tsdb.example.net", "Host": "tsdb.example.net", "Sec_Fetch_Site": "same-origin"},
        ):
            assert server.request("POST", "/api/put", json.dumps([POINT]).encode(), **headers) == (204, b"")
