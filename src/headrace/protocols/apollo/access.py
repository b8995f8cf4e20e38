"""What a caller may do: by its grants and collections, as soon as there is a principal; else anything."""

from __future__ import annotations

from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.types import Scope

from headrace.access.authority import Authority
from headrace.access.deeds import Deed
from headrace.access.principals import Principal
from headrace.errors import Refused
from headrace.protocols.apollo.faults import shown
from headrace.protocols.apollo.names import ROOM
from headrace.settings.principals import Collections
from headrace.transport.guarding.guard import is_asked, known_as, principal_of

PERMISSIONS: Final = ("readonly", "readwrite", "admin", "owner")
"""On a collection, the least first; all but the first may write."""


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
    """Who may do what in this room."""

    def __init__(self, authority: Authority, org_id: str) -> None:
        """org_id: the tenant."""
        self._authority = authority
        self._org_id = org_id

    def is_asked(self, scope: Scope) -> bool:
        """Whether the caller is asked who it is."""
        return is_asked(scope, self._authority)

    async def caller(self, scope: Scope, *, writes: bool) -> Caller:
        """Raises Refused with the rules token-missing, token-invalid, credentials-slowed, scope-missing,
        collection-access; Unavailable."""
        given = [value for name, value in scope["headers"] if name == _COLLECTION]
        named = given[-1].decode("utf-8", "replace").strip() if given else ""
        owned = (await self._principal(scope, "write" if writes else "read")).collections
        if owned is None:
            return Caller(named, guarded=False)
        collection = _collection(owned, named)
        if collection is None or (writes and owned.collections[collection] == PERMISSIONS[0]):
            what = f"collection {shown(named or collection or '')}".strip()
            raise Refused("collection-access", f"User does not have access to {what}")
        return Caller(collection, guarded=True)

    async def collections(self, scope: Scope, least: str) -> list[dict[str, Any]]:
        """The caller's collections with at least the permission `least`, as the pages show them. Raises as `caller`,
        and Refused with the rule "permission"."""
        if least not in PERMISSIONS:
            raise Refused("permission", f"minPermission: {shown(least)} is none of {', '.join(PERMISSIONS)}")
        owned = (await self._principal(scope, "read")).collections or Collections()
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
            for name, permission in owned.collections.items()
            if permission in enough
        ]

    async def _principal(self, scope: Scope, deed: Deed) -> Principal:
        """Raises Refused in the words of the pages."""
        try:
            principal = await principal_of(scope, self._authority)
        except Refused as refused:
            if refused.rule == "credentials-missing":
                words = "No access token: Authorization: Bearer {access_token} is needed"
                raise Refused("token-missing", words) from refused
            if refused.rule == "credentials-invalid":
                raise Refused("token-invalid", "Invalid token") from refused
            raise
        if not principal.may(deed, ROOM):
            raise Refused("scope-missing", f"Scope apollo_{deed} is missing")
        known_as(scope, principal)
        return principal


def _collection(owned: Collections, named: str) -> str | None:
    """By its name or id; without either its owner's default."""
    if not named:
        return owned.default()
    by_id = {collection_id(name): name for name in owned.collections}
    return named if named in owned.collections else by_id.get(named.lower())


_COLLECTION: Final = b"ercollectionid"


def collection_id(name: str) -> str:
    """The GUID of a collection."""
    return str(_id_of("collection", name))


def _id_of(what: str, name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"headrace:apollo:{what}:{name}")
