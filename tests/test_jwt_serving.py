"""A real server, and tokens that an issuer has signed: right, wrong and expired ones in every room, keys that change
while it runs, and an issuer that is not there."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from issuing import JwksServer, claims, jwks, jwks_server, new_key, setting, token
from serverprocess import ServerProcess, running
from test_permissions_across_rooms import DEEDS, LATE, REQUESTS, SAMPLES

from headrace import cli

KEY: Final = new_key(kid="first")
SCOPES: Final = {f"headrace.{deed}": [{"may": [deed]}] for deed in DEEDS}
POINT: Final = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}}
ASKED: Final = [one for one in REQUESTS if one[2:4] != ("POST", "/api/ttl")]
"""One request for each kind of what a server does, but for what would have the others' points go."""
POINTS: Final = [{"id": "t", "pointType": "temperature"}]


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Case:
    server: ServerProcess
    issuer: JwksServer

    def ask(self, text: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            sent = None if body is None else json.dumps(body).encode()
            own = {"Authorization": f"Bearer {text}", "Content-Type": "application/json", **headers}
            connection.request(method, path, sent, own)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def put(self, text: str) -> int:
        return self.ask(text, "POST", "/api/put", [POINT]).status

    def soon(self, text: str, expected: int, within_s: float = 20) -> bool:
        """Whether a put with it is answered so, when the pause between two fetches is over."""
        deadline = time.monotonic() + within_s
        while (status := self.put(text)) != expected and time.monotonic() < deadline:
            time.sleep(0.1)
        return status == expected


@contextmanager
def serving(folder: Path, issuer: JwksServer, **said: Any) -> Iterator[Case]:
    issuers = json.dumps({"plant": setting(**{"jwks_at": issuer.url, "scopes": SCOPES, **said})})
    with running(folder / "data", "--jwt-issuers", issuers, "--opentsdb-delete") as server:
        yield Case(server, issuer)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    with (
        jwks_server(KEY) as issuer,
        serving(tmp_path_factory.mktemp("jwt"), issuer, collections={"plant": "readwrite"}) as one,
    ):
        yield one


def scoped(*scopes: str, **said: Any) -> str:
    return token(KEY, claims(scope=" ".join(scopes), **said))


def wrong_tokens() -> dict[str, str]:
    head, body, _ = scoped("headrace.read").split(".")
    every = [f"headrace.{deed}" for deed in DEEDS]
    return {
        "expired": scoped(*every, exp=int(time.time()) - 61),
        "of another audience": scoped(*every, aud="other"),
        "of another issuer": scoped(*every, iss="https://evil.example"),
        "signed by another": token(new_key(kid="first"), claims(scope=" ".join(every))),
        "not signed": f"{head}.{body}.",
    }


@pytest.mark.parametrize(
    ("room", "deed", "method", "path", "body"), ASKED, ids=lambda value: value if isinstance(value, str) else "-"
)
def test_each_room(case: Case, room: str, deed: str, method: str, path: str, body: Any) -> None:
    assert case.ask(scoped(f"headrace.{deed}", "openid"), method, path, body).status not in (401, 403, 500, 503)
    others = [f"headrace.{other}" for other in DEEDS if other != deed]
    for scopes in (others, ["headrace"]):
        answer = case.ask(scoped(*scopes), method, path, body)
        assert answer.status == 403
        if room != "datazone":  # as AWS has it
            assert answer.headers["www-authenticate"].endswith('error="insufficient_scope"')


def test_what_only_a_body_says(case: Case) -> None:
    for _, deed, method, path, body in LATE:
        assert case.ask(scoped("headrace.read"), method, path, body).status == 403
        assert case.ask(scoped("headrace.read", f"headrace.{deed}"), method, path, body).status != 403


@pytest.mark.parametrize("kind", wrong_tokens())
def test_wrong_ones(case: Case, kind: str) -> None:
    text = wrong_tokens()[kind]
    for room, _, method, path, body in REQUESTS:
        answer = case.ask(text, method, path, body)
        assert text.encode() not in answer.body
        if room == "datazone":  # as AWS has it
            assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "UnrecognizedClientException")
            continue
        assert answer.status == 401
        challenges = answer.headers.get_all("www-authenticate")
        assert challenges
        assert challenges[0].endswith('error="invalid_token"')
        if room == "apollo":
            assert b"Invalid token" in answer.body


def test_apollo_with_the_scopes_of_its_pages(case: Case) -> None:
    def register(scope: str, **headers: str) -> Answer:
        return case.ask(scoped(scope), "POST", "/apollo/devices/d/timeseries", POINTS, **headers)

    for scope in ("apollo_write", "write"):
        answer = register(scope, ercollectionid="plant")
        assert answer.status == 202
    series = json.loads(answer.body)["data"]["relationships"][0]["timeseriesId"]
    sample = {"timeseriesId": series, "val": 6, "timestamp": "2018-01-27T00:00:00+00:00", "mertic": "Raw"}
    assert case.ask(scoped("apollo_write"), "POST", SAMPLES, [sample]).status == 202
    for scope in ("apollo_read", "read", "apollo_write", "write"):
        answer = case.ask(scoped(scope), "GET", f"{SAMPLES}?timeseries_ids={series}")
        assert (answer.status, json.loads(answer.body)["data"][0]["val"]) == (200, 6)
        # They are of this room alone.
        assert case.put(scoped(scope)) == 403
        assert case.ask(scoped(scope), "GET", "/api/suggest?type=metrics").status == 403
    for scope in ("apollo_read", "read"):
        answer = register(scope)
        assert (answer.status, b"Scope apollo_write is missing" in answer.body) == (403, True)
    answer = register("apollo_write", ercollectionid="other")
    assert (answer.status, b"User does not have access to collection other" in answer.body) == (403, True)
    # As its pages' tables name the header.
    connection = http.client.HTTPConnection("127.0.0.1", case.server.port, timeout=30)
    connection.request("GET", "/apollo/collections", headers={"Authentication": f"Bearer {scoped('read')}"})
    assert [one["collectionName"] for one in json.loads(connection.getresponse().read())["data"]] == ["plant"]
    connection.close()


