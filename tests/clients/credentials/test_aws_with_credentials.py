"""boto3 and the aws CLI with keys that are right, wrong, unknown, granted too little, or none; with TLS and not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from asking_server import KEY_ID, READER_KEY_ID, READER_SECRET, SECRET, WRONG, Asking, asking
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from datazone_clients import DOMAIN, ROOT, TYPE, environment, installed

WHERE: Final = {"domainIdentifier": DOMAIN, "entityIdentifier": "asset01", "entityType": "ASSET"}
UNKNOWN: Final = "UnrecognizedClientException"
CASES: Final = [
    # key id, secret, what a post is told, what a list is told; None: it went well
    (KEY_ID, SECRET, None, None),
    (KEY_ID, WRONG, "InvalidSignatureException", "InvalidSignatureException"),
    ("AKIDNOBODY", SECRET, UNKNOWN, UNKNOWN),
    (READER_KEY_ID, READER_SECRET, "AccessDeniedException", None),
    (READER_KEY_ID, SECRET, "InvalidSignatureException", "InvalidSignatureException"),
    ("", "", "MissingAuthenticationTokenException", "MissingAuthenticationTokenException"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(tmp_path_factory.mktemp("aws")) as house:
        yield house


def heard(call: Any, **asked: Any) -> str | None:
    """The code of the error; None for none."""
    try:
        call(**WHERE, **asked)
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return None


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("key_id", "secret", "posted", "listed"), CASES)
def test_boto3(house: Asking, scheme: str, key_id: str, secret: str, posted: str | None, listed: str | None) -> None:
    client = boto3.client(
        "datazone",
        endpoint_url=house.url(scheme),
        region_name="us-east-1",
        aws_access_key_id=key_id or KEY_ID,
        aws_secret_access_key=secret or SECRET,
        verify=str(house.authority.root),
        config=Config(retries={"mode": "standard"}, **({} if key_id else {"signature_version": UNSIGNED})),
    )
    form = {"formName": "dq", "typeIdentifier": TYPE, "timestamp": datetime(2024, 1, 2, tzinfo=UTC)}
    assert heard(client.post_time_series_data_points, forms=[form]) == posted
    assert heard(client.list_time_series_data_points, formName="dq") == listed


@pytest.mark.parametrize("version", [1, 2])
def test_the_cli(house: Asking, version: int, tmp_path: Path) -> None:
    home = Path(sys.executable).parent / "aws" if version == 1 else ROOT / ".clients" / "aws-cli-2" / "dist" / "aws"
    command = [
        *(str(installed(home)), "datazone", "list-time-series-data-points", "--form-name", "dq"),
        *("--domain-identifier", DOMAIN, "--entity-identifier", "asset01", "--entity-type", "ASSET"),
        *("--endpoint-url", house.url("https"), "--ca-bundle", str(house.authority.root)),
    ]
    for key_id, secret, _, listed in CASES[:3]:
        keys = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
        done = subprocess.run(
            command, env=environment(tmp_path, **keys), capture_output=True, text=True, timeout=60, check=False
        )
        if listed is None:
            assert "items" in json.loads(done.stdout), done.stderr
        else:
            assert done.returncode in (254, 255)
            assert f"({listed})" in done.stderr
