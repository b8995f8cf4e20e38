"""Clients of Java with users and passwords, each in its own way, with TLS and without: KairosDB's has them in its URL,
Alibaba's and Micrometer's in their configuration."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking_server import PASSWORD, USER, WRONG, Asking, asking
from test_java_clients import java

pytestmark = pytest.mark.peer("javac")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Asking]:
    with asking(tmp_path) as house:
        yield house


def trusting(house: Asking, folder: Path) -> list[str]:
    """Options of java that let it believe the server's certificate."""
    store = folder / "trusted.p12"
    command = ["keytool", "-importcert", "-noprompt", "-storetype", "PKCS12", "-storepass", "changeit"]
    subprocess.run(
        [*command, "-keystore", str(store), "-file", str(house.authority.root)], check=True, capture_output=True
    )
    return [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]


@pytest.mark.parametrize("version", ["3.0.0", "3.1.0"])
def test_kairosdb(version: str, house: Asking, tmp_path: Path) -> None:
    """It sends its user and password when it was asked for them, each time anew."""
    users = ("", f"{USER}:{WRONG}", f"reader:{PASSWORD}", f"{USER}:{PASSWORD}")
    urls = [*(house.url("http", user) for user in users), house.url("https", users[-1])]
    heard = java(f"client-{version}", "KairosCredentials.java", tmp_path, *urls, options=trusting(house, tmp_path))
    refused = "UnexpectedResponseException Expected response code to be [200, 204], but was"
    assert heard == [
        f"{refused} 401: Unauthorized, {refused} 401: Unauthorized",
        f"{refused} 401: Unauthorized, {refused} 401: Unauthorized",
        f"{refused} 403: Forbidden, no names",
        "pushed, names",
        "pushed, names",
    ]
    assert house.points("by.kairos") == 1


def test_micrometer(house: Asking, tmp_path: Path) -> None:
    client, program = "micrometer-registry-kairos-1.13.0", "MicrometerDialogue.java"
    url = f"{house.url()}/api/v1/datapoints"
    java(client, program, tmp_path, url, USER, WRONG)
    assert house.points("queue_size") == 0
    java(client, program, tmp_path, url, USER, PASSWORD)
    assert house.points("queue_size") == 1


def test_hitsdb(house: Asking, tmp_path: Path) -> None:
    """Over TLS it believes only servers that do without forward secrecy (it wants the key exchange RSA), and ours is
    none of them."""
    users = (USER, PASSWORD, "reader", PASSWORD, USER, WRONG)
    heard = java("hitsdb-client-0.3.7", "HitsCredentials.java", tmp_path, "127.0.0.1", house.public, *users)
    right, granted_too_little, unknown = heard
    refused = 'HttpServerNotSupportException {"error":{"code":'
    # It asks again and again at once, and so waits like anybody who guesses.
    assert unknown.startswith((f"{refused}401,", f"{refused}429,"))
    assert granted_too_little == f'{refused}403,"message":"reader is not granted write here"}}}}, suggested [by.hits]'
    assert right == "put 1, suggested [by.hits]"
    assert house.points("by.hits") == 1
