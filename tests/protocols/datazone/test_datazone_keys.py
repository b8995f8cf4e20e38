"""Keys of documents: whatever a form is called, its documents are in its own range, newest first."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from headrace.protocols.datazone import keys
from headrace.protocols.datazone.names import Entity
from headrace.protocols.datazone.times import TIME_US_MAX, TIME_US_MIN
from headrace.store import DocumentRange

ENTITY = Entity("dzd_abc123", "ASSET", "asset01")
NAMES = st.text(st.characters(exclude_categories=()), min_size=1, max_size=20)
US = st.integers(TIME_US_MIN, TIME_US_MAX)
IDS = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=14, max_size=14)


def holds(range_: DocumentRange, key: str) -> bool:
    return range_.first <= key < range_.end


@given(NAMES, NAMES)
@example("a", "a/")
@example("a", "a\0")
@example("a", "a%2F")
@example("a/b", "a%2Fb")
@example("a", "a0")
@example("\ud800", "\udc00")
def test_a_forms_range_holds_its_own_documents_and_no_others(name: str, other: str) -> None:
    prefix, strange = keys.form_prefix(ENTITY, name), keys.form_prefix(ENTITY, other)
    assert prefix.isascii()
    assert prefix.isprintable()
    for kind in (keys.FORM, keys.ITEM, keys.SERIES):
        assert holds(keys.below(kind, prefix), prefix + "athp9dyw75gzhj")
        assert holds(keys.below(kind, prefix), strange + "athp9dyw75gzhj") == (name == other)


@given(st.lists(st.tuples(US, IDS), max_size=10))
def test_items_sort_by_falling_time_then_id(forms: list[tuple[int, str]]) -> None:
    by_key = sorted(forms, key=lambda form: keys.item_key("p/", *form))
    assert by_key == sorted(forms, key=lambda form: (-form[0], form[1]))


@given(US, US, US, IDS)
def test_items_between_two_times_both_included(started: int, ended: int, time: int, form_id: str) -> None:
    range_ = keys.items_between("p/", started, ended)
    assert range_.first <= range_.end
    assert holds(range_, keys.item_key("p/", time, form_id)) == (started <= time <= ended)


@given(US, IDS, US, IDS)
def test_what_follows_a_key(time: int, form_id: str, other_time: int, other_id: str) -> None:
    key, other = keys.item_key("p/", time, form_id), keys.item_key("p/", other_time, other_id)
    assert (other >= keys.after(key)) == (other > key)


@given(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)))
def test_series_keys_come_back(key: tuple[int, int]) -> None:
    assert keys.series_of(keys.series_key("p/", key)) == key
