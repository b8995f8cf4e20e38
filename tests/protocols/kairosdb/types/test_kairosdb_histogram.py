from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.model.values import INT64_MAX
from headrace.protocols.kairosdb.types.histogram import histogram_text

KNOWN = '"min":1,"max":9,"mean":5.0,"sum":35'


def stored(bins: str, known: str = KNOWN) -> str:
    return histogram_text(f'{{"bins":{bins},{known}}}'.encode())


def test_is_answered_as_the_extension_answers_it() -> None:
    # Its StorageIT.testStoreDataPointNoPrecision: the samples 1, 3, 5, 7, 9, 1, 9, in the order of its writer's fields.
    sent = b'{"min":1.0,"max":9.0,"sum":35.0,"mean":5.0,"bins":{"9.0":2,"1.0":2,"3.0":1,"5.0":1,"7.0":1}}'
    assert histogram_text(sent) == (
        '{"bins":{"1.0":2,"3.0":1,"5.0":1,"7.0":1,"9.0":2},"min":1,"max":9,"mean":5,"sum":35,"precision":7}'
    )


@pytest.mark.parametrize(
    ("bins", "answered"),
    [
        ("{}", "{}"),
        ('{"10":1,"9":2,"-3":4}', '{"-3.0":4,"9.0":2,"10.0":1}'),
        ('{"1e7":1,"0.0005":2,"9999999":3}', '{"5.0E-4":2,"9999999.0":3,"1.0E7":1}'),
        ('{"-1e22":1,"-0.25":2}', '{"-1.0E22":1,"-0.25":2}'),
        ('{"0":1,"-0.0":2}', '{"-0.0":2,"0.0":1}'),
        ('{"1":1,"1.0":2}', '{"1.0":2}'),  # one key of a TreeMap<Double, …>, put twice
        ('{"1":2.0,"2":"3"}', '{"1.0":2,"2.0":3}'),
        (f'{{"1":{INT64_MAX}}}', f'{{"1.0":{INT64_MAX}}}'),  # 64 bits since 2.2.0 of the extension
        # More bits than any precision of the extension keeps: they stay.
        ('{"1.2345678901234567":1}', '{"1.2345678901234567":1}'),
    ],
)
def test_bins(bins: str, answered: str) -> None:
    assert stored(bins) == f'{{"bins":{answered},"min":1,"max":9,"mean":5,"sum":35,"precision":7}}'


@given(
    st.dictionaries(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, INT64_MAX)),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    st.integers(0, 52),
)
def test_every_number_comes_back(bins: dict[float, int], known: list[float], precision: int) -> None:
    fields = dict(zip(("min", "max", "mean", "sum"), known, strict=True)) | {"precision": precision}
    sent = {"bins": {repr(end): count for end, count in bins.items()}} | fields
    back = json.loads(histogram_text(json.dumps(sent).encode()))
    ends = [float(name) for name in back["bins"]]
    assert ends == sorted(bins)
    assert dict(zip(ends, back.pop("bins").values(), strict=True)) == bins
    assert back == fields
    assert list(back) == list(fields)


def test_fields_that_the_extension_does_not_know_are_dropped() -> None:
    assert stored("{}", KNOWN + ',"count":7,"precision":6') == (
        '{"bins":{},"min":1,"max":9,"mean":5,"sum":35,"precision":6}'
    )


@pytest.mark.parametrize(
    ("bins", "known", "reason"),
    [
        ("{}", '"min":1,"max":9,"mean":5', "Object missing required field `sum`"),
        ("{}", KNOWN.replace("9", '"nan"'), "must have finite numbers as its min, max, mean and sum"),
        ("{}", KNOWN.replace("9", "null"), "Expected `float`, got `null` - at `$.max`"),
        ("{}", KNOWN.replace("9", "1e400"), "out of range"),
        ("{}", KNOWN + ',"precision":53', "Expected `int` <= 52"),
        ("{}", KNOWN + ',"precision":-1', "Expected `int` >= 0"),
        ("[]", KNOWN, "Expected `object`, got `array` - at `$.bins`"),
        ('{"1":1.5}', KNOWN, "a whole number of samples"),
        ('{"1":-1}', KNOWN, "a whole number of samples"),
        ('{"1":"nan"}', KNOWN, "a whole number of samples"),
        ('{"1":"inf"}', KNOWN, "a whole number of samples"),
        ('{"1":9223372036854775808}', KNOWN, "a whole number of samples"),
        (f'{{"1":1{"0" * 400}}}', KNOWN, "a whole number of samples"),
        ('{"1":null}', KNOWN, "got `null`"),
        *[
            (f'{{"{name}":1}}', KNOWN, "must have bins that are named by finite numbers")
            for name in ("", "a", "1,2", "1],[2", "NaN", "Infinity", "1e400", "[1]", "null")
        ],
    ],
)
def test_what_is_no_histogram(bins: str, known: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        stored(bins, known)


@pytest.mark.parametrize("text", ["[1]", "7", '"x"', "{}", "null"])
def test_what_is_no_object(text: str) -> None:
    with pytest.raises(ValueError, match="is no histogram"):
        histogram_text(text.encode())


def test_signs_of_zeros_stay() -> None:
    back = json.loads(stored("{}", KNOWN.replace('"min":1', '"min":-0.0')), parse_int=float)
    assert math.copysign(1, back["min"]) == -1
