"""Tokens of `headrace token`, made, expired, rotated and revoked while curl and Grafana's calls use them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from asking_server import Asking, asking
from click.testing import CliRunner
from test_curl_with_credentials import curl
from test_grafana_with_credentials import CALLS, ask

from headrace import cli

pytestmark = pytest.mark.peer("curl")

POINT = {"metric": "sys.cpu", "timestamp": 1_700_000_000, "value": 1, "tags": {"k": "v"}}

ENDS_WITHIN_S = 20
"""A running server knows within a second; a loaded machine takes longer."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(tmp_path_factory.mktemp("stored")) as house:
        assert house.server.put([{**POINT, "tags": {"host": "a"}}])[0] == 204
        yield house


def headrace(house: Asking, *arguments: str) -> str:
    """What `headrace token` prints."""
    said = CliRunner().invoke(cli.main, ["token", *arguments, "--data-dir", str(house.server.data_dir)])
    assert said.exit_code == 0, said.output
    return said.stdout.strip()


def made(house: Asking, name: str, *options: str) -> str:
    return headrace(house, "create", name, "--may", "read", "--may", "write", *options)


def by_curl(house: Asking, token: str, scheme: str = "http") -> list[int]:
    """Statuses of a put, a question, and one to Apollo's room."""
    samples = "/apollo/devices/d/timeseries/samples?timeseriesIds=a"
    asked = ("/api/put", "/api/v1/metricnames", samples)
    bodies: tuple[list[str], ...] = (["--json", json.dumps(POINT)], [], [])
    return [
        curl(house, "--oauth2-bearer", token, *body, house.url(scheme) + where)[0]
        for where, body in zip(asked, bodies, strict=True)
    ]


def by_grafana(house: Asking, token: str) -> set[int]:
    """Statuses of all of its calls."""
    return {ask(house, method, path, body, f"Bearer {token}")[0] for _, method, path, body in CALLS}


def ends(house: Asking, token: str) -> bool:
    deadline = time.monotonic() + ENDS_WITHIN_S
    while by_curl(house, token)[1] == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    return by_curl(house, token)[:2] == [401, 401]


def is_known(house: Asking, token: str) -> None:
    for scheme in ("http", "https"):
        put, asked, apollo = by_curl(house, token, scheme)
        assert (put, asked) == (204, 200)
        assert apollo not in (401, 403)
    assert by_grafana(house, token) == {200}


def is_unknown(house: Asking, token: str) -> None:
    """After ten in a minute the next ones wait."""
    assert set(by_curl(house, token, "https")) <= {401, 429}
    assert by_grafana(house, token) <= {401, 429}


def test_one_that_is_revoked(house: Asking) -> None:
    token, other = made(house, "revoked"), made(house, "kept")
    is_known(house, token)
    headrace(house, "revoke", "revoked")
    assert ends(house, token)
    is_unknown(house, token)
    is_known(house, other)


def test_one_that_expires(house: Asking) -> None:
    token = made(house, "expires", "--expires", "8s")
    is_known(house, token)
    assert ends(house, token)
    is_unknown(house, token)


def test_one_that_is_rotated(house: Asking) -> None:
    old = made(house, "rotated")
    is_known(house, old)
    new = headrace(house, "rotate", "rotated", "--overlap", "0")
    is_known(house, new)
    assert ends(house, old)
    is_unknown(house, old)


def test_no_secret_is_in_the_log(house: Asking) -> None:
    token = made(house, "hidden")
    is_known(house, token)
    headrace(house, "revoke", "hidden")
    assert ends(house, token)
    assert token.rpartition("_")[2] not in house.server.log.read_text()
