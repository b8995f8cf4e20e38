"""Whatever a stranger sends: an answer of this dialect, never a fault of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from datazone_room import ASSET, NOW_MS, TYPE, DataZone, datazone_room
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headrace.access.authority import AwsKey
from headrace.access.principals import ANYBODY
from headrace.errors import Refused
from headrace.protocols.datazone.constraints import Violations
from headrace.protocols.datazone.sigv4 import Request, Signatures
from headrace.protocols.datazone.wire import form_json, read_page, read_post, read_query

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
STAMPS = st.floats() | st.integers() | st.sampled_from(["2024-01-02T03:04:05Z", 1.5, -1]) | JSON
FORMS = st.fixed_dictionaries(
    {"formName": ANY_TEXT | JSON, "typeIdentifier": st.just(TYPE) | JSON, "timestamp": STAMPS},
    optional={"typeRevision": ANY_TEXT | JSON, "content": ANY_TEXT | JSON},
)
BODIES = st.fixed_dictionaries({"forms": st.lists(FORMS | JSON, max_size=3) | JSON}, optional={"clientToken": JSON})


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataZone]:
    with datazone_room(tmp_path_factory.mktemp("strangers")) as room:
        yield room


@given(BODIES | JSON)
def test_bodies(body: Any) -> None:
    """What is taken comes back as it was."""
    try:
        post = read_post(json.dumps(body).encode(), Violations())
    except Refused:
        return
    for sent, form in zip(body["forms"], post.forms, strict=True):
        kept = {name: value for name, value in sent.items() if value is not None and name in KNOWN}
        answer = json.loads(form_json(form, "athp9dyw75gzhj"))
        assert answer.pop("id") == "athp9dyw75gzhj"
        assert {**answer, "timestamp": 0} == {**kept, "timestamp": 0}
        if isinstance(sent["timestamp"], int):
            assert answer["timestamp"] == sent["timestamp"]


KNOWN = {"formName", "typeIdentifier", "typeRevision", "timestamp", "content"}


@given(st.binary(max_size=40))
@example(b"\xef\xbb\xbf{}")
@example(b'{"forms":[{"formName":"\xed\xa0\x80"}]}')
@example(b'{"forms":1}'.decode().encode("utf-16"))
@example(b"-")
def test_bytes(body: bytes) -> None:
    with contextlib.suppress(Refused):
        read_post(body, Violations())


@given(st.binary(max_size=40))
@example(b"formName=a&startedAt=0001-01-01T00:00:00-23:59&endedAt=9999-12-31T23:59:59.9999999Z&maxResults=+5")
@example(b"maxResults=" + b"9" * 5000)
def test_queries(query: bytes) -> None:
    with contextlib.suppress(Refused):
        read_page(read_query(query), Violations())


HEADERS = st.sampled_from([b"authorization", b"x-amz-date", b"date", b"host", b"x-amz-\xff"])
AUTHORIZATIONS = st.sampled_from(
    [
        b"AWS4-HMAC-SHA256 Credential=A/0001/r/datazone/aws4_request, SignedHeaders=host, Signature=\xe9",
        b"AWS4-HMAC-SHA256 Credential=A/00010101/r/datazone/aws4_request,SignedHeaders=host;x-amz-\xdf;,Signature==",
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 ,,=,Credential",
        b"00010101T000000Z",
        b"99991231T235959Z",
        b"Mon, 01 Jan 0001 00:00:00 +2359",
        b"Fri, 31 Dec 9999 23:59:59 -2359",
    ]
)


@given(st.lists(st.tuples(HEADERS, AUTHORIZATIONS | st.binary(max_size=20)), max_size=5), st.binary(max_size=20))
@settings(max_examples=300)
def test_signatures(headers: list[tuple[bytes, bytes]], path: bytes) -> None:
    request = Request("GET", b"/" + path, path, headers, b"")
    with pytest.raises(Refused) as refused:
        Signatures({"A": AwsKey("secret", ANYBODY)}.get, "", lambda: NOW_MS).caller(request)
    assert refused.value.rule in ("signature-missing", "signature-incomplete", "signature-invalid", "caller-unknown")


@given(
    st.sampled_from(["GET", "POST", "DELETE", "PUT", "OPTIONS"]),
    st.text(st.characters(codec="ascii", exclude_characters="?# "), max_size=20),
    st.text(st.characters(codec="ascii"), max_size=20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_paths(room: DataZone, method: str, path: str, query: str) -> None:
    for target in (f"/v2/domains/{path}?{query}", f"{ASSET}/{path}?formName={query}"):
        reply = asyncio.run(room.ask(method, target))
        assert reply.status in (200, 204, 400, 404), reply
