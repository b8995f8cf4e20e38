"""Tokens of `headrace token` and a real server: made, rotated, revoked and expired while it runs, in several rooms,
through kill -9, backup and restore; and no secret anywhere."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serverprocess import ServerProcess, running

POINT = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}
KAIROS = {"name": "k", "datapoints": [[1_700_000_000_000, 2]], "tags": {"k": "v"}}
SAMPLES = "/apollo/devices/d/timeseries/samples"
TIMESERIES = "/apollo/devices/d/timeseries"
FORMS = "/v2/domains/dzd_a/entities/ASSET/a/time-series-data-points?formName=f"


def token(data: Path, *arguments: str) -> str:
    """What `headrace token` prints."""
    command = [sys.executable, "-m", "headrace", "token", *arguments, "--data-dir", str(data)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def ask(server: ServerProcess, bearer: str | None, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    text = None if body is None else json.dumps(body).encode()
    return server.request(method, path, text, Content_Type="application/json", **headers)


def put(server: ServerProcess, bearer: str | None) -> int:
    return ask(server, bearer, "POST", "/api/put", [POINT])[0]


def soon(what: Callable[[], bool], within_s: float = 5) -> bool:
    deadline = time.monotonic() + within_s
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def wrong(bearer: str) -> str:
    return bearer[:-1] + ("a" if bearer[-1] != "a" else "b")


def test_the_life_of_a_token(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as server:
        assert put(server, None) == 204
        ann = token(data, "create", "ann", "--may", "read", "--may", "write", "--collection", "plant=owner")
        assert soon(lambda: put(server, None) == 401)
        # Others work from their first request on.
        reader = token(data, "create", "reader", "--may", "read", "--room", "kairosdb")
        assert ask(server, reader, "GET", "/api/v1/metricnames")[0] == 200
        assert ask(server, reader, "GET", "/api/suggest?type=metrics")[0] == 403
        assert ask(server, reader, "POST", "/api/v1/datapoints", KAIROS)[0] == 403

        assert put(server, ann) == 204
        assert ask(server, ann, "POST", "/api/v1/datapoints", KAIROS)[0] == 204
        status, said = ask(server, ann, "POST", TIMESERIES, [{"id": "p", "pointType": "temperature"}])
        assert status == 202, said
        assert ask(server, ann, "GET", "/apollo/collections")[1].count(b"plant") == 1
        assert ask(server, ann, "GET", FORMS)[0] == 200
        assert server.says("principal=tokens.reader")

        short = token(data, "create", "short", "--may", "read", "--expires", "3s")
        assert ask(server, short, "GET", "/api/version")[0] == 200
        assert soon(lambda: ask(server, short, "GET", "/api/version")[0] == 401)
        assert b"has expired" in ask(server, short, "GET", "/api/version")[1]

        new = token(data, "rotate", "ann", "--overlap", "1h")
        assert [put(server, ann), put(server, new)] == [204, 204]
        newest = token(data, "rotate", "ann")
        assert put(server, newest) == 204
        assert soon(lambda: put(server, new) == 401 and put(server, ann) == 401, within_s=2)
        assert b"was revoked" in ask(server, new, "POST", "/api/put", [POINT])[1]
        token(data, "revoke", "reader")
        assert soon(lambda: ask(server, reader, "GET", "/api/v1/metricnames")[0] == 401, within_s=2)

        server.kill()
        server.start()
        assert [put(server, one) for one in (newest, new, ann, None)] == [204, 401, 401, 401]
        backup = tmp_path / "backup"
        admin = token(data, "create", "admin", "--may", "admin")
        command = [sys.executable, "-m", "headrace", "backup", f"http://127.0.0.1:{server.port}", str(backup)]
        subprocess.run(command, check=True, env={**os.environ, "HEADRACE_TOKEN": admin}, capture_output=True)
        assert server.stop() == 0
        listed = json.loads(token(data, "list", "--json"))
        states = [(one["name"], one["state"]) for one in listed]
        assert states == [
            ("ann", "revoked"),
            ("reader", "revoked"),
            ("short", "expired"),
            ("ann", "revoked"),
            ("ann", "holds"),
            ("admin", "holds"),
        ]
        # Of what was used before the kill that is lost.
        assert [one["used"] is not None for one in listed[4:]] == [True, True]
        told = re.findall(r"what='?(token \w+).* token=(\w+)", server.log.read_text())
        assert told.count(("token created", "ann")) == told.count(("token created", "admin")) == 1
        assert told.count(("token rotated", "ann")) == 2
        assert told.count(("token revoked", "reader")) == 1

    subprocess.run(
        [sys.executable, "-m", "headrace", "restore", str(backup), str(tmp_path / "restored")],
        check=True,
        capture_output=True,
    )
    with running(tmp_path / "restored") as restored:
        assert [put(restored, one) for one in (newest, ann, None)] == [204, 401, 401]
        assert restored.stop() == 0
    secrets = [one.encode()[-43:] for one in (ann, reader, short, new, newest, admin)]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [secret for secret in secrets if secret in content], file


def test_the_first_token_before_the_first_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "headrace", "check-config", "--host", "0.0.0.0", "--data-dir", str(data)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "make a token (headrace token create)" in refused.stderr
    ann = token(data, "create", "ann", "--may", "write")
    with running(data, "--host", "0.0.0.0") as server:
        assert [put(server, ann), put(server, None)] == [204, 401]
        titles = Path(f"/proc/{server.process.pid}/cmdline").read_bytes() if server.process else b""
        assert ann[-43:].encode() not in titles + ask(server, ann, "GET", "/health")[1]
        kept = (data / "access.sqlite").rename(tmp_path / "kept")
        assert soon(lambda: b'"tokens":["access.sqlite cannot be read' in server.get("/health")[1])
        assert str(data).encode() not in server.get("/health")[1]
        unknown = f"headrace_{'0' * 12}_{'x' * 43}"
        assert [put(server, ann), put(server, None), put(server, unknown)] == [204, 401, 503]
        kept.rename(data / "access.sqlite")
        assert soon(lambda: b"tokens" not in server.get("/health")[1])
        assert [put(server, ann), put(server, None), put(server, unknown)] == [204, 401, 401]
    (data / "access.sqlite").write_bytes(b"x" * 5000)
    said = _refused(data)
    assert "access.sqlite: file is not a database" in said
    (data / "access.sqlite").unlink()
    said = _refused(data)
    assert "the database is not complete: access.sqlite is missing" in said
    token(data, "create", "bob", "--may", "write")
    with running(data) as server:
        assert [put(server, ann), put(server, None)] == [401, 401]


def _refused(data: Path) -> str:
    """What a server that does not start says last."""
    command = [sys.executable, "-m", "headrace", "serve", "--port", "0", "--data-dir", str(data)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    return ended.stderr.splitlines()[-1]


def test_who_is_not_let_in_is_told_so_in_each_dialect(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ann, gone = (token(data, "create", name, "--may", "read") for name in ("ann", "gone"))
    token(data, "revoke", "gone")
    with running(data, "--log-level", "debug") as server:
        assert ask(server, ann, "GET", "/metrics")[0] == 200
        for path, key in (
            ("/api/version", b'{"error":'),
            ("/api/v1/metricnames", b'{"errors":'),
            ("/metrics", b'{"error":'),
            (SAMPLES, b'"Invalid token"'),
        ):
            for bearer in (wrong(ann), gone, f"headrace_{'0' * 12}_{'x' * 43}", "headrace_x", "x"):
                status, head, body = _whole(server, path, bearer)
                assert status == 401
                assert b"www-authenticate: bearer" in head.lower()
                assert key in body.replace(b": ", b":")
        status, head, body = _whole(server, FORMS, gone)
        assert (status, json.loads(body)["message"]) == (403, f"the token {gone[9:21]} was revoked")
        assert b"unrecognizedclientexception" in head.lower()
        for _ in range(6):
            assert _whole(server, "/api/version", wrong(ann))[0] == 401
        status, _, body = _whole(server, "/api/version", wrong(ann))
        assert status == 429
        assert b"too many wrong tokens came from 127.0.0.1" in body
        status, numbers = ask(server, ann, "GET", "/metrics")
        assert status == 200
        assert b'headrace_requests_denied_total{reason="credentials-slowed",room="opentsdb"} 1.0' in numbers
    content = server.log.read_bytes() + numbers
    for secret in (ann, gone, wrong(ann)):
        assert secret[-43:].encode() not in content


def _whole(server: ServerProcess, path: str, bearer: str) -> tuple[int, bytes, bytes]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {bearer}\r\n\r\n"
        connection.sendall(head.encode())
        said = b""
        while part := connection.recv(65536):
            said += part
    head_said, _, body = said.partition(b"\r\n\r\n")
    return int(head_said.split()[1]), head_said, body
