"""Principals x deeds x rooms through a real server: who is not granted what a request does is refused in the room's
dialect, and nothing is changed or shown; who is granted it is let in."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
from serverprocess import ServerProcess, running
from test_web_pages_across_rooms import POINT, SAVING, WHOLE

ROOMS: Final = ("opentsdb", "kairosdb", "apollo", "datazone", "headrace")
DEEDS: Final = ("read", "write", "delete", "admin")
SECRET: Final = "top-secret-0123456789"
FORMS: Final = "/v2/domains/dzd_a/entities/ASSET/a/time-series-data-points"
SAMPLES: Final = "/apollo/devices/d/timeseries/samples"
ASKED: Final = {"start": 1, "queries": [{"aggregator": "none", "metric": "m"}]}
DELETING: Final = {**ASKED, "delete": True}
KAIROS: Final = {"start_absolute": 1, "metrics": [{"name": "m"}]}

REQUESTS: Final[list[tuple[str, str, str, str, Any]]] = [
    # room, deed, method, path, body
    ("opentsdb", "write", "POST", "/api/put", [POINT]),
    ("opentsdb", "write", "POST", "/api/put?details", [POINT]),
    ("opentsdb", "write", "POST", "/api/v1/put/", [POINT]),
    ("opentsdb", "write", "POST", "/api/mput", [{**POINT, "fields": {"a": 1}}]),
    ("opentsdb", "read", "GET", WHOLE, None),
    ("opentsdb", "read", "POST", "/api/query", ASKED),
    ("opentsdb", "read", "POST", "/api/query/last", {"queries": [{"metric": "m"}]}),
    ("opentsdb", "read", "GET", "/api/suggest?type=metrics", None),
    ("opentsdb", "read", "GET", "/suggest?type=metrics", None),
    ("opentsdb", "read", "GET", "/api/search/lookup?m=m", None),
    ("opentsdb", "read", "GET", "/api/version", None),
    ("opentsdb", "read", "GET", "/api/stats", None),
    ("opentsdb", "read", "GET", "/q?start=1&m=sum:m&json", None),
    ("opentsdb", "read", "POST", "/api/dump_meta", {"tagkey": "k"}),
    ("opentsdb", "read", "GET", "/api/ttl", None),
    ("opentsdb", "admin", "POST", "/api/ttl", {"val": 1}),
    ("opentsdb", "admin", "GET", "/api/stats/query", None),
    ("opentsdb", "delete", "POST", "/api/delete_data", {"metric": "m", "start": 1, "end": 2}),
    ("opentsdb", "delete", "POST", "/api/delete_meta", {"metric": "nothing"}),
    ("opentsdb", "write", "POST", "/api/annotation", {"startTime": 1, "description": "d"}),
    ("opentsdb", "write", "GET", "/api/annotation?start_time=1&description=d&method_override=put", None),
    ("opentsdb", "delete", "DELETE", "/api/annotation?start_time=7", None),
    ("kairosdb", "write", "POST", "/api/v1/datapoints", {"name": "m", "datapoints": [[1, 1]], "tags": {"k": "v"}}),
    ("kairosdb", "read", "POST", "/api/v1/datapoints/query", KAIROS),
    ("kairosdb", "read", "POST", "/api/v1/datapoints/query/tags", KAIROS),
    ("kairosdb", "read", "GET", f"/api/v1/datapoints/query?query={quote(json.dumps(KAIROS))}", None),
    ("kairosdb", "read", "GET", "/api/v1/metricnames", None),
    ("kairosdb", "delete", "POST", "/api/v1/datapoints/delete", {**KAIROS, "end_absolute": 2}),
    ("kairosdb", "delete", "DELETE", "/api/v1/metric/nothing", None),
    ("kairosdb", "write", "POST", "/api/v1/metadata/s/k/v", "text"),
    ("kairosdb", "delete", "DELETE", "/api/v1/metadata/s/k/v", None),
    ("kairosdb", "write", "POST", "/api/v1/rollups", {}),
    ("kairosdb", "read", "GET", "/api/v1/rollups", None),
    ("kairosdb", "admin", "GET", "/api/v1/admin/runningqueries", None),
    ("apollo", "write", "POST", "/apollo/devices/d/timeseries", []),
    ("apollo", "write", "POST", SAMPLES, []),
    ("apollo", "read", "GET", f"{SAMPLES}?timeseriesIds=a", None),
    ("datazone", "write", "POST", FORMS, {"forms": []}),
    ("datazone", "read", "GET", f"{FORMS}?formName=f", None),
    ("datazone", "delete", "DELETE", f"{FORMS}?formName=f", None),
    ("headrace", "read", "GET", "/metrics", None),
    ("headrace", "admin", "GET", "/api/headrace/v1/segments", None),
    ("headrace", "admin", "POST", "/api/headrace/v1/seal", {}),
]

LATE: Final[list[tuple[str, str, str, str, Any]]] = [
    # What only a body or a parameter says. The route declares a read, so both are needed.
    ("opentsdb", "delete", "POST", "/api/query", DELETING),
    ("opentsdb", "delete", "DELETE", "/api/query?start=1&end=2&m=none:m", None),
    ("opentsdb", "delete", "GET", "/api/query?start=1&end=2&m=none:m&method_override=delete", None),
    ("kairosdb", "write", "POST", "/api/v1/datapoints/query", SAVING),
    ("kairosdb", "write", "GET", f"/api/v1/datapoints/query?query={quote(json.dumps(SAVING))}", None),
    ("kairosdb", "write", "GET", "/api/v1/rollups/backfill/1?startTime=2024-01-01-00-00-00-000", None),
]

TRICKS: Final = [
    ("POST", "//api/put"),
    ("POST", "/api//put"),
    ("POST", "/x/../api/put"),
    ("POST", "/api/./put"),
    ("POST", "/api%2fput"),
    ("POST", "/%61pi/put"),
    ("POST", "/API/PUT"),
    ("POST", "/api/put;x=y"),
    ("POST", "/api/put/x"),
    ("PUT", "/api/put"),
    ("POST", "http://127.0.0.1/api/put"),
    ("GET", "/api/put?method_override=post"),
    ("POST", "/api/v1/datapoints/"),
    ("POST", "/API/V1/datapoints"),
    ("POST", "/api/v1//datapoints"),
    ("POST", "/api/v1/datapoints%2f"),
    ("POST", "/api/v1/./datapoints"),
]


def token(name: str) -> str:
    return f"token-of-{name}-0123456789"


def grants_of(name: str) -> list[dict[str, Any]]:
    deed, _, room = name.partition("-in-")
    return [{"may": [deed], **({"rooms": [room]} if room else {})}]


NAMES: Final = (*DEEDS, *(f"{deed}-in-{room}" for deed in DEEDS for room in ROOMS))


def config(folder: Path) -> Path:
    principals: dict[str, Any] = {name: {"token": token(name), "grants": grants_of(name)} for name in NAMES}
    principals["all"] = {"token": token("all"), "password": SECRET, "grants": [{"may": list(DEEDS)}]}
    file = folder / "headrace.toml"
    file.write_text(f"opentsdb_delete = true\nprincipals = {json.dumps(json.dumps(principals))}\n")
    return file


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("permissions")
    with running(folder / "data", "--config", str(config(folder))) as process:
        assert send(process, "all", "POST", "/api/put", [POINT]) == (204, b"")
        yield process


def send(server: ServerProcess, who: str | None, method: str, path: str, body: Any) -> tuple[int, bytes]:
    headers = {} if who is None else {"Authorization": f"Bearer {token(who)}"}
    text = None if body is None else json.dumps(body).encode()
    return server.request(method, path, text, Content_Type="application/json", **headers)


def held(server: ServerProcess) -> list[bytes]:
    """What a change would change."""
    asked = (WHOLE, "/api/ttl", "/api/annotation?start_time=1", "/api/v1/metricnames", "/api/v1/rollups")
    return [send(server, "all", "GET", path, None)[1] for path in asked]


def words(room: str, said: bytes) -> str:
    answer = json.loads(said)
    match room:
        case "opentsdb":
            return str(answer["error"]["message"])
        case "kairosdb":
            return str(answer["errors"][0])
        case "apollo":
            [message] = [text for name, text in answer["status"].items() if name.lower() == "message"]
            return str(message)
        case "datazone":
            return str(answer["message"])
    return str(answer["error"])


def is_refused(status: int) -> bool:
    return status in (401, 403)


@pytest.mark.parametrize(("room", "deed", "method", "path", "body"), REQUESTS)
def test_the_matrix(server: ServerProcess, room: str, deed: str, method: str, path: str, body: Any) -> None:
    before = held(server)
    for who in NAMES:
        granted = [(one, where) for one in DEEDS for where in ROOMS if who in (one, f"{one}-in-{where}")]
        if (deed, room) in granted:
            continue
        status, said = send(server, who, method, path, body)
        assert status == 403, (who, said)
        assert {
            "apollo": f"Scope apollo_{deed} is missing",
            "datazone": f"{who} is not granted {deed} here",
        }.get(room, f"{who} is not granted {deed} here") in words(room, said)
    for anybody in (None, "nobody"):
        status, said = send(server, anybody, method, path, body)
        assert is_refused(status), said
        words(room, said)
    assert held(server) == before
    for who in (deed, f"{deed}-in-{room}"):
        status, said = send(server, who, method, path, body)
        assert not is_refused(status), (who, said)


@pytest.mark.parametrize(("room", "deed", "method", "path", "body"), LATE)
def test_what_turns_out_late(server: ServerProcess, room: str, deed: str, method: str, path: str, body: Any) -> None:
    before = held(server)
    for who in ("read", f"read-in-{room}"):
        status, said = send(server, who, method, path, body)
        assert status == 403, said
        assert f"{who} is not granted {deed} here" in words(room, said)
    assert send(server, deed, method, path, body)[0] == 403
    assert held(server) == before


@pytest.mark.parametrize(("method", "path"), TRICKS)
def test_tricks_with_paths_write_nothing(server: ServerProcess, method: str, path: str) -> None:
    before = held(server)
    bodies = (json.dumps([{**POINT, "metric": "trick"}]), json.dumps({**POINT, "name": "trick", "tags": {"k": "v"}}))
    for body in bodies:
        for who in (None, "read"):
            credentials = "" if who is None else f"Authorization: Bearer {token(who)}\r\n"
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\n{credentials}Content-Length: {len(body)}\r\n\r\n"
            assert status_of(server, (head + body).encode()) not in (200, 204), (who, path)
    assert held(server) == before


def status_of(server: ServerProcess, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        return int(connection.recv(4096).split()[1])


def test_credentials_of_a_request_are_those_of_no_other(server: ServerProcess) -> None:
    """Pipelined behind one that may write, in one piece and byte by byte, and on a connection that was let in."""
    body = json.dumps([{**POINT, "metric": "pipelined"}])
    head = f"POST /api/put HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    good, bad = (f"{head}{line}\r\n{body}".encode() for line in (f"Authorization: Bearer {token('write')}\r\n", ""))
    for order, statuses in (((good, bad, good), [204, 401, 204]), ((bad, good, bad), [401, 204, 401])):
        for step in (1 << 20, 7):
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
                sent = b"".join(order)
                for at in range(0, len(sent), step):
                    connection.sendall(sent[at : at + step])
                received = b""
                while received.count(b"HTTP/1.1 ") < 3:
                    received += connection.recv(65536)
            found = [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]
            assert found == statuses


def test_by_user_and_password(server: ServerProcess) -> None:
    for user, password, expected in (("all", SECRET, 200), ("all", "wrong", 401), ("read", SECRET, 401)):
        given = base64.b64encode(f"{user}:{password}".encode()).decode()
        status, _ = server.request("GET", "/api/version", Authorization=f"Basic {given}")
        assert status == expected


def test_who_is_not_known_is_told_how_to_be(server: ServerProcess) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n")
        head = connection.recv(4096).lower()
    assert head.startswith(b"http/1.1 401 ")
    assert b'www-authenticate: bearer realm="headrace"\r\n' in head
    assert b'www-authenticate: basic realm="headrace", charset="utf-8"\r\n' in head


def test_what_is_open(server: ServerProcess) -> None:
    for path in ("/", "/health", "/api/health", "/api/vip_health", "/api/v1/health/check", "/api/v1/health/status"):
        assert server.get(path)[0] in (200, 204)


def test_telnet_is_closed(server: ServerProcess) -> None:
    before = held(server)
    with server.telnet() as connection:
        connection.sendall(b"put telnet 1700000000 1 k=v\nput telnet 1700000001 1 k=v\n")
        said = connection.makefile("rb").read()
    assert said.startswith(b"credentials are needed here, and telnet has none but a client certificate: nothing is")
    assert held(server) == before
    denied = b'headrace_requests_denied_total{reason="credentials-missing",room="opentsdb"}'
    assert denied in send(server, "all", "GET", "/metrics", None)[1]


def test_deletes_are_on_record(server: ServerProcess) -> None:
    asked = {"metric": "recorded", "start": 1_600_000_000, "end": 1_800_000_000}
    assert send(server, "all", "POST", "/api/put", [{**POINT, "metric": "recorded"}])[0] == 204
    assert send(server, "all", "POST", "/api/delete_data", asked)[0] == 200
    assert send(server, "all", "DELETE", "/api/v1/metric/recorded", None)[0] == 204
    assert server.says("path=/api/v1/metric/recorded")
    lines = [line for line in server.log.read_text().splitlines() if "on record" in line and "recorded" in line]
    [data, metric] = lines
    for text in ("principal=all", "client=127.0.0.1", "room=opentsdb", "path=/api/delete_data", "deleted=1"):
        assert text in data
    for text in ("principal=all", "room=kairosdb", "path=/api/v1/metric/recorded", "status=204"):
        assert text in metric


def test_secrets_are_in_no_log(server: ServerProcess) -> None:
    """Run last: of all that the tests above have sent."""
    send(server, "wrong", "GET", "/api/version", None)
    server.request("GET", "/api/version", Authorization=f"Token {SECRET}")
    server.request("GET", FORMS, Authorization=f"AWS4-HMAC-SHA256 {SECRET}")
    found = [server.log.read_bytes(), *(file.read_bytes() for file in server.data_dir.rglob("*") if file.is_file())]
    found.append(send(server, "all", "GET", "/metrics", None)[1])
    for text in found:
        assert SECRET.encode() not in text
        assert b"token-of-" not in text
    assert b"request denied" in found[0]
