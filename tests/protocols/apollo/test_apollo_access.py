from __future__ import annotations

from typing import Any

import pytest

from headrace.access.authority import Authority
from headrace.access.principals import of_settings
from headrace.config import Settings
from headrace.errors import Refused
from headrace.protocols.apollo.access import Access, Caller, collection_id

EVERY_SCOPE = ("apollo_read", "apollo_write", "read", "write")


def access(**token: Any) -> Access:
    given = {"token": "secret", "scopes": EVERY_SCOPE, "collections": {"a": "owner", "b": "readonly"}}
    said: dict[str, Any] = {"apollo_tokens": {"one": {**given, **token}}}
    return Access(Authority(of_settings(Settings(**said)), lambda: 0), "org")


def sent(headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
    return {"headers": headers, "client": ("127.0.0.1", 1)}


async def caller(access: Access, headers: list[tuple[bytes, bytes]], *, writes: bool) -> Caller:
    return await access.caller(sent(headers), writes=writes)


def bearer(token: str = "secret", collection: str = "a") -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {token}".encode()), (b"ercollectionid", collection.encode())]


async def refusal(access: Access, headers: list[tuple[bytes, bytes]], *, writes: bool) -> str:
    with pytest.raises(Refused) as refused:
        await caller(access, headers, writes=writes)
    return refused.value.rule


@pytest.mark.parametrize("scope", EVERY_SCOPE)
async def test_scopes(scope: str) -> None:
    one = access(scopes=(scope,))
    assert await caller(one, bearer(), writes=False) == Caller("a", guarded=True)
    if "write" in scope:
        assert await caller(one, bearer(), writes=True) == Caller("a", guarded=True)
    else:
        assert await refusal(one, bearer(), writes=True) == "scope-missing"


@pytest.mark.parametrize(
    ("permission", "may_write"), [("readonly", False), ("readwrite", True), ("admin", True), ("owner", True)]
)
async def test_permissions(permission: str, may_write: bool) -> None:
    one = access(collections={"a": permission})
    assert (await caller(one, bearer(), writes=False)).collection == "a"
    if may_write:
        assert (await caller(one, bearer(), writes=True)).collection == "a"
    else:
        assert await refusal(one, bearer(), writes=True) == "collection-access"


async def test_a_collection_is_told_by_name_or_id_or_is_the_tokens_own() -> None:
    one = access(default_collection="b")
    assert (await caller(one, bearer(collection=collection_id("a").upper()), writes=True)).collection == "a"
    assert (await caller(one, bearer()[:1], writes=False)).collection == "b"
    assert await refusal(one, bearer(collection="c"), writes=False) == "collection-access"
    assert await refusal(access(), bearer()[:1], writes=False) == "collection-access"
    assert (await caller(access(collections={"only": "owner"}), bearer()[:1], writes=True)).collection == "only"


@pytest.mark.parametrize("text", ["Bearer", "Bearer ", "Bearer Secret", "Bearer secret1", "secret", "Basic secret", ""])
async def test_no_other_text_is_the_token(text: str) -> None:
    assert await refusal(access(), [(b"authorization", text.encode())], writes=False) == "token-invalid"


async def test_authentication_counts_where_authorization_is_absent() -> None:
    assert await refusal(access(), [], writes=False) == "token-missing"
    old = [(b"authentication", b"bearer  secret"), (b"ercollectionid", b"a")]
    assert (await caller(access(), old, writes=True)).collection == "a"
    assert await refusal(access(), [*old, (b"authorization", b"Bearer other")], writes=True) == "token-invalid"


async def test_without_tokens_everybody_may_everything() -> None:
    everybody = Access(Authority([], lambda: 0), "org")
    assert not everybody.is_asked(sent([]))
    assert access().is_asked(sent([]))
    assert await caller(everybody, [], writes=True) == Caller("", guarded=False)
    assert await caller(everybody, [(b"ercollectionid", b"x")], writes=True) == Caller("x", guarded=False)
    Caller("x", guarded=False).check("y")


def test_a_device_is_of_its_collection() -> None:
    of_a = Caller("a", guarded=True)
    of_a.check(None)
    of_a.check("a")
    of_a.check("", adopts=True)
    for owner, adopts in (("b", True), ("b", False), ("", False)):
        with pytest.raises(Refused, match=r"^User does not have access to device$"):
            of_a.check(owner, adopts=adopts)


async def test_collections_by_least_permission() -> None:
    async def names(least: str) -> list[str]:
        return [one["collectionName"] for one in await access().collections(sent(bearer()), least)]

    assert await names("readonly") == ["a", "b"]
    assert await names("readwrite") == await names("owner") == ["a"]
    with pytest.raises(Refused):
        await names("everything")