def test_duplicate_headers(case: Case) -> None:
    text = scoped("headrace.write")
    connection = http.client.HTTPConnection("127.0.0.1", case.server.port, timeout=30)
    connection.putrequest("POST", "/api/put")
    for value in (text, text):
        connection.putheader("Authorization", f"Bearer {value}")
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"[]")
    assert connection.getresponse().status == 401
    connection.close()


def test_what_is_told(case: Case) -> None:
    text = scoped("headrace.write", jti="told", exp=1)
    assert case.put(text) == 401
    assert case.put(scoped("headrace.write")) == 204
    metrics = case.ask(scoped("headrace.read"), "GET", "/metrics").body.decode()
    assert 'headrace_jwks_keys{issuer="plant"} 1.0' in metrics
    assert 'headrace_jwks_fetches_total{issuer="plant",result="ok"} ' in metrics
    assert 'headrace_jwt_refused_total{issuer="plant",reason="expired"} ' in metrics
    assert 'headrace_requests_denied_total{reason="credentials-invalid",room="opentsdb"} ' in metrics
    assert case.server.says("the token has expired")
    log = case.server.log.read_text()
    assert "keys of an issuer" in log
    for secret in (text, text.rpartition(".")[2], scoped("headrace.write").rpartition(".")[0]):
        assert secret not in log
        assert secret not in metrics


def test_keys_that_change_while_it_runs(case: Case) -> None:
    second, third = new_key(kid="second"), new_key("RSA", 2048, kid="third")
    said = claims(scope="headrace.write")
    case.issuer.body = jwks(KEY, second, third)
    try:
        assert case.soon(token(second, said), 204)
        assert case.put(token(third, said, "RS256")) == 204
        assert case.put(scoped("headrace.write")) == 204
        assert case.put(token(new_key(kid="fourth"), said)) == 401
        # What it has not fetched, it does not know; what it knows, it keeps.
        case.issuer.status = 500
        assert case.soon(token(new_key(kid="fifth"), said), 503)
        assert case.put(token(second, {**said, "jti": "2"})) == 204
        assert case.server.says("the keys were answered with status 500")
    finally:
        case.issuer.status, case.issuer.body = 200, jwks(KEY)


def test_an_issuer_that_does_not_answer_yet(tmp_path: Path) -> None:
    """It holds up neither the start nor anybody who is known otherwise."""
    waits = {"hang": True}

    def answers(handler: BaseHTTPRequestHandler) -> None:
        while waits["hang"]:
            time.sleep(0.05)
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(jwks(KEY))

    with jwks_server() as issuer:
        issuer.answers = answers
        try:
            with serving(tmp_path, issuer) as one:
                begin = time.monotonic()
                assert one.server.get("/health")[0] == 200
                assert one.ask("opaque", "GET", "/api/version").status == 401
                assert one.put(scoped("headrace.write", exp=1)) == 401
                assert time.monotonic() - begin < 3
                for path, words in (
                    ("/api/version", b'"code":503'),
                    ("/api/v1/version", b'"errors"'),
                    ("/apollo/collections", b'"code":"503"'),
                    ("/v2/domains/d/entities/ASSET/a/time-series-data-points?formName=f", b"ServiceUnavailable"),
                    ("/metrics", b"could not be fetched"),
                ):
                    answer = one.ask(scoped("headrace.read", "read"), "GET", path)
                    assert (answer.status, int(answer.headers["retry-after"]) > 0) == (503, True)
                    assert words in answer.body
                    assert b'the keys of the issuer \\"plant\\" could not be fetched' in answer.body
                waits["hang"] = False
                assert one.soon(scoped("headrace.write"), 204)
        finally:
            waits["hang"] = False


def test_keys_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(KEY))
    with jwks_server() as issuer, serving(tmp_path, issuer, jwks_at=str(file)) as one:
        assert one.put(scoped("headrace.write")) == 204
        second = new_key(kid="second")
        file.write_bytes(jwks(second))
        assert one.soon(token(second, claims(scope="headrace.write")), 204, 3)
        assert one.soon(scoped("headrace.write", jti="2"), 401, 3)
        file.write_bytes(b"{")
        time.sleep(1.1)
        assert one.put(token(second, claims(scope="headrace.write", jti="2"))) == 204
        assert one.server.says("the keys come in a document that is no JSON")


def test_what_refuses_to_start(tmp_path: Path) -> None:
    def check(**said: Any) -> tuple[int, str]:
        issuers = json.dumps({"plant": setting(**said)})
        done = CliRunner().invoke(cli.main, ["check-config", "--host", "0.0.0.0", "--jwt-issuers", issuers])
        return done.exit_code, done.output

    status, said = check(jwks_at=str(tmp_path / "none.json"))
    assert (status, said.count("\n")) == (2, 1)
    assert "none.json can not be read: No such file or directory" in said
    # An issuer counts as credentials: beyond loopback nothing more is needed.
    assert check()[0] == 0


def test_who_has_no_issuer_loads_no_cryptography_for_tokens() -> None:
    loaded = "import headrace.cli, headrace.serve, sys; sys.exit('joserfc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False, timeout=100).returncode == 0
