"""Documents against a plain dict, their record, and the catalog."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Corrupt
from headrace.store import Document, DocumentChange, DocumentRange
from headrace.store.catalog import Catalog
from headrace.store.documents import Documents
from headrace.store.records import (
    RecordType,
    StoredRecord,
    decode_document,
    decode_document_range,
    encode_document_change,
)

KINDS = st.sampled_from("ab")
NAMES = st.text(max_size=3)
DOCUMENTS = st.builds(Document, KINDS, NAMES, st.one_of(st.none(), st.binary(max_size=5)))
CHANGES = st.lists(st.one_of(DOCUMENTS, DOCUMENTS, st.builds(DocumentRange, KINDS, NAMES, NAMES)))


class Held(dict[tuple[str, str], bytes]):
    """What the changes leave, by the words of the contract."""

    def apply(self, changes: list[DocumentChange]) -> None:
        for change in changes:
            match change:
                case DocumentRange(kind, first, end):
                    for name in [name for name in self if name[0] == kind and first <= name[1] < end]:
                        del self[name]
                case Document(kind, key, None):
                    self.pop((kind, key), None)
                case Document(kind, key, bytes(body)):
                    self[kind, key] = body


@given(CHANGES, NAMES, NAMES, st.one_of(st.none(), st.integers(0, 3)), st.booleans())
def test_they_are_a_dict_in_the_order_of_its_keys(
    changes: list[DocumentChange], first: str, end: str, limit: int | None, backwards: bool
) -> None:
    documents, held = Documents(), Held()
    documents.apply(changes)
    held.apply(changes)
    for kind in "ab":
        wanted = sorted((key, body) for (of, key), body in held.items() if of == kind and first <= key < end)
        found = documents.between(kind, first, end, limit, backwards)
        assert found == (wanted[::-1] if backwards else wanted)[:limit]
    assert all(documents.get(*name) == body for name, body in held.items())
    assert documents.get("a", "not there") is None


def stored(change: DocumentChange, cut: int | None = None) -> StoredRecord:
    record = encode_document_change(change)
    payload = b"".join(bytes(part) for part in record.payload)[:cut]
    return StoredRecord(7, record.type, np.frombuffer(bytearray(payload), dtype=np.uint8), Path("journal"))


@given(st.builds(Document, st.text(max_size=9), st.text(), st.one_of(st.none(), st.binary())))
def test_a_record_holds_a_change(document: Document) -> None:
    assert stored(document).type == RecordType.DOCUMENT
    assert decode_document(stored(document)) == document
    with pytest.raises(Corrupt):
        decode_document(stored(document, -1))


@given(st.builds(DocumentRange, st.text(max_size=9), st.text(), st.text()))
def test_a_record_holds_a_range(gone: DocumentRange) -> None:
    assert stored(gone).type == RecordType.DOCUMENT_RANGE
    assert decode_document_range(stored(gone)) == gone
    with pytest.raises(Corrupt):
        decode_document_range(stored(gone, -1))


@pytest.mark.parametrize("change", [Document("k" * 70_000, "", None), Document("k", "\ud800", b"")])
def test_names_that_no_record_can_hold_are_refused(change: Document) -> None:
    with pytest.raises(ValueError, match=r"bytes|surrogates"):
        encode_document_change(change)


def test_the_catalog_takes_changes_over(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.change_documents([Document("a", "1", b"x"), Document("a", "2", b"y"), Document("b", "1", b"")])
    catalog.change_documents([Document("a", "1", b"z"), Document("a", "2", None), Document("a", "3", None)])
    catalog.change_documents([Document("a", "4", b"x"), Document("a", "5", b"y"), DocumentRange("a", "3", "5")])
    catalog.close()
    again = Catalog(tmp_path / "catalog.sqlite")
    assert sorted(again.documents()) == [("a", "1", b"z"), ("a", "5", b"y"), ("b", "1", b"")]
    again.close()
