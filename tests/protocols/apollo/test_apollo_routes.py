from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from apollo_room import apollo_room, sample
from structlog.testing import LogCapture

from headrace.errors import Refused, Unavailable
from headrace.protocols.apollo import faults
from headrace.protocols.apollo.routes import segments_of
from headrace.rules import Rule

G = "51922b39-8cd3-9ae3-d42f-6c8fde777e9c"
TOKENS = {"meter": {"token": "w", "scopes": ["write"], "collections": {"plant": "readwrite"}}}


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        (b"/apollo/devices/a%2Fb/timeseries", ["devices", "a/b", "timeseries"]),
        (b"/apollo/devices/a%252Fb/timeseries/", ["devices", "a%2Fb", "timeseries"]),
        (b"/apollo/devices/%C3%A9+%20/x", ["devices", "é+ ", "x"]),
        (b"/apollo/", []),
        (b"/apollo//x", ["", "x"]),
    ],
)
def test_segments_are_decoded_once(path: bytes, segments: list[str]) -> None:
    assert segments_of(path) == segments


def test_a_path_that_is_no_utf_8() -> None:
    with pytest.raises(Refused):
        segments_of(b"/apollo/devices/%FF/timeseries")


@pytest.mark.parametrize("rule", faults.STATUS_OF_RULE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_refusals_are_spelled_by_the_method(rule: Rule, method: str) -> None:
    scope = {"method": method, "headers": [(b"x-correlation-id", b"c")]}
    status, headers, body = faults.refuse(scope, faults.STATUS_OF_RULE[rule], Refused(rule, "words", "GET"))
    names = {"message", "code"} if method in ("GET", "HEAD") else {"Message", "Code"}
    assert json.loads(body)["status"].keys() == names
    assert str(status) in json.loads(body)["status"].values()
    assert (b"x-correlation-id", b"c") in headers


async def test_a_correlation_id_comes_back_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = LogCapture()
    monkeypatch.setattr("headrace.protocols.apollo.routes.log", _bound(logged))
    with apollo_room(tmp_path / "data") as apollo:
        path = "/apollo/devices/d/timeseries/samples"
        asked: list[tuple[str, str, Any, int]] = [
            ("POST", path, [sample(G, 1)], 202),
            ("GET", f"{path}?timeseries_ids={G}", "", 200),
            ("GET", path, "", 400),
            ("GET", "/apollo/x", "", 404),
            ("POST", path, "x", 400),
        ]
        for method, target, body, status in asked:
            reply = await apollo.ask(target, body, method=method, headers={"X-Correlation-Id": "c-17"})
            assert (reply.status, reply.headers["x-correlation-id"]) == (status, "c-17")
        assert [(entry["status"], entry["log_level"]) for entry in logged.entries] == [
            (202, "debug"),
            (200, "debug"),
            (400, "info"),
            (404, "info"),
            (400, "info"),
        ]
        for headers in ({}, {"x-correlation-id": ""}, {"x-correlation-id": "x" * 300}):
            reply = await apollo.ask(path, [sample(G, 1)], headers=headers)
            assert "x-correlation-id" not in reply.headers
        assert len(logged.entries) == 5, "only requests that have one are logged"
        await apollo.ask("/apollo/%0Aforged", method="GET", headers={"x-correlation-id": "c-17"})
        assert logged.entries[-1]["path"] == "/apollo/%0Aforged", "a path makes no lines of its own"
        await apollo.ask("/apollo/x", method="GET", headers={"x-correlation-id": "\x9b31m"})
        assert structlog.contextvars.get_contextvars()["correlation_id"] == r"\xc2\x9b31m", "and an id no colours"


async def test_a_request_that_the_store_can_not_take_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = LogCapture()
    monkeypatch.setattr("headrace.protocols.apollo.routes.log", _bound(logged))
    with apollo_room(tmp_path / "data") as apollo:

        async def full(*_: object) -> int:
            raise Unavailable("the disk is full")

        monkeypatch.setattr(apollo.store, "commit", full)
        assert (await apollo.post("d", [sample(G, 1)], **{"x-correlation-id": "c-19"})).status == 503
        assert [(entry["status"], entry["log_level"]) for entry in logged.entries] == [(503, "info")]


async def test_who_is_denied_is_counted(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data", apollo_tokens=TOKENS) as apollo:
        assert (await apollo.post("d", [sample(G, 1)])).status == 401
        assert (await apollo.post("d", [sample(G, 1)], authorization="Bearer x")).status == 401
        assert (await apollo.post("d", [sample(G, 1)], authorization="Bearer w", ercollectionid="x")).status == 403
        assert (await apollo.post("d", [], authorization="Bearer w")).status == 400
        denied = {
            sample.labels["reason"]: sample.value
            for family in apollo.metrics.requests_denied.collect()
            for sample in family.samples
        }
        assert denied == {"token-missing": 1, "token-invalid": 1, "collection-access": 1}


async def test_our_own_faults_are_in_the_dialect_and_bear_the_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with apollo_room(tmp_path / "data") as apollo:

        async def broken(*_: object) -> int:
            raise ZeroDivisionError

        monkeypatch.setattr(apollo.store, "commit", broken)
        reply = await apollo.post("d", [sample(G, 1)], **{"x-correlation-id": "c-18"})
        assert reply.said[0] == 500
        assert reply.headers["x-correlation-id"] == "c-18"
        assert "Message" in reply.json["status"]


async def test_a_device_from_before_tokens_is_adopted_by_registering(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        [series_id] = await apollo.register("d", ("p", "t"))
        await apollo.store_samples("d", [sample(series_id, 1)])
        await apollo.register("e", ("p", "t"), ercollectionid="plant")
    with apollo_room(tmp_path / "data", apollo_tokens=TOKENS) as apollo:
        bearer = {"authorization": "Bearer w"}
        assert (await apollo.post("d", [sample(series_id, 2)], **bearer)).said == (
            403,
            "User does not have access to device",
        )
        assert await apollo.register("d", ("p", "t"), **bearer) == [series_id]
        assert (await apollo.post("d", [sample(series_id, 2)], **bearer)).status == 202
        await apollo.register("e", ("p", "t"), **bearer)


async def test_head_is_a_get_without_a_body(tmp_path: Path) -> None:
    with apollo_room(tmp_path / "data") as apollo:
        await apollo.store_samples("d", [sample(G, 1)])
        assert (await apollo.ask(f"/apollo/devices/d/timeseries/{G}", method="HEAD")).status == 200


def _bound(capture: LogCapture) -> Any:
    return structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.BoundLogger)
