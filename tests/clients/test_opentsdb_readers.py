"""What the readers of section 5 send, word for word, against a server that is a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from serverprocess import ServerProcess, running

T = 1356998400
JSON = {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(Path(tmp_path_factory.mktemp("readers")) / "data") as process:
        points = [
            {"metric": "sys.cpu", "timestamp": T + 10 * n, "value": 10 * n, "tags": {"host": host, "dc": "lga"}}
            for host in ("web01", "web02")
            for n in range(7)
        ]
        assert process.put(points)[0] == 204  # scollector: exactly 204
        yield process


def post(server: ServerProcess, path: str, body: Any) -> Any:
    status, answer = server.request("POST", path, json.dumps(body).encode(), **JSON)
    assert status == 200, answer
    return json.loads(answer)


def get(server: ServerProcess, path: str) -> Any:
    status, answer = server.get(path)
    assert status == 200, answer
    return json.loads(answer)


def test_grafanas_go_backend(server: ServerProcess) -> None:
    body = (
        '{"start":1356998400000,"end":1356998460000,"queries":[{"aggregator":"sum","downsample":"1m-avg",'
        '"metric":"sys.cpu","rate":false,"tags":{"host":"*"}}]}'
    )
    for path in ("/api/query", "/api/query?arrays=true"):
        found = post(server, path, json.loads(body))
        assert [element["tags"]["host"] for element in found] == ["web01", "web02"]
        points = found[0]["dps"] if "arrays" in path else [[int(t), v] for t, v in found[0]["dps"].items()]
        assert points == [[T, 25.0], [T + 60, 60.0]]


def test_grafanas_frontend(server: ServerProcess) -> None:
    assert get(server, "/api/suggest?type=metrics&q=cpu&max=1000") == []  # its test button: any answer will do
    assert get(server, "/api/suggest?type=metrics&q=sys&max=1000") == ["sys.cpu"]
    assert "sum" in get(server, "/api/aggregators")
    assert "literal_or" in get(server, "/api/config/filters")
    looked_up = get(server, "/api/search/lookup?m=sys.cpu%7Bhost=*%7D&limit=1000")
    assert [result["tags"]["host"] for result in looked_up["results"]] == ["web01", "web02"]
    note = {"startTime": T + 30, "description": "deployed"}
    assert post(server, "/api/annotation", note)["description"] == "deployed"
    asked = {
        "start": T * 1000,
        "queries": [{"metric": "sys.cpu", "aggregator": "avg", "downsample": "1m-avg"}],
        "msResolution": True,
        "globalAnnotations": True,
        "showQuery": True,
    }
    [element] = post(server, "/api/query", asked)
    assert element["query"]["index"] == 0
    assert element["dps"] == {str(T * 1000): 25.0, str((T + 60) * 1000): 60.0}
    assert [found["startTime"] for found in element["globalAnnotations"]] == [T + 30]
    status, answer = server.get(f"/api/query?start={T}&m=sum:nope")
    assert (status, json.loads(answer)["error"]["message"]) == (400, "No such name for 'metrics': 'nope'")


def test_alibabas_sdk(server: ServerProcess) -> None:
    assert post(server, "/api/version", {})["version"].startswith("2.")
    last = post(server, "/api/query/last", {"queries": [{"metric": "sys.cpu", "tags": {"host": "web01"}}]})
    assert [(entry["timestamp"], entry["value"]) for entry in last] == [((T + 60) * 1000, "60")]
    point = {"metric": "wind", "timestamp": T, "fields": {"speed": 45.2}, "tags": {"city": "hangzhou"}}
    assert server.request("POST", "/api/mput", json.dumps([point]).encode(), **JSON)[0] == 204
    fields = [{"field": "speed", "aggregator": "none"}]
    asked = {"start": T, "end": T + 1, "queries": [{"metric": "wind", "fields": fields, "tags": {}, "filters": []}]}
    [element] = post(server, "/api/mquery", asked)
    assert (element["columns"], element["values"]) == (["timestamp", "speed"], [[T, 45.2]])
    assert post(server, "/api/suggest", {"type": "field", "metric": "wind", "q": "", "max": 9}) == ["speed"]
    assert get(server, "/api/ttl") == {"val": 2**31 - 1}


def test_bosun(server: ServerProcess) -> None:
    asked = {"start": T, "end": T + 60, "queries": [{"aggregator": "sum", "metric": "sys.cpu", "tags": {"dc": "lga"}}]}
    [element] = post(server, "/api/query", asked)
    assert element["dps"][str(T + 60)] == 120
    assert get(server, "/api/suggest?type=tagk&max=10") == ["city", "dc", "host"]
