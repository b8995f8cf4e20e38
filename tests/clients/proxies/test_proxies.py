"""nginx, HAProxy, Caddy and Traefik before a real server process, by the lines of docs/proxies.md."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from certified import Authority, trusting
from datazone_clients import KEY_ID, SECRET, installed
from serverprocess import ServerProcess, free_port
from test_readme import ROOT, blocks

PAGE = ROOT / "docs" / "proxies.md"
NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
TRAEFIK = ROOT / ".clients" / "traefik" / "bin" / "traefik"

START_S = 20
BODY_BYTES_MAX = 64 << 20

OPERATOR = "0f4b7c1e8d2a5b6c9e3f7a1b2c4d5e6f"


@dataclass
class House:
    """A server behind a proxy, as the page says: `server` is asked past the proxy."""

    server: ServerProcess
    lines: int
    authority: Authority
    agent: str


@dataclass
class Proxy:
    house: House
    https: int
    lines: int | None

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection("127.0.0.1", self.https, timeout=30, context=self._trusting())
        headers = {"Authorization": f"Bearer {self.house.agent}"} | headers
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def line(self) -> ssl.SSLSocket:
        assert self.lines is not None
        connected = socket.create_connection(("127.0.0.1", self.lines), timeout=30)
        return self._trusting().wrap_socket(connected, server_hostname="127.0.0.1")

    def _trusting(self) -> ssl.SSLContext:
        return trusting(self.house.authority.root)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("proxies")
    server, lines = ServerProcess(folder / "data"), free_port()
    toml = block("[[listeners]]").replace("4242", str(server.port)).replace("4343", str(lines))
    settings = tomllib.loads(toml)
    agent = settings["principals"]["agents"]["token"]
    settings["principals"] |= {
        "operator": {"token": OPERATOR, "grants": [{"may": ["admin"]}]},
        "job": {
            "aws_access_key_id": KEY_ID,
            "aws_secret_access_key": SECRET,
            "grants": [{"may": ["read", "write"], "rooms": ["datazone"]}],
        },
    }
    server.flags = ("--listeners", json.dumps(settings["listeners"]))
    server.environment = os.environ | {"HEADRACE_PRINCIPALS": json.dumps(settings["principals"])}
    try:
        server.start()
        yield House(server, lines, Authority(folder), agent)
    finally:
        server.kill()


def block(begin: str) -> str:
    [found] = [text for text in blocks(PAGE) if text.startswith(begin)]
    return found


@pytest.fixture(params=["nginx", "haproxy", "caddy", "traefik"])
def proxy(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> Iterator[Proxy]:
    made: Callable[[Proxy, Path], list[str]] = MAKERS[request.param]
    proxy = Proxy(house, free_port(), None if request.param == "caddy" else free_port())
    with running(made(proxy, tmp_path), tmp_path / "log", [port for port in (proxy.https, proxy.lines) if port]):
        wait_until_ready(proxy)
        yield proxy


@contextmanager
def running(command: list[str], log: Path, ports: list[int]) -> Iterator[None]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent)}
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, start_new_session=True, env=environment)
    try:
        deadline = time.monotonic() + START_S
        while ports:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", ports[0])).close()
                ports = ports[1:]
            except OSError:
                time.sleep(0.02)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def placed(text: str, proxy: Proxy) -> str:
    """With the ports and files of the test."""
    files = proxy.house.authority.issue()
    both = files.certificate.with_name("both.pem")
    both.write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    ours: dict[str, object] = {
        "4242": proxy.house.server.port,
        "4343": proxy.house.lines,
        "4243": proxy.lines,
        "443": proxy.https,
        "/etc/ssl/tsdb.example.net.pem": files.certificate,
        "/etc/ssl/tsdb.example.net.key": files.key,
        "/etc/haproxy/tsdb.pem": both,
    }
    return re.sub("|".join(ours), lambda theirs: str(ours[theirs[0]]), text)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed; scripts/peers installs it")
    return found


def nginx(proxy: Proxy, folder: Path) -> list[str]:
    if not NGINX_STREAM.exists():
        pytest.skip(f"nginx has no {NGINX_STREAM}; scripts/peers installs it")
    temporary = "".join(
        f"{name}_temp_path {folder / name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = f"""
