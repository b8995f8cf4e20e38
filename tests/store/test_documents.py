"""Documents against a plain dict, their record, and the catalog."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Corrupt
from headrace.store.catalog import Catalog
from headrace.store.documents import Document, Documents
from headrace.store.records import RecordType, StoredRecord, decode_document, encode_document

CHANGES = st.lists(
    st.builds(Document, st.sampled_from("ab"), st.text(max_size=3), st.one_of(st.none(), st.binary(max_size=5)))
)


@given(CHANGES, CHANGES, st.text(max_size=2), st.text(max_size=2))
def test_they_are_a_dict_in_the_order_of_its_keys(
    held: list[Document], changes: list[Document], first: str, end: str
) -> None:
    documents, expected = Documents(held), {(d.kind, d.key): d.body for d in held}
    for change in changes:
        documents.apply(change)
        expected[change.kind, change.key] = change.body
    alive = {name: body for name, body in expected.items() if body is not None}
    assert len(documents) == len(alive)
    for kind in "ab":
        wanted = sorted((key, body) for (of, key), body in alive.items() if of == kind and first <= key < end)
        assert documents.between(kind, first, end) == wanted
    pending = documents.pending()
    assert {(d.kind, d.key): d.body for d in changes} == {name: d.body for name, d in pending.items()}
    documents.apply(Document("a", "late", b""))
    documents.taken_over(pending)
    assert documents.pending().keys() == {("a", "late")}


@given(st.builds(Document, st.text(max_size=9), st.text(), st.one_of(st.none(), st.binary())))
def test_a_record_holds_a_change(document: Document) -> None:
    record = encode_document(document)
    payload = np.frombuffer(bytearray(b"".join(bytes(part) for part in record.payload)), dtype=np.uint8)
    stored = StoredRecord(7, RecordType.DOCUMENT, payload, Path("journal"))
    assert decode_document(stored) == document
    with pytest.raises(Corrupt):
        decode_document(StoredRecord(7, RecordType.DOCUMENT, payload[:-1], Path("journal")))


def test_the_catalog_takes_changes_over(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.change_documents([Document("a", "1", b"x"), Document("a", "2", b"y"), Document("b", "1", b"")])
    catalog.change_documents([Document("a", "1", b"z"), Document("a", "2", None), Document("a", "3", None)])
    catalog.close()
    again = Catalog(tmp_path / "catalog.sqlite")
    assert sorted(again.documents()) == [("a", "1", b"z"), ("b", "1", b"")]
    again.close()
