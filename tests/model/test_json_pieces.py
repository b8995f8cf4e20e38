from __future__ import annotations

import json
import random

import pytest

from headrace import limits
from headrace.errors import Refused
from headrace.model.json_pieces import check_items, has_at_most, pieces_of, work_of, work_of_lines


def elements(array: bytes, most: int = 1_000_000) -> list[bytes]:
    """What pieces_of finds, decoded piece by piece; the pieces follow each other."""
    found: list[bytes] = []
    for piece in pieces_of(array, most):
        assert piece.first == len(found)
        inner = json.loads(b"[" + array[piece.start : piece.end] + b"]")
        assert len(inner) == piece.elements
        found += inner
    return found


def random_json(rng: random.Random, depth: int = 0) -> object:
    kind = rng.randrange(6 if depth < 4 else 4)
    if kind == 0:
        return rng.choice([None, True, 1.5, -7])
    if kind < 4:
        return "".join(rng.choice('ab",[]{}\\:ä') for _ in range(rng.randrange(6)))
    if kind == 4:
        return [random_json(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(number): random_json(rng, depth + 1) for number in range(rng.randrange(4))}


@pytest.mark.parametrize("piece_bytes", [1, 7, 64, 100_000])
def test_the_elements_of_an_array_are_found_whatever_they_hold(
    piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "JSON_PIECE_BYTES", piece_bytes)
    rng = random.Random(1)
    for _ in range(200):
        array = [random_json(rng) for _ in range(rng.randrange(8))]
        text = json.dumps(array, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1])).encode()
        assert elements(text) == array
        for piece in pieces_of(text, 1000):
            assert piece.elements == 1 or piece.end - piece.start <= piece_bytes


def items(value: object) -> int:
    if isinstance(value, dict):
        return max(1, len(value)) + sum(map(items, value.values()))
    if isinstance(value, list):
        return max(1, len(value)) + sum(map(items, value))
    return 0


@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 100_000])
def test_items_are_counted_outside_of_strings_only(piece_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JSON_PIECE_BYTES", piece_bytes)
    rng = random.Random(2)
    for _ in range(500):
        value = random_json(rng)
        text = json.dumps(value).encode()
        assert has_at_most(text, items(value))
        assert not has_at_most(text, items(value) - 1)


def test_too_many_items_or_elements_are_refused() -> None:
    check_items(b'["' + b"," * 100 + b'"]', 1)
    for refuse in (lambda: check_items(b"[1,2,3]", 2), lambda: pieces_of(b"[1,2,3]", 2)):
        with pytest.raises(Refused) as refused:
            refuse()
        assert refused.value.rule == "body-too-large"


@pytest.mark.parametrize("text", [b"[", b"[1,2", b'["a', b"[]]]]", b"[1] trailing, [2]", b"[}", b'["\\', b"[,,,]"])
def test_what_is_no_array_is_cut_somewhere(text: bytes) -> None:
    for piece in pieces_of(text, 10):
        assert 1 <= piece.start <= piece.end <= len(text)


def test_short_items_are_as_much_work_as_long_ones() -> None:
    assert work_of(b"[" + b"{}," * 1000 + b"{}]") == 1001 * limits.JSON_OBJECT_BYTES
    assert work_of(b"[" + b"1," * 1000 + b"1]") == 1000 * limits.JSON_ITEM_BYTES
    assert work_of(b'["' + b"a" * 1000 + b'"]') == 1004
    assert work_of_lines(b"a\n" * 1000) == 1000 * limits.JSON_OBJECT_BYTES
