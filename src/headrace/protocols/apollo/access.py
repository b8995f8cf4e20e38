"""What a caller may do: by tokens with scopes and collections, if the setting apollo_tokens has any; else anything."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from headrace.config import ApolloToken
from headrace.errors import Refused
from headrace.protocols.apollo.faults import shown

PERMISSIONS: Final = ("readonly", "readwrite", "admin", "owner")
"""On a collection, the least first; all but the first may write."""

_READING: Final = frozenset(("apollo_read", "read", "apollo_write", "write"))
_WRITING: Final = frozenset(("apollo_write", "write"))

RequestHeaders = Iterable[tuple[bytes, bytes]]


class Caller(NamedTuple):
    """The sender of a request. collection: where it looks, "" for nowhere.   guarded: whether that matters."""

    collection: str
    guarded: bool

    def check(self, owner: str | None, *, adopts: bool = False) -> None:
        """Raises Refused (rule "device-access") when a device of the collection `owner` is not the caller's.

        owner: None for a device that is not there.   adopts: a device that is in no collection, from before tokens were
        asked for, may become the caller's.
        """
        if self.guarded and owner is not None and owner != self.collection and not (adopts and not owner):
            raise Refused("device-access", "User does not have access to device")


class Access:
    """The tokens of a server."""

    def __init__(self, tokens: Mapping[str, ApolloToken], org_id: str) -> None:
        """tokens: by a name for the operator.   org_id: the tenant."""
        self._secret = secrets.token_bytes(32)
        # Found by their digests under a secret of this process: how long that takes says nothing about a token.
        self._tokens = {self._digest(token.token.get_secret_value().encode()): token for token in tokens.values()}
        self._org_id = org_id

    @property
    def guarded(self) -> bool:
        """Whether a token is asked for."""
        return bool(self._tokens)

    def caller(self, headers: RequestHeaders, *, writes: bool) -> Caller:
        """Raises Refused with the rules token-missing, token-invalid, scope-missing, collection-access."""
        given = {name: value for name, value in headers if name in (b"authorization", b"authentication", _COLLECTION)}
        named = given.get(_COLLECTION, b"").decode("utf-8", "replace").strip()
        if not self.guarded:
            return Caller(named, guarded=False)
        token = self._token(given)
        if not (_WRITING if writes else _READING) & set(token.scopes):
            raise Refused("scope-missing", f"Scope {'apollo_write' if writes else 'apollo_read'} is missing")
        collection = self._collection(token, named)
        if collection is None or (writes and token.collections[collection] == PERMISSIONS[0]):
            what = f"collection {shown(named or collection or '')}".strip()
            raise Refused("collection-access", f"User does not have access to {what}")
        return Caller(collection, guarded=True)

    def collections(self, headers: RequestHeaders, least: str) -> list[dict[str, Any]]:
        """The caller's collections with at least the permission `least`, as the pages show them. Raises Refused as
        `caller`, and with the rule "permission"."""
        if least not in PERMISSIONS:
            raise Refused("permission", f"minPermission: {shown(least)} is none of {', '.join(PERMISSIONS)}")
        token = self._token(dict(headers))
        if not _READING & set(token.scopes):
            raise Refused("scope-missing", "Scope apollo_read is missing")
        enough = PERMISSIONS[PERMISSIONS.index(least) :]
        tenant = str(_id_of("org", self._org_id))
        return [
            {
                "id": collection_id(name),
                "collectionId": collection_id(name),
                "collectionName": name,
                "vaultId": tenant,
                "vaultName": self._org_id,
                "accountId": tenant,
                "accountName": self._org_id,
            }
            for name, permission in token.collections.items()
            if permission in enough
        ]

    def _token(self, given: Mapping[bytes, bytes]) -> ApolloToken:
        # The tables of the pages name Authentication, their examples send Authorization.
        text = given.get(b"authorization", given.get(b"authentication"))
        if text is None:
            raise Refused("token-missing", "No access token: Authorization: Bearer {access_token} is needed")
        scheme, _, credentials = text.strip().partition(b" ")
        token = self._tokens.get(self._digest(credentials.strip()))
        if token is None or scheme.lower() != b"bearer":
            raise Refused("token-invalid", "Invalid token")
        return token

    def _collection(self, token: ApolloToken, named: str) -> str | None:
        """By its name or id; without either the token's own."""
        if not named:
            return token.default()
        by_id = {collection_id(name): name for name in token.collections}
        return named if named in token.collections else by_id.get(named.lower())

    def _digest(self, token: bytes) -> bytes:
        return blake2b(token, key=self._secret).digest()


_COLLECTION: Final = b"ercollectionid"


def collection_id(name: str) -> str:
    """The GUID of a collection."""
    return str(_id_of("collection", name))


def _id_of(what: str, name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"headrace:apollo:{what}:{name}")
