"""A server process with several listeners, over TLS: curl, Python, telnet, and certificates renewed under load."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from certified import Authority, trusting
from click.testing import CliRunner
from serverprocess import ServerProcess, free_port

from headrace import cli

POINT = {"metric": "m", "timestamp": 1_700_000_000, "value": 1, "tags": {"a": "b"}}
PUT = json.dumps(POINT).encode()


@dataclass
class Secure:
    """`server` is asked by its internal port, which has neither TLS nor points."""

    server: ServerProcess
    authority: Authority
    points: int = field(default_factory=free_port)
    lines: int = field(default_factory=free_port)
    agents: int = field(default_factory=free_port)
    all: int = field(default_factory=free_port)

    def https(self, port: int | None = None) -> http.client.HTTPSConnection:
        context = trusting(self.authority.root)
        return http.client.HTTPSConnection("127.0.0.1", port or self.points, timeout=30, context=context)

    def telnet(self, port: int, *own: str) -> ssl.SSLSocket:
        context = trusting(self.authority.root, *(self.authority.issue(name) for name in own))
        line = socket.create_connection(("127.0.0.1", port), timeout=30)
        return context.wrap_socket(line, server_hostname="127.0.0.1")

    def metric(self, name: str) -> float:
        lines = self.server.get("/metrics")[1].decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, timeout=30)


@contextmanager
def started(folder: Path) -> Iterator[Secure]:
    authority = Authority(folder)
    files = authority.issue()
    tls = {"tls_certificate": str(files.certificate), "tls_key": str(files.key)}
    house = Secure(ServerProcess(folder / "data"), authority)
    house.server.flags = (
        "--listeners",
        json.dumps(
            [
                {"address": f"127.0.0.1:{house.server.port}", "rooms": ["headrace"], "trusted": True},
                {
                    "address": f"127.0.0.1:{house.points}",
                    "rooms": ["opentsdb", "kairosdb"],
                    "telnet": "kairosdb",
                    **tls,
                },
                {"address": f"127.0.0.1:{house.lines}", "http": False, **tls},
                {"address": f"127.0.0.1:{house.all}", **tls},
                {"address": f"127.0.0.1:{house.agents}", "tls_client_ca": str(authority.root), **tls},
            ]
        ),
    )
    house.server.start()
    try:
        yield house
    finally:
        if house.server.process is not None and house.server.process.poll() is None:
            house.server.kill()


def test_each_listener_has_its_rooms_and_telnet_and_the_points_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(tmp_path) as house:
        assert house.server.request("POST", "/api/put", PUT)[0] == 404
        client = house.https()
        for path, status in (("/api/put", 204), ("/metrics", 404), ("/health", 404), ("/API/HEADRACE/v1/seal", 404)):
            client.request("POST", path, PUT)
            answer = client.getresponse()
            answer.read()
            assert (path, answer.status) == (path, status)
        with house.telnet(house.points) as line:
            line.sendall(b"putm m 1700000001000 2 a=b\nput m 1700000002 3 a=b\nversion\n")
            assert b"KairosDB" in line.recv(1000)
        with house.telnet(house.lines) as line:
            line.sendall(b"put m 1700000003 4 a=b\nversion\n")
            assert b"headrace" in line.recv(1000)
        with house.telnet(house.agents, "agent") as line:
            line.sendall(b"put m 1700000004 5 a=b\nversion\n")
            assert line.recv(1000)
        client.request("GET", "/api/query?start=1700000000&end=1700000009&m=sum:m")
        [series] = json.loads(client.getresponse().read())
        assert list(series["dps"].values()) == [1, 2, 3, 4, 5]
        assert house.metric("headrace_tls_handshakes_failed_total") == 0
        # Where no listener is without TLS, commands ask over it.
        monkeypatch.setenv("SSL_CERT_FILE", str(house.authority.root))
        sealed = CliRunner().invoke(cli.main, ("seal", f"https://127.0.0.1:{house.all}"))
        assert sealed.output.startswith("sealed through record ")
        monkeypatch.delenv("SSL_CERT_FILE")
        refused = CliRunner().invoke(cli.main, ("seal", f"https://127.0.0.1:{house.all}"))
        assert refused.exit_code
        assert "CERTIFICATE_VERIFY_FAILED" in refused.output


@pytest.mark.peer("curl")
def test_curl_comes_with_the_right_authority_and_not_without(tmp_path: Path) -> None:
    with started(tmp_path) as house:
        url = f"https://127.0.0.1:{house.points}/api/put"
        curl = ["curl", "-sS", "-w", "%{http_code}", "-d", PUT.decode(), url]
        assert run(*curl, "--cacert", str(house.authority.root)).stdout == b"204"
        stranger = Authority(tmp_path, "stranger")
        assert run(*curl, "--cacert", str(stranger.root)).returncode == 60
        assert run(*curl, "-k", "--tls-max", "1.1").returncode == 35
        asked = [*curl[:-1], f"https://127.0.0.1:{house.agents}/api/put", "--cacert", str(house.authority.root)]
        assert run(*asked).returncode != 0
        agent = house.authority.issue("agent")
        own = ["--cert", str(agent.certificate), "--key", str(agent.key)]
        assert run(*asked, *own).stdout == b"204"
        assert house.server.says("TLS handshake failed")
        assert house.metric('headrace_tls_handshakes_failed_total{reason="refused-by-client"}') == 1
        assert house.metric('headrace_tls_handshakes_failed_total{reason="no-client-certificate"}') == 1


def test_certificates_are_renewed_under_load_and_no_connection_is_dropped(tmp_path: Path) -> None:
    with started(tmp_path) as house:
        assert house.server.process is not None
        stop = threading.Event()
        sent: list[int] = []

        def send() -> None:
            client, count = house.https(), 0
            client.connect()
            client.auto_open = 0  # a connection that was lost is an error, and not made anew
            while not stop.is_set() or count < 50:
                client.request("POST", "/api/put", PUT)
                answer = client.getresponse()
                answer.read()
                assert answer.status == 204
                count += 1
            sent.append(count)

        def serial() -> str:
            client = house.https()
            client.connect()
            assert isinstance(client.sock, ssl.SSLSocket)
            found = client.sock.getpeercert() or {}
            client.close()
            return str(found["serialNumber"])

        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        seen = {serial()}
        for _ in range(3):
            house.authority.issue()
            house.server.process.send_signal(signal.SIGHUP)
            before = len(seen)
            for _ in range(200):
                seen.add(serial())
                if len(seen) > before:
                    break
        (tmp_path / "server.pem").write_text("no certificate")
        house.server.process.send_signal(signal.SIGHUP)
        assert house.server.says("certificate not reloaded")
        assert serial() in seen
        assert house.metric("headrace_tls_certificate_stale") == 4
        assert len(json.loads(house.server.get("/health")[1])["stale_certificates"]) == 4
        stop.set()
        for sender in senders:
            sender.join(60)
        assert len(sent) == 4
        assert len(seen) == 4
        assert house.metric("headrace_tls_certificate_expires_seconds") > 4 * 1_700_000_000
        assert house.server.stop() == 0


def test_a_stop_answers_what_is_under_way(tmp_path: Path) -> None:
    with started(tmp_path) as house:
        assert house.server.process is not None
        client = house.https()
        client.putrequest("POST", "/api/put")
        client.putheader("content-length", str(len(PUT)))
        client.endheaders(PUT[:10])
        idle = house.https()
        idle.request("GET", "/api/version")
        idle.getresponse().read()
        house.server.process.send_signal(signal.SIGTERM)
        assert house.server.says("stopping")
        client.send(PUT[10:])
        answer = client.getresponse()
        assert (answer.status, answer.getheader("connection")) == (204, "close")
        assert idle.sock is not None
        assert idle.sock.recv(10) == b""
        assert house.server.process.wait(20) == 0
