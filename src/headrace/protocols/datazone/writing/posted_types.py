"""The form types that a post brings are remembered with it, so that GetFormType knows them. Nobody can delete them, so
there are only so many."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Protocol

from headrace import limits
from headrace.errors import Refused
from headrace.protocols.datazone import keys
from headrace.protocols.datazone.form_types import (
    DATA_QUALITY,
    DATA_QUALITY_REVISION,
    FIRST_REVISION,
    PostedType,
    posted_type_document,
)
from headrace.protocols.datazone.wire import Form
from headrace.store import Document, DocumentChange


class RemembersTypes(Protocol):
    """What remembering needs of a store (store.Store)."""

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...

    def document_keys(self, kind: str, first: str, end: str) -> list[str]:
        """See store.Store."""
        ...


class PostedTypes:
    """All that are remembered, of all domains. Any thread."""

    def __init__(self, store: RemembersTypes) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._revisions = {key for key in store.document_keys(keys.TYPE, "", keys.END) if keys.names_a_revision(key)}
        self._bytes = sum(map(len, self._revisions))

    def new(self, domain: str, forms: Iterable[Form], now_us: int) -> list[Document]:
        """The documents of types and revisions that the domain has not yet, two each, of the first
        limits.DATAZONE_POST_TYPES_MAX; they count from now on.   now_us: since 1970. Raises Refused (rule "quota") when
        they would be too many, and then none counts."""
        documents = _new_types(self._store, domain, forms, now_us)
        with self._lock:
            added = {one.key for one in documents if keys.names_a_revision(one.key)} - self._revisions
            size = sum(map(len, added))
            if added and len(self._revisions) + len(added) > limits.DATAZONE_TYPES_MAX:
                raise _too_many(f"{limits.DATAZONE_TYPES_MAX} form types and revisions")
            if added and self._bytes + size > limits.DATAZONE_TYPES_BYTES_MAX:
                raise _too_many(f"{limits.DATAZONE_TYPES_BYTES_MAX} bytes of names of form types")
            self._revisions |= added
            self._bytes += size
        return documents

    def forget(self, changes: Iterable[DocumentChange]) -> None:
        """Of documents that `new` made and that were not kept."""
        with self._lock:
            gone = {one.key for one in changes if isinstance(one, Document) and one.kind == keys.TYPE} & self._revisions
            self._revisions -= gone
            self._bytes -= sum(map(len, gone))


def _too_many(what: str) -> Refused:
    return Refused("quota", f"At most {what} are remembered: post with one that is there already")


def _new_types(store: RemembersTypes, domain: str, forms: Iterable[Form], now_us: int) -> list[Document]:
    found: list[Document] = []
    for type_id, revision in dict.fromkeys((form.type_id, _revision(form)) for form in forms):
        key = keys.type_key(domain, type_id, revision)
        if (type_id, revision) == (DATA_QUALITY, DATA_QUALITY_REVISION) or store.document(keys.TYPE, key) is not None:
            continue
        if any("\ud800" <= character <= "\udfff" for character in revision):
            continue  # no URL can ask for it
        document = posted_type_document(PostedType(revision, now_us))
        found.append(Document(keys.TYPE, key, document))
        found.append(Document(keys.TYPE, keys.type_key(domain, type_id), document))
        if len(found) == 2 * limits.DATAZONE_POST_TYPES_MAX:
            break
    return found


def _revision(form: Form) -> str:
    if form.type_revision is not None:
        return form.type_revision
    return DATA_QUALITY_REVISION if form.type_id == DATA_QUALITY else FIRST_REVISION
