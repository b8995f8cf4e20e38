"""Our own pages: they say what is true of the store, and nothing of what it holds."""

from __future__ import annotations

import httpx
import pytest

from headrace import __version__
from headrace.errors import Refused
from headrace.metrics import Metrics
from headrace.rooms import ABOUT_ROOMS
from headrace.status import refuse, status_room


async def get(path: str, refusing: str | None = None, damaged: tuple[str, ...] = ()) -> httpx.Response:
    room = status_room(lambda: refusing, lambda: list(damaged), Metrics(), ABOUT_ROOMS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(room.app), base_url="http://headrace") as client:
        return await client.get(path)


async def test_health_is_200_while_points_are_taken() -> None:
    answer = await get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "version": __version__})


async def test_health_is_503_with_the_reason_while_not() -> None:
    answer = await get("/health", refusing="the disk is full")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the disk is full"
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("refusing", [None, "the disk is full"])
async def test_health_names_what_was_set_aside(refusing: str | None) -> None:
    answer = await get("/health", refusing, ("segments/points-1.parquet: is missing",))
    assert answer.status_code == (503 if refusing else 200), "the rest is served"
    assert answer.json()["damaged"] == ["segments/points-1.parquet: is missing"]


async def test_health_names_certificates_that_wait() -> None:
    room = status_room(lambda: None, list, Metrics(), ABOUT_ROOMS, (), lambda: ["127.0.0.1:4242"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(room.app), base_url="http://headrace") as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()["stale_certificates"]) == (200, ["127.0.0.1:4242"])


async def test_health_names_settings_that_do_not_hold() -> None:
    room = status_room(lambda: None, list, Metrics(), ABOUT_ROOMS, (), list, lambda: ["retention: not as it says"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(room.app), base_url="http://headrace") as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()["outranked_settings"]) == (200, ["retention: not as it says"])


async def test_health_names_tokens_that_cannot_be_read() -> None:
    room = status_room(lambda: None, list, Metrics(), ABOUT_ROOMS, tokens=lambda: ["access.sqlite cannot be read"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(room.app), base_url="http://headrace") as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.json()["tokens"]) == (200, ["access.sqlite cannot be read"])


async def test_metrics_are_what_prometheus_reads() -> None:
    answer = await get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "\nheadrace_store_read_only " in answer.text


async def test_the_first_page_names_every_room() -> None:
    text = (await get("/")).text
    for example in (
        "/api/put",
        "/api/query",
        "/health",
        "/metrics",
        "put <metric>",
        "/apollo/devices/<id>/",
        "aws datazone",
    ):
        assert example in text
    for room in ABOUT_ROOMS:
        for line, meaning in (*room.send, *room.ask):
            assert f"  {line} " in text
            assert meaning in text
    assert "object at 0x" not in text
    assert "built-in" not in text


async def test_what_is_not_there_is_404() -> None:
    assert (await get("/nowhere")).status_code == 404


def test_a_refusal_before_the_page_is_plain_json() -> None:
    status, headers, body = refuse(413, Refused("body-too-large", "too large"))
    assert (status, headers, body) == (413, [(b"content-type", b"application/json")], b'{"error": "too large"}')
