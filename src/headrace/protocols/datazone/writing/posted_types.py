"""The form types that a post brings are remembered with it, so that GetFormType knows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from headrace import limits
from headrace.protocols.datazone import keys
from headrace.protocols.datazone.form_types import (
    DATA_QUALITY,
    DATA_QUALITY_REVISION,
    FIRST_REVISION,
    PostedType,
    posted_type_document,
)
from headrace.protocols.datazone.wire import Form
from headrace.store import Document


class RemembersTypes(Protocol):
    """What remembering needs of a store (store.Store)."""

    def document(self, kind: str, key: str) -> bytes | None:
        """See store.Store."""
        ...


def new_types(store: RemembersTypes, domain: str, forms: Iterable[Form], now_us: int) -> list[Document]:
    """The documents of types and revisions that the domain has not yet, two each, of the first
    limits.DATAZONE_POST_TYPES_MAX.   now_us: since 1970."""
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
