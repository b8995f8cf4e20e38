"""The scanner against the reference decoder: what it takes, it takes exactly so; the rest it hands over."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from apollo_room import sample
from hypothesis import example, given
from hypothesis import strategies as st

from headrace import limits
from headrace.errors import Refused
from headrace.kernels.scanning.apollo_json import SAMPLE_BYTES_MIN
from headrace.protocols.apollo.writing.decode import PostedSamples, decode
from headrace.protocols.apollo.writing.scan import ScanningDecoder, scan

SECRET = np.random.default_rng(66).integers(0, 2**64, 8, dtype=np.uint64) | np.uint64(1)
G = "51922b39-8cd3-9ae3-d42f-6c8fde777e9c"


def assert_equal_samples(scanned: PostedSamples, expected: PostedSamples) -> None:
    assert (scanned.spellings, scanned.firsts) == (expected.spellings, expected.firsts)
    np.testing.assert_array_equal(scanned.codes, expected.codes)
    np.testing.assert_array_equal(scanned.times, expected.times)
    np.testing.assert_array_equal(scanned.offsets, expected.offsets)
    np.testing.assert_array_equal(scanned.values.kinds, expected.values.kinds)
    np.testing.assert_array_equal(scanned.values.bits, expected.values.bits)
    assert scanned.values.heap == expected.values.heap == b""


def assert_scan_agrees(body: bytes) -> PostedSamples | None:
    scanned = scan(body, SECRET)
    if scanned is not None:
        assert_equal_samples(scanned, decode(body))
    return scanned


blanks = st.text(" \t\r\n", max_size=2)
plain_text = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=40
)
plain_numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "-0", "0.0", "-0.0", "1e5", "1.5E3", "-4.5e-3", "0.1e+2"]),
)
values = st.one_of(plain_numbers, plain_numbers.map(lambda text: f'"{text}"'), st.sampled_from(["true", "false"]))
moments = st.builds(
    lambda date, clock, fraction, zone: f"{date}T{clock}{fraction}{zone}",
    st.dates().map(str),
    st.times().map(lambda time: str(time.replace(microsecond=0))),
    st.sampled_from(["", ".5", ".123", ".9999", ".000000001"]),
    st.sampled_from(["Z", "+00:00", "-00:00", "+05:30", "-23:59"]),
)


@st.composite
def plain_samples(draw: st.DrawFn, names: st.SearchStrategy[str]) -> str:
    members = [
        f'"timeseriesId"{draw(blanks)}:{draw(blanks)}"{draw(names)}"',
        f'"val":{draw(blanks)}{draw(values)}',
        f'"timestamp":{draw(blanks)}"{draw(moments)}"',
        f'"{draw(st.sampled_from(["metric", "mertic"]))}":{draw(blanks)}"{draw(names)}"',
    ]
    return f"{{{draw(blanks)}{(draw(blanks) + ',').join(draw(st.permutations(members)))}{draw(blanks)}}}"


@st.composite
def plain_bodies(draw: st.DrawFn) -> bytes:
    names = st.sampled_from(draw(st.lists(plain_text, min_size=1, max_size=3)))
    samples = draw(st.lists(plain_samples(names), min_size=1, max_size=6))
    return f"{draw(blanks)}[{draw(blanks)}{f'{draw(blanks)},'.join(samples)}{draw(blanks)}]{draw(blanks)}".encode()


@given(plain_bodies())
def test_every_plain_body_is_taken_as_the_reference_takes_it(body: bytes) -> None:
    assert assert_scan_agrees(body) is not None


@given(plain_bodies(), st.data())
def test_a_body_cut_or_changed_is_handed_over_or_means_the_same(body: bytes, data: st.DataObject) -> None:
    assert_scan_agrees(body[: data.draw(st.integers(0, len(body)))])
    changed = bytearray(body)
    changed[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert_scan_agrees(bytes(changed))


PLAIN = f'{{"timeseriesId":"{G}","val":1,"timestamp":"2018-01-27T00:00:00Z","metric":"Raw"}}'


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ('"val":1', '"val":null'),
        ('"val":1', '"val":"text"'),
        ('"val":1', '"val":"007"'),
        ('"val":1', '"val":9223372036854775808'),
        ('"val":1', '"val":truE'),
        ('"val":1', '"val":1,"val":2'),
        ('"val":1', '"val":1,"customData":{}'),
        ('"metric"', '"mertic":"x","metric"'),
        (',"metric":"Raw"', ""),
        ('"Raw"', "null"),
        ('"Raw"', '""'),
        ('"Raw"', '"R\\u0061w"'),
        ("01-27", "1-27"),
        ("2018-01-27", "2018-02-29"),
        ("00:00Z", "00:60Z"),
        ("T", " "),
        ("Z", ""),
        ("Z", "+0530"),
        ("Z", "+24:00"),
        ("Z", ".Z"),
        ("Z", ".1234567890Z"),
        ("2018", "0000"),
        ("}", "},"),
    ],
)
def test_what_is_not_certain_is_handed_over(part: str, other: str) -> None:
    assert scan(f"[{PLAIN}]".encode(), SECRET) is not None
    assert scan(f"[{PLAIN.replace(part, other, 1)}]".encode(), SECRET) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"[", b"{}", PLAIN.encode(), b"null", f"[{PLAIN}]x".encode(), b"\0" * 99])
def test_no_list_of_samples_is_handed_over(body: bytes) -> None:
    assert scan(body, SECRET) is None


def test_a_text_that_is_no_utf_8_is_handed_over() -> None:
    assert scan(f"[{PLAIN}]".encode().replace(b"Raw", b"R\xffw"), SECRET) is None


def test_the_shortest_samples_have_room() -> None:
    shortest = b'{"timeseriesId":"i","val":1,"timestamp":"2018-01-27T00:00:00Z","metric":"m"}'
    assert len(shortest) >= SAMPLE_BYTES_MIN
    found = scan(b"[" + b",".join([shortest] * 1000) + b"]", SECRET)
    assert found is not None
    assert len(found) == 1000


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=50))
@example([(number, number % 3) for number in range(300)])
def test_pairs_are_told_apart_and_counted_once(pairs: list[tuple[int, int]]) -> None:
    body = json.dumps([sample(f"id{one}", 1, metric=f"m{other}") for one, other in pairs])
    assert assert_scan_agrees(body.replace("+00:00", "Z").encode()) is not None


def test_an_id_and_a_metric_that_change_places_are_another_pair() -> None:
    body = json.dumps([sample("a", 1, metric="b"), sample("b", 1, metric="a"), sample("a", 1, metric="a")])
    found = assert_scan_agrees(body.encode())
    assert found is not None
    assert found.codes.tolist() == [0, 1, 2]


def test_too_many_are_refused_in_the_same_words() -> None:
    def words(read: Any, body: bytes) -> str:
        with pytest.raises(Refused) as refused:
            read(body)
        assert refused.value.rule == "too-many"
        return refused.value.detail

    body = f"[{','.join([PLAIN] * (limits.APOLLO_SAMPLES_MAX + 1))}]".encode()
    assert words(decode, body) == words(ScanningDecoder(decode, SECRET), body)


def test_the_decoder_asks_the_reference_for_the_rest() -> None:
    both = ScanningDecoder(decode, SECRET)
    assert both(f"[{PLAIN}]".encode()).spellings == [(G, "Raw")]
    assert both(f"[{PLAIN}]".replace('"Raw"', "null").encode()).spellings == [(G, "Raw")]