load_module {NGINX_STREAM};
{"user root;" if os.getuid() == 0 else ""}
daemon off;
pid {folder / "pid"};
events {{}}
http {{
access_log off;
{temporary}
{block("upstream headrace")}
}}
{block("stream {")}
"""
    (folder / "nginx.conf").write_text(placed(text, proxy))
    return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def haproxy(proxy: Proxy, folder: Path) -> list[str]:
    (folder / "haproxy.cfg").write_text(placed(block("defaults"), proxy))
    return [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]


def caddy(proxy: Proxy, folder: Path) -> list[str]:
    """With a certificate that is there, and where no port below 1024 is opened."""
    site = block("tsdb.example.net {").replace(
        "tsdb.example.net {",
        "https://127.0.0.1:443 {\n    tls /etc/ssl/tsdb.example.net.pem /etc/ssl/tsdb.example.net.key",
    )
    (folder / "Caddyfile").write_text("{\n    admin off\n    auto_https disable_redirects\n}\n" + placed(site, proxy))
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def traefik(proxy: Proxy, folder: Path) -> list[str]:
    (folder / "headrace.yaml").write_text(placed(block("http:"), proxy))
    provider = f"providers: {{file: {{filename: {folder / 'headrace.yaml'}}}}}\n"
    (folder / "traefik.yaml").write_text(placed(block("entryPoints:"), proxy) + provider)
    return [str(installed(TRAEFIK)), f"--configFile={folder / 'traefik.yaml'}"]


MAKERS = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy, "traefik": traefik}


def point(metric: str, second: int, value: float = 1) -> dict[str, object]:
    return {"metric": metric, "timestamp": second, "value": value, "tags": {"host": "a"}}


@pytest.mark.peer("curl")
def test_a_server_behind_a_proxy(proxy: Proxy, tmp_path: Path) -> None:
    house = proxy.house
    name = f"proxied.{proxy.https}"

    # Who sends.
    assert proxy.ask("POST", "/api/put", b"[]", Authorization="")[0] == 401
    assert proxy.ask("POST", "/api/put", json.dumps(point(name, 1_700_000_000)).encode()) == (204, b"")

    # A large body that waits for its 100, the large answer about it, and one that is too large.
    body = tmp_path / "body"
    body.write_text(json.dumps([point(name, 1_700_000_000 + second, 0.5) for second in range(100_000)]))
    assert sent(body, proxy) == "204"
    question = f"/api/query?start=1700000000&end=1700099999&m=none:{name}"
    status, through = proxy.ask("GET", question)
    straight = house.server.request("GET", question, Authorization=f"Bearer {house.agent}")
    assert (status, through) == straight
    assert len(through) > 1_000_000

    os.truncate(body, BODY_BYTES_MAX + 1)
    assert sent(body, proxy) == "413"

    # What is for the operator on the machine alone.
    seal, operator, json_type = "/api/headrace/v1/seal", f"Bearer {OPERATOR}", "application/json"
    sealed = house.server.request("POST", seal, b"{}", Authorization=operator, Content_Type=json_type)
    assert sealed[0] == 200
    status, words = proxy.ask("POST", seal, b"{}", Authorization=operator, Content_Type=json_type)
    assert (status, b"not through a proxy" in words) == (403, True)

    # Signed by AWS's own client, Host and all.
    datazone = boto3.client(
        "datazone",
        region_name="us-east-1",
        endpoint_url=f"https://127.0.0.1:{proxy.https}",
        verify=str(house.authority.root),
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )
    asset = {"domainIdentifier": "dzd_abc123", "entityType": "ASSET", "entityIdentifier": "orders"}
    listed = datazone.list_time_series_data_points(**asset, formName="dq")
    assert listed["items"] == []


def test_lines_behind_a_proxy(proxy: Proxy) -> None:
    if proxy.lines is None:
        return  # Caddy hands on none
    house, name = proxy.house, f"lines.{proxy.lines}"
    with proxy.line() as line:
        line.sendall(f"put {name} 1700000000 1 host=a\nversion\n".encode())
        assert line.recv(100).startswith(b"net.opentsdb")
        line.sendall(f"put {name} 1700000001 2 host=a\n".encode())
    question = f"/api/query?start=1700000000&end=1700000009&m=none:{name}"
    deadline = time.monotonic() + 10
    values: list[float] = []
    while len(values) < 2 and time.monotonic() < deadline:
        body = house.server.request("GET", question, Authorization=f"Bearer {house.agent}")[1]
        values = list(json.loads(body)[0]["dps"].values())
    assert values == [1, 2]


def sent(body: Path, proxy: Proxy) -> str:
    """The status that curl heard, which sends until it hears one."""
    command = ["curl", "-sS", "--cacert", str(proxy.house.authority.root), "-o", os.devnull, "-w", "%{http_code}"]
    command += ["-H", f"Authorization: Bearer {proxy.house.agent}", "-H", "Expect: 100-continue"]
    command += ["--expect100-timeout", "30", "-T", str(body), "-X", "POST", f"https://127.0.0.1:{proxy.https}/api/put"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stdout


def wait_until_ready(proxy: Proxy) -> None:
    """HAProxy and Traefik listen before they know where to, Traefik with a certificate of its own making."""
    deadline = time.monotonic() + START_S
    while not is_ready(proxy):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_ready(proxy: Proxy) -> bool:
    try:
        if proxy.lines is not None:
            proxy.line().close()
        return proxy.ask("GET", "/health")[0] == 200
    except OSError:
        return False
