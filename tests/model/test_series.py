"""The series table against a plain dict, beside concurrent registration, and through restore."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.model.series import (
    LOST_NAME,
    UNKNOWN,
    Key,
    NewSeries,
    SeriesName,
    SeriesTable,
    common_tags,
    decode_name,
    encode_name,
    series_name,
)
from headrace.model.series_limits import SeriesLimits

SECRET = np.arange(0x9E3779B97F4A7C15, 0x9E3779B97F4A7C15 + 16, 2, dtype=np.uint64)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.integers(120, 20_000).map(lambda n: "é" * n)
names = st.builds(series_name, texts, st.dictionaries(texts, texts, max_size=9))


def as_keys(*keys: Key) -> NDArray[np.uint64]:
    return np.array(keys, dtype=np.uint64).reshape(len(keys), 2)


@given(names)
def test_a_name_comes_back_from_its_canonical_bytes(name: SeriesName) -> None:
    assert decode_name(encode_name(name)) == name


def test_the_canonical_bytes_are_the_documented_ones() -> None:
    name = series_name("m", {"b": "x" * 200, "a": "ü"})
    assert encode_name(name) == b"\x01m" + b"\x01a" + b"\x02\xc3\xbc" + b"\x01b" + b"\xc8\x01" + b"x" * 200


@given(st.binary(max_size=30))
def test_damaged_canonical_bytes_never_do_worse_than_value_error(damaged: bytes) -> None:
    try:
        name = decode_name(damaged)
    except ValueError:
        return
    assert decode_name(encode_name(name)) == name


@pytest.mark.parametrize("damaged", [b"\x80", b"\x05abc", b"\x01m\x01a", b"\xff\xff\xff\xff\xff\x01a", b"\x01\xff"])
def test_names_that_no_one_encoded_are_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_name(damaged)


@given(names)
def test_the_order_of_tags_does_not_change_a_key(name: SeriesName) -> None:
    table = SeriesTable(SECRET)
    assert table.key_of(name) == table.key_of(series_name(name.metric, dict(reversed(name.tags))))


# Few distinct words, so that keys meet: the same slot, the same tag half with another first word, and the same key
# again.
words = st.integers(0, 3).map(lambda n: n | 0xABCD << 48) | st.integers(0, 2**64 - 1)


@settings(max_examples=200)
@given(st.lists(st.tuples(words, words, st.integers(0, 7)), max_size=300))
def test_the_table_is_a_dict(registrations: list[tuple[int, int, int]]) -> None:
    table = SeriesTable(SECRET)
    oracle: dict[Key, tuple[int, int, SeriesName]] = {}
    for low, high, bit in registrations:
        ordinal, rules, name = oracle.get(
            (low, high), (len(oracle), 0, series_name(f"m{len(oracle)}", {"k": "v" * len(oracle)}))
        )
        oracle[low, high] = (ordinal, rules | 1 << bit, name)
        assert table.register((low, high), name, bit) == ordinal
    assert len(table) == len(oracle)
    asked = [*oracle, *((high, low) for low, high in oracle), (1, 2)]
    ordinals, satisfied = table.lookup(as_keys(*asked))
    absent = (int(UNKNOWN), 0, None)
    assert ordinals.tolist() == [oracle.get(key, absent)[0] for key in asked]
    assert satisfied.tolist() == [oracle.get(key, absent)[1] for key in asked]
    assert table.names(np.arange(len(oracle), dtype=np.uint32)) == [name for _, _, name in oracle.values()]


def random_series(count: int, seed: int = 7) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.uint8]]:
    keys = np.random.default_rng(seed).integers(0, 2**64, (count, 2), dtype=np.uint64)
    encoded = [encode_name(series_name("metric", {"n": str(row)})) for row in range(count)]
    lengths = np.array([len(name) for name in encoded], dtype=np.uint32)
    return keys, lengths, np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8)


def test_registering_many_grows_and_gives_a_repeated_key_one_ordinal() -> None:
    keys, lengths, heap = random_series(5000)
    table = SeriesTable(SECRET)
    twice = table.register_many(np.vstack([keys, keys]), np.tile(lengths, 2), np.tile(heap, 2), 3)
    assert twice.tolist() == [*range(5000)] * 2
    ordinals, satisfied = table.lookup(keys)
    assert ordinals.tolist() == [*range(5000)]
    assert set(satisfied.tolist()) == {1 << 3}
    assert table.name(4999) == series_name("metric", {"n": "4999"})


def test_a_series_too_many_is_refused_and_known_ones_are_not() -> None:
    table = SeriesTable(SECRET, SeriesLimits(2))
    name = series_name("m", {"a": "b"})
    table.register((1, 1), name, 0)
    table.register((2, 2), name, 0)
    with pytest.raises(Refused, match='"m"') as refused:
        table.register((3, 3), name, 0)
    assert refused.value.rule == "series-limit"
    assert table.register((1, 1), name, 1) == 0
    assert len(table) == 2
    assert table.lookup(as_keys((3, 3)))[0].tolist() == [UNKNOWN]


def test_lookups_beside_registrations_find_the_right_ordinal_or_none() -> None:
    """What a lookup finds is right at any moment, and what was registered before it began is found."""
    keys, lengths, heap = random_series(60_000)
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    table = SeriesTable(SECRET)
    failures: list[str] = []
    done = threading.Event()

    def look() -> None:
        expected = np.arange(len(keys), dtype=np.uint32)
        while not done.is_set():
            before = len(table)
            ordinals, _ = table.lookup(keys)
            if np.any((ordinals != expected) & (ordinals != UNKNOWN)):
                failures.append("a wrong ordinal")
            if np.any(ordinals[:before] == UNKNOWN):
                failures.append("a registered series is missing")

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for begin in range(0, len(keys), 500):
            end = begin + 500
            table.register_many(keys[begin:end], lengths[begin:end], heap[starts[begin] : starts[end]], 0)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not failures
    assert table.lookup(keys)[0].tolist() == [*range(len(keys))]


def test_threads_that_register_the_same_series_agree() -> None:
    keys, _, _ = random_series(2000)
    table = SeriesTable(SECRET)
    given_out: list[list[int]] = [[], []]

    def register(mine: list[int]) -> None:
        mine.extend(table.register((int(low), int(high)), series_name(f"m{low}", {}), 0) for low, high in keys)

    threads = [threading.Thread(target=register, args=(mine,)) for mine in given_out]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert given_out[0] == given_out[1]
    assert len(table) == 2000
    assert [name.metric for name in table.names(np.array(given_out[0], dtype=np.uint32))] == [
        f"m{low}" for low, _ in keys
    ]


def test_a_take_gives_each_series_once_and_again_after_it_was_put_back() -> None:
    table = SeriesTable(SECRET)
    assert table.take_unjournaled() is None
    table.register((1, 1), series_name("a", {}), 0)
    table.register((2, 2), series_name("b", {}), 0)
    taken = table.take_unjournaled()
    assert taken is not None
    assert (taken.first, taken.keys.tolist(), taken.lengths.tolist()) == (0, [[1, 1], [2, 2]], [2, 2])
    assert taken.heap.tobytes() == b"\x01a\x01b"
    assert table.take_unjournaled() is None
    table.register((3, 3), series_name("c", {}), 0)
    table.put_back(taken)
    again = table.take_unjournaled()
    assert again is not None
    assert (again.first, again.heap.tobytes()) == (0, b"\x01a\x01b\x01c")


def test_restore_loads_overlapping_pieces_and_new_series_follow() -> None:
    keys, lengths, heap = random_series(3000)
    whole = SeriesTable(SECRET)
    whole.register_many(keys, lengths, heap, 0)
    table = SeriesTable(SECRET)
    for first, end in ((0, 1000), (0, 1000), (500, 2500), (2500, 3000)):
        table.restore(whole.series(first, end))
    ordinals, satisfied = table.lookup(keys)
    assert ordinals.tolist() == [*range(3000)]
    assert not satisfied.any(), "after a restart every rule set looks at the names again"
    assert table.take_unjournaled() is None
    assert table.names(ordinals) == whole.names(ordinals)
    assert table.register((1, 2), series_name("new", {}), 0) == 3000


def test_restore_refuses_what_contradicts_the_table() -> None:
    keys, lengths, heap = random_series(10)
    table = SeriesTable(SECRET)
    table.register_many(keys, lengths, heap, 0)
    other = SeriesTable(SECRET)
    other.register_many(keys[::-1].copy(), lengths, heap, 0)
    with pytest.raises(ValueError, match="other series"):
        table.restore(other.series(0, 10))
    shifted = other.series(0, 10)
    table.reserve(20)
    with pytest.raises(ValueError, match="twice"):
        table.restore(type(shifted)(20, shifted.keys, shifted.lengths, shifted.heap))


def test_lost_ordinals_are_never_given_again() -> None:
    table = SeriesTable(SECRET)
    table.register((1, 1), series_name("a", {}), 0)
    table.take_unjournaled()
    table.reserve(5)
    assert len(table) == 5
    assert table.register((2, 2), series_name("b", {}), 0) == 5
    assert table.names(np.arange(6, dtype=np.uint32)) == [("a", ()), *[LOST_NAME] * 4, ("b", ())]
    taken = table.take_unjournaled()
    assert taken is not None
    assert taken.first == 5
    assert table.lookup(as_keys((0, 0)))[0].tolist() == [UNKNOWN]


def test_lost_names_are_restored_as_lost() -> None:
    table = SeriesTable(SECRET)
    table.register((1, 1), series_name("a", {}), 0)
    table.reserve(4)
    table.register((2, 2), series_name("b", {}), 0)
    table.reserve(7)
    again = SeriesTable(SECRET)
    again.restore(table.series(0, 3))
    again.restore(table.series(1, 7))
    assert again.names(np.arange(7, dtype=np.uint32)) == [("a", ()), *[LOST_NAME] * 3, ("b", ()), *[LOST_NAME] * 2]
    assert again.lookup(as_keys((2, 2)))[0].tolist() == [4]
    assert again.register((3, 3), series_name("c", {}), 0) == 7
    # Who knows a name that is lost here does not contradict.
    named = SeriesTable(SECRET)
    for number, metric in enumerate("axyz"):
        named.register((1 if number == 0 else 10 + number,) * 2, series_name(metric, {}), 0)
    again.restore(named.series(0, 4))
    assert again.names(np.array([1], dtype=np.uint32)) == [LOST_NAME]


def test_encoded_names_are_those_of_the_ordinals_asked_for() -> None:
    keys, lengths, heap = random_series(50)
    table = SeriesTable(SECRET)
    table.register_many(keys, lengths, heap, 0)
    table.reserve(51)
    ordinals = np.array([49, 0, 50, 7, 7], dtype=np.uint32)
    encoded = table.encoded_names(ordinals)
    expected = [b"" if name == LOST_NAME else encode_name(name) for name in table.names(ordinals)]
    assert encoded.lengths.tolist() == [len(name) for name in expected]
    assert encoded.heap.tobytes() == b"".join(expected)


def test_common_tags() -> None:
    names = [
        series_name("m", {"host": "a", "dc": "x", "rack": "1"}),
        series_name("m", {"host": "b", "dc": "x"}),
        series_name("m", {"host": "a", "dc": "x", "role": "db"}),
    ]
    assert common_tags(names) == ({"dc": "x", "rack": "1", "role": "db"}, ["host"])
    assert common_tags(names[:1]) == ({"host": "a", "dc": "x", "rack": "1"}, [])


@given(st.lists(st.integers(0, 30), max_size=20), st.integers(1, 5), st.integers(0, 40), st.integers(0, 20))
def test_cut_pieces_are_all_in_order_and_within_their_bounds(
    lengths: list[int], series_max: int, bytes_max: int, begin: int
) -> None:
    heap = np.arange(sum(lengths), dtype=np.uint8)
    keys = np.arange(2 * len(lengths), dtype=np.uint64).reshape(-1, 2)
    whole = NewSeries(7, keys, np.array(lengths, dtype=np.uint32), heap)
    begin = min(begin, len(lengths))
    pieces = list(whole.cut(series_max, bytes_max, begin))
    assert [row for piece in pieces for row in range(piece.first, piece.end)] == [*range(7 + begin, whole.end)]
    assert b"".join(piece.heap.tobytes() for piece in pieces) == heap[sum(lengths[:begin]) :].tobytes()
    for piece in pieces:
        assert piece.keys.tolist() == keys[piece.first - 7 : piece.end - 7].tolist()
        assert len(piece.heap) == piece.lengths.sum()
        assert len(piece) == 1 or (len(piece) <= series_max and len(piece.heap) <= bytes_max)


def test_new_names_wait_for_the_journal_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    table = SeriesTable(SECRET)
    monkeypatch.setattr(limits, "QUEUE_NAME_BYTES_MAX", 2 * len(encode_name(series_name("a", {}))))
    table.register((1, 1), series_name("a", {}), 0)
    table.register((2, 2), series_name("b", {}), 0)
    with pytest.raises(Unavailable, match="wait for the disk"):
        table.register((3, 3), series_name("c", {}), 0)
    assert table.register((2, 2), series_name("b", {}), 1) == 1, "known ones go on"
    taken = table.take_unjournaled()
    assert taken is not None
    table.put_back(taken)
    with pytest.raises(Unavailable):
        table.register((3, 3), series_name("c", {}), 0)
    table.take_unjournaled()
    assert table.register((3, 3), series_name("c", {}), 0) == 2
