"""What is refused beyond the words of an answer is counted by shorter ways, which find the same."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from headrace import limits
from headrace.model.series import SeriesName
from headrace.protocols.kairosdb.types.registry import Types
from headrace.protocols.kairosdb.writing.decode import Decoded, ReferenceDecoder

NAMES = ("", '"name":null,', '"name":"",', '"name":1,', '"name":[],', '"name":"m",')
TIMES = ("", '"timestamp":null,', '"timestamp":1,', '"time":1,', '"timestamp":"x",', '"time":null,"timestamp":2,')
VALUES = ("", '"value":null,', '"value":"",', '"value":"","type":"string",', '"value":1,', '"value":[],')
TAGS = (
    '"t":1',
    '"tags":null',
    '"tags":{}',
    '"tags":{ }',
    '"tags":[]',
    '"tags":"x"',
    '"tags":{"k":""}',
    '"tags":{"k":"v"}',
)
PAIRS = (
    "[]",
    "[1]",
    "1",
    "null",
    "[1,null]",
    '[1,""]',
    '[1,"","string"]',
    "[null,1]",
    '["x",1]',
    "[1,2]",
    "[2,1.5]",
    "[1,[]]",
)


class Table:
    """Keys by hash."""

    def key_of(self, name: SeriesName) -> tuple[int, int]:
        return hash(name) & (2**64 - 1), 1


def decoded(text: str) -> Decoded:
    return ReferenceDecoder(Table(), Types([]))(text.encode(), 0)


def objects(text: list[str]) -> str:
    return f"[{','.join(text)}]"


def test_objects_fail_by_the_same_rules_whether_they_are_worded_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [f"{{{''.join(parts)}}}" for parts in itertools.product(NAMES, TIMES, VALUES, TAGS)]
    for text in made:
        worded = decoded(objects([text]))
        with monkeypatch.context() as patched:
            patched.setattr(limits, "KAIROSDB_ERRORS_MAX", 1)
            # The first one takes all the words there are.
            counted = decoded(objects(["{}", text]))
        counted.failures.by_rule["name-null"] -= 1
        assert +counted.failures.by_rule == +worded.failures.by_rule, text
        assert len(counted.points) == len(worded.points)
        assert counted.failures.unworded >= bool(worded.failures)


def test_of_pairs_the_good_are_taken_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [PAIRS[at * at % len(PAIRS)] for at in range(500)] + ["[7,8]"] * 20 + list(PAIRS) * 7
    text = objects([json.dumps({"name": "m", "tags": {"k": "v"}})[:-1] + f',"datapoints":[{",".join(pairs)}]}}'])
    worded = decoded(text)
    monkeypatch.setattr(limits, "KAIROSDB_ERRORS_MAX", 9)
    counted = decoded(text)
    assert counted.failures.by_rule == worded.failures.by_rule
    assert counted.failures.first == worded.failures.first[:9]
    assert counted.failures.unworded == len(worded.failures.first) - 9
    assert np.array_equal(counted.points.times, worded.points.times)
    assert np.array_equal(counted.points.values.bits, worded.points.values.bits)
    assert len(counted.points) > 50
