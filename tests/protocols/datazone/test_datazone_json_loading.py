"""Pieces mean what Python's own decoder makes of the whole."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from headrace import limits
from headrace.protocols.datazone.json_loading import load

PARTS = (
    *('{"a":1}', '{"forms":[', "]}", "[", "]", "{", "}", ",", ":", '"', '"a":', '"b" : ', '"content":"', "1", "1.50"),
    *(
        "true",
        "null",
        " ",
        "\n",
        "\\",
        '\\"',
        "\\\\",
        "\\n",
        "\\u0041",
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\ude00",
        "\\u00",
    ),
    *("é", "😀", "x" * 20, '"long text of many words"', '"k":[1,2,3]', '"k":{"l":[{}]}', "\x01"),
)


def outcome(text: bytes, decode: Any) -> Any:
    try:
        return repr(decode(text))
    except ValueError:
        return "refused"


def random_value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.randrange(6 if depth < 5 else 4)
    if kind == 4:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    if kind == 5:
        return {random_text(rng): random_value(rng, depth + 1) for _ in range(rng.randrange(5))}
    return random_text(rng) if kind else rng.choice((None, True, 1, -2.5, 10**30))


def random_text(rng: random.Random) -> str:
    return "".join(rng.choice('ab"\\,:{}[]\n\u00e9\U0001f600\ud83d\ude00') for _ in range(rng.choice((0, 1, 3, 30))))


def spelled(rng: random.Random) -> bytes:
    """Right as a rule; in every third case anything."""
    if rng.random() < 0.33:
        return "".join(rng.choice(PARTS) for _ in range(rng.randrange(12))).encode()
    text = json.dumps(random_value(rng), ensure_ascii=rng.random() < 0.7, indent=rng.choice((None, None, 1)))
    text = text.encode(errors="surrogatepass").decode(errors="replace")
    if rng.random() < 0.4:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(PARTS) + text[at + rng.randrange(2) :]
    return text.encode()


@pytest.mark.parametrize("piece_bytes", [1, 7, 16])
def test_pieces_mean_what_the_whole_means(piece_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DATAZONE_PIECE_BYTES", piece_bytes)
    rng = random.Random(piece_bytes)
    outcomes = []
    for _ in range(4000):
        text = spelled(rng)
        outcomes.append(outcome(text, lambda text: load(text, json.loads)))
        assert outcomes[-1] == outcome(text, lambda text: json.loads(text.decode())), text
    assert 200 < outcomes.count("refused") < 3000


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":"' + b"x" * 100 + b'",,"b":"' + b"y" * 100 + b'"}',
        b'{"a":"' + b"x" * 100 + b'",}',
        b'{"a":"' + b"x" * 100 + b'"]',
        b'{"a":"' + b"x" * 100 + b'"} ,',
        b'{"a":"' + b"x" * 100 + b"\xff" + b'"}',
        b'{"' + b"x" * 100 + b'"}',
        b'"' + b"x" * 100 + b'\\"',
        b"[" * 100,
    ],
)
def test_what_is_broken_at_a_cut_is_refused(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DATAZONE_PIECE_BYTES", 16)
    assert outcome(text, lambda text: load(text, json.loads)) == "refused"


def test_no_piece_is_much_longer_than_the_limit() -> None:
    form = json.dumps({"formName": "f", "content": "é\\" * 100_000})
    text = ('{"forms":[' + ",".join([form] * 4) + "]}").encode()
    longest = 0

    def loads(piece: str) -> Any:
        nonlocal longest
        longest = max(longest, len(piece))
        return json.loads(piece)

    assert load(text, loads) == json.loads(text)
    assert longest < 1.1 * limits.DATAZONE_PIECE_BYTES
