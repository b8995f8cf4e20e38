"""boto3 against a real server that checks its signatures: each operation, errors, pages, retries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from datazone_clients import CONTENT, DOMAIN, KEY_ID, PREFIX, SECRET, SETTINGS, SUMMARY, TYPE, proxied
from serverprocess import ServerProcess, running

WHEN = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with running(tmp_path_factory.mktemp("boto3") / "data", **SETTINGS) as server:
        yield server


def client(url: str, secret: str = SECRET, **config: Any) -> Any:
    return boto3.client(
        "datazone",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=secret,
        config=Config(retries={"mode": "standard"}, **config),
    )


@pytest.fixture(scope="module")
def datazone(server: ServerProcess) -> Any:
    return client(f"http://127.0.0.1:{server.port}")


def at(entity: str, entity_type: str = "ASSET") -> dict[str, str]:
    return {"domainIdentifier": DOMAIN, "entityIdentifier": entity, "entityType": entity_type}


def form(name: str = "dq", timestamp: datetime = WHEN, **members: str) -> dict[str, Any]:
    return {"formName": name, "typeIdentifier": TYPE, "timestamp": timestamp, **members}


def test_post_list_get_delete(datazone: Any) -> None:
    name = "my form/é+&%41"
    posted = datazone.post_time_series_data_points(
        **at("life"), forms=[form(name, typeRevision="8", content=CONTENT), form("bare", WHEN.replace(microsecond=0))]
    )
    assert posted["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert len(posted["ResponseMetadata"]["RequestId"]) == 36
    assert (posted["domainId"], posted["entityId"], posted["entityType"]) == (DOMAIN, "life", "ASSET")
    first, bare = posted["forms"]
    assert {**first, "id": ""} == {**form(name, typeRevision="8", content=CONTENT), "id": ""}
    assert {**bare, "id": ""} == {**form("bare", WHEN.replace(microsecond=0)), "id": ""}

    [item] = datazone.list_time_series_data_points(**at("life"), formName=name)["items"]
    assert item == {**{k: v for k, v in first.items() if k != "content"}, "contentSummary": SUMMARY}
    got = datazone.get_time_series_data_point(**at("life"), formName=name, identifier=first["id"])
    assert got["form"] == first
    assert got["formName"] == name

    deleted = datazone.delete_time_series_data_points(**at("life"), formName=name)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert datazone.list_time_series_data_points(**at("life"), formName=name)["items"] == []
    assert len(datazone.list_time_series_data_points(**at("life"), formName="bare")["items"]) == 1


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), None),
        (datetime(1, 1, 2, tzinfo=UTC), None),
        (datetime(9999, 12, 30, 1, 2, 3, tzinfo=UTC), None),
        (
            datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            datetime(2024, 1, 1, 21, 30, tzinfo=UTC),
        ),
    ],
)
def test_timestamps(datazone: Any, stamp: datetime, utc: datetime | None) -> None:
    [posted] = datazone.post_time_series_data_points(**at("times"), forms=[form(timestamp=stamp)])["forms"]
    assert posted["timestamp"] == (utc or stamp)


@pytest.mark.parametrize("content", ["x" * 500_000, "😀" * 500_000, "\ud800", '\0\u2028\\"', ""], ids=range(5))
def test_contents(datazone: Any, content: str) -> None:
    [posted] = datazone.post_time_series_data_points(**at("contents"), forms=[form(content=content)])["forms"]
    got = datazone.get_time_series_data_point(**at("contents"), formName="dq", identifier=posted["id"])
    assert got["form"]["content"] == content


def test_pages(datazone: Any) -> None:
    forms = [form(timestamp=WHEN + timedelta(microseconds=number)) for number in range(117)]
    datazone.post_time_series_data_points(**at("pages"), forms=forms)
    paginator = datazone.get_paginator("list_time_series_data_points")
    for size in (None, 50, 7):
        pages = list(paginator.paginate(**at("pages"), formName="dq", PaginationConfig={"PageSize": size}))
        stamps = [item["timestamp"] for page in pages for item in page["items"]]
        assert stamps == sorted((each["timestamp"] for each in forms), reverse=True)
        assert len(pages) == -(-117 // (size or 50))
    some = paginator.paginate(
        **at("pages"),
        formName="dq",
        startedAt=WHEN + timedelta(microseconds=10),
        endedAt=WHEN + timedelta(microseconds=20),
        PaginationConfig={"PageSize": 4, "MaxItems": 9},
    ).build_full_result()
    assert [item["timestamp"] for item in some["items"]] == [
        WHEN + timedelta(microseconds=number) for number in range(20, 11, -1)
    ]
    assert some["NextToken"]


def test_errors_are_the_models_exceptions(datazone: Any) -> None:
    exceptions = datazone.exceptions
    with pytest.raises(exceptions.ResourceNotFoundException) as missing:
        datazone.get_time_series_data_point(**at("errors"), formName="dq", identifier="athp9dyw75gzhj")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(exceptions.ValidationException, match="2 validation errors detected") as invalid:
        datazone.post_time_series_data_points(**at("errors", "LISTINGS"), forms=[form("x" * 129)])
    assert invalid.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(exceptions.ValidationException, match="between 1 and 50"):
        datazone.list_time_series_data_points(**at("errors"), formName="dq", maxResults=51)
    with pytest.raises(exceptions.ValidationException, match="/entityIdentifier"):
        datazone.list_time_series_data_points(**at("a/b"), formName="dq")
    with pytest.raises(exceptions.ServiceQuotaExceededException, match="4001 forms"):
        datazone.post_time_series_data_points(**at("errors"), forms=[form("f")] * 4001)
    datazone.post_time_series_data_points(**at("errors"), forms=[form()], clientToken="mine")
    with pytest.raises(exceptions.ConflictException):
        datazone.post_time_series_data_points(**at("errors"), forms=[form("other")], clientToken="mine")


def test_a_job_that_asks_for_the_form_type_first(datazone: Any) -> None:
    """The catalog's operations are the service's own: they fail in words that say so, and never as "not found"."""
    form_type = datazone.get_form_type(domainIdentifier=DOMAIN, formTypeIdentifier=TYPE)
    assert (form_type["name"], form_type["status"]) == (TYPE, "ENABLED")
    assert "passingPercentage" in form_type["model"]["smithy"]
    [posted] = datazone.post_time_series_data_points(**at("job"), forms=[form(typeRevision=form_type["revision"])])[
        "forms"
    ]
    assert posted["typeRevision"] == form_type["revision"]
    with pytest.raises(datazone.exceptions.ResourceNotFoundException, match="mine is not found"):
        datazone.get_form_type(domainIdentifier=DOMAIN, formTypeIdentifier="mine")
    for call, asked in (
        (datazone.get_asset, {"identifier": "job"}),
        (datazone.search, {"searchScope": "ASSET", "searchText": "orders"}),
    ):
        with pytest.raises(ClientError, match="Ask Amazon DataZone itself") as refused:
            call(domainIdentifier=DOMAIN, **asked)
        assert refused.value.response["Error"]["Code"] == "UnknownOperationException"
        assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_whoever_signs_wrongly_is_told(server: ServerProcess) -> None:
    url = f"http://127.0.0.1:{server.port}"
    for stranger, code in (
        (client(url, secret="guess"), "InvalidSignatureException"),
        (client(url, signature_version=UNSIGNED), "MissingAuthenticationTokenException"),
    ):
        with pytest.raises(ClientError) as refused:
            stranger.list_time_series_data_points(**at("secret"), formName="dq")
        assert refused.value.response["Error"]["Code"] == code
    assert server.says("request denied")
    assert SECRET not in server.log.read_text()


@pytest.mark.parametrize("failure", ["refuse", "lose", "drop"])
def test_a_retried_post_is_stored_once(server: ServerProcess, failure: str) -> None:
    """Behind a prefix: the proxy hands on the path as it was signed."""
    with proxied(server) as proxy:
        retrying = client(proxy.url + PREFIX)
        proxy.failures.append(failure)
        [posted] = retrying.post_time_series_data_points(**at(f"retry-{failure}"), forms=[form()])["forms"]
        (line, first, body), (_, second, same_body) = proxy.seen
        assert line.startswith(f"POST {PREFIX}/v2/domains/")
        assert same_body == body
        assert json.loads(body)["clientToken"]
        assert (first["amz-sdk-request"], second["amz-sdk-request"]) == ("attempt=1; max=3", "attempt=2; max=3")
        [item] = retrying.list_time_series_data_points(**at(f"retry-{failure}"), formName="dq")["items"]
        assert item["id"] == posted["id"]
        proxy.failures.append(failure)
        assert (
            retrying.delete_time_series_data_points(**at(f"retry-{failure}"), formName="dq")["ResponseMetadata"][
                "HTTPStatusCode"
            ]
            == 204
        )


def test_a_kill_between_a_post_and_its_retry_costs_nothing_and_adds_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data") as server:
        datazone = client(f"http://127.0.0.1:{server.port}")
        request = {**at("killed"), "forms": [form(content=CONTENT)], "clientToken": "once"}
        first = datazone.post_time_series_data_points(**request)
        server.kill()
        server.start()
        again = datazone.post_time_series_data_points(**request)
        assert again["forms"] == first["forms"]
        [item] = datazone.list_time_series_data_points(**at("killed"), formName="dq")["items"]
        assert item["id"] == first["forms"][0]["id"]
        with pytest.raises(datazone.exceptions.ConflictException):
            datazone.post_time_series_data_points(**{**request, "forms": [form()]})
        [answer] = server.query(start=0, queries=[{"metric": "dq.passingPercentage", "aggregator": "sum"}])
        assert list(answer["dps"].values()) == [88.0]
        datazone.delete_time_series_data_points(**at("killed"), formName="dq")
        server.kill()
        server.start()
        assert datazone.list_time_series_data_points(**at("killed"), formName="dq")["items"] == []
        assert server.get("/api/suggest?type=metrics&q=dq") == (200, b"[]")
