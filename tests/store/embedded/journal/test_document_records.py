"""The records of documents and of ranges of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import Corrupt
from headrace.store import Document, DocumentChange, DocumentRange
from headrace.store.embedded.journal.records import (
    RecordType,
    StoredRecord,
    decode_document_change,
    encode_document_change,
)


def stored(change: DocumentChange, cut: int | None = None) -> StoredRecord:
    record = encode_document_change(change)
    payload = b"".join(bytes(part) for part in record.payload)[:cut]
    return StoredRecord(7, record.type, np.frombuffer(bytearray(payload), dtype=np.uint8), Path("journal"))


@given(st.builds(Document, st.text(max_size=9), st.text(), st.one_of(st.none(), st.binary())))
def test_a_record_holds_a_change(document: Document) -> None:
    assert stored(document).type == RecordType.DOCUMENT
    assert decode_document_change(stored(document)) == document
    with pytest.raises(Corrupt):
        decode_document_change(stored(document, -1))


@given(st.builds(DocumentRange, st.text(max_size=9), st.text(), st.text()))
def test_a_record_holds_a_range(gone: DocumentRange) -> None:
    assert stored(gone).type == RecordType.DOCUMENT_RANGE
    assert decode_document_change(stored(gone)) == gone
    with pytest.raises(Corrupt):
        decode_document_change(stored(gone, -1))


@pytest.mark.parametrize("change", [Document("k" * 70_000, "", None), Document("k", "\ud800", b"")])
def test_names_that_no_record_can_hold_are_refused(change: Document) -> None:
    with pytest.raises(ValueError, match=r"bytes|surrogates"):
        encode_document_change(change)
