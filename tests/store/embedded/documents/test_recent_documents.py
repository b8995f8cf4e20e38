"""Changes of documents in memory: what they say of the file, and what is forgotten once the file holds it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.store import Document, DocumentRange
from headrace.store.embedded.documents.recent import RecentDocuments

LETTERS = "abcdefgh"
KEYS = st.sampled_from(LETTERS)


@given(st.lists(st.builds(DocumentRange, st.sampled_from("kl"), KEYS, KEYS)), KEYS, KEYS)
def test_spans_are_what_no_range_covers(ranges: list[DocumentRange], first: str, end: str) -> None:
    recent = RecentDocuments()
    recent.apply(ranges, 1)
    spans = recent.not_taken_away("k", first, end)
    covered = [any(gone.kind == "k" and gone.first <= key < gone.end for gone in ranges) for key in LETTERS]
    wanted = [key for key, gone in zip(LETTERS, covered, strict=True) if first <= key < end and not gone]
    assert [key for begin, beyond in spans for key in LETTERS if begin <= key < beyond] == wanted
    for key, gone in zip(LETTERS, covered, strict=True):
        assert recent.get("k", key) == (Document("k", key, None) if gone else None)


def test_a_range_takes_what_came_before_it_and_nothing_later() -> None:
    recent = RecentDocuments()
    recent.apply([Document("k", "a", b"1"), Document("k", "b", b"2"), DocumentRange("k", "a", "c")], 1)
    recent.apply([Document("k", "b", b"3")], 2)
    assert recent.get("k", "a") == Document("k", "a", None)
    assert recent.get("k", "b") == Document("k", "b", b"3")
    assert recent.get("l", "a") is None
    assert recent.between("k", "a", "z") == ([Document("k", "b", b"3")], "a", "z")
    assert recent.all() == ([DocumentRange("k", "a", "c")], [Document("k", "b", b"3")])


def test_a_limit_leaves_out_what_lies_behind_so_many_documents() -> None:
    recent = RecentDocuments()
    a, b, c, d = (Document("k", key, None if key == "b" else b"1") for key in "abcd")
    recent.apply([d, c, b, a], 1)
    assert recent.between("k", "", "z", 2) == ([a, b, c], "", "c\0")
    assert recent.between("k", "", "z", 2, backwards=True) == ([c, d], "c", "z")
    assert recent.between("k", "", "z", 4) == ([a, b, c, d], "", "z")
    assert recent.between("k", "b", "c", 1) == ([b], "b", "c")


def test_what_the_file_holds_is_forgotten_and_nothing_later() -> None:
    recent = RecentDocuments()
    recent.apply([Document("k", "a", b"1"), Document("k", "b", b"2"), DocumentRange("k", "x", "z")], 5)
    recent.apply([Document("k", "a", None), DocumentRange("k", "y", "zz")], 6)
    assert recent.last_sequence == 6
    recent.forget(5)
    assert recent.all() == ([DocumentRange("k", "y", "zz")], [Document("k", "a", None)])
    recent.forget(6)
    assert (len(recent), recent.bytes) == (0, 0)
    assert recent.between("k", "", "z") == ([], "", "z")
