"""What parsers take beside JSON's grammar. What Gson makes of each was seen on KairosDB 1.3.0."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import limits
from headrace.model.odd_json.lenient import GSON, JACKSON, Leniency, TooLongForTheLoop, mended


def both(text: str) -> tuple[str, str]:
    return mended(text.encode(), JACKSON).decode(), mended(text.encode(), GSON).decode()


@pytest.mark.parametrize(
    ("text", "jackson", "gson"),
    [
        ("[NaN,-Infinity,+INF,1]", '["NaN","-Infinity","+INF",1]', None),
        ('{"NaN":"NaN","a":NaN}', '{"NaN":"NaN","a":"NaN"}', None),
        ('["a\\"NaN"]', '["a\\"NaN"]', None),
        ("[.5,-.5,+5,00012,5.,-007,1]", '[".5","-.5","+5","00012","5.","-007",1]', None),
        ('["a\n\tb"]', '["a\\u000a\\u0009b"]', None),
        (
            r'["\udce9","\ud83d\ude00","\ude00\ud83d","\\ud83d"]',
            r'["\ufffd","\ud83d\ude00","\ufffd\ufffd","\\ud83d"]',
            None,
        ),
        ("\ufeff[1]", "[1]", None),
        ("{NaN :1}", "{NaN :1}", '{"NaN" :1}'),
        ("[INF,abc,0x1F,1e,TRUE]", "[INF,abc,0x1F,1e,TRUE]", '["INF","abc","0x1F","1e",true]'),
        ("{'a':'it\\'s \"x\"'}", "{'a':'it\\'s \"x\"'}", '{"a":"it\'s \\"x\\""}'),
        ('["it\\\'s","\\q"]', '["it\\\'s","\\q"]', '["it\'s","q"]'),
        ("{a=1;b=>2}", '{a="1";b=>2}', '{"a":1,"b":2}'),
        ("[1/* * / */,2]//x\n#y", '["1"/* * / */,2]//x\n#y', "[1 ,2] \n "),
        ("[1,,2,]", "[1,,2,]", None),
        ('["a', '["a', None),
        ("[1 2]", "[1 2]", None),
    ],
)
def test_what_is_mended(text: str, jackson: str, gson: str | None) -> None:
    assert both(text) == (jackson, jackson if gson is None else gson)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["NaN", "-Infinity", '"', "\\"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.booleans(), st.sampled_from([JACKSON, GSON]))
def test_python_reads_the_mended_text_as_its_own(document: Any, ascii_only: bool, leniency: Any) -> None:
    # Python's json writes and reads bare NaN, Infinity and -Infinity; parse_constant makes them texts.
    text = json.dumps(document, ensure_ascii=ascii_only)
    assert json.loads(mended(text.encode(), leniency)) == json.loads(text, parse_constant=str)


@given(st.binary(max_size=40) | st.text("[]{}\"'\\/*#:;,=> \n1.e+-aNu0d8", max_size=40).map(str.encode))
def test_any_bytes_are_taken_and_what_is_mended_is_left_alone_then(text: bytes) -> None:
    for leniency in (JACKSON, GSON):
        once = mended(text, leniency)
        try:
            json.loads(once, strict=True)
        except ValueError:
            continue
        assert mended(once, leniency) == once


def test_after_very_many_mends_the_rest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JSON_MENDS_MAX", 2)
    assert mended(b"[NaN,NaN,NaN]", GSON) == b'["NaN","NaN",NaN]'
    assert mended(b'["\n\n\n"]', GSON) == b'["\\u000a\n\n"]'


async def test_on_an_event_loop_only_short_bodies_are_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JSON_MENDED_ON_LOOP_BYTES_MAX", 4)
    assert mended(b"[.5]", GSON) == b'[".5"]'
    with pytest.raises(TooLongForTheLoop):
        mended(b"[.50]", GSON)
    assert await asyncio.to_thread(mended, b"[.50]", GSON) == b'[".50"]'


@pytest.mark.parametrize("leniency", [JACKSON, GSON])
def test_a_comment_that_never_ends_ends_the_mending(leniency: Leniency) -> None:
    """Looked for again at each slash, the end of a megabyte of them takes half an hour: the time limit of a test."""
    body = b'{"a":1,' + b"/*x" * 300_000
    assert mended(body, leniency) == body
    assert (
        mended(b"[+1,/* */+1,/*,+1]", leniency)
        == {
            JACKSON: b'["+1",/* */"+1",/*,+1]',
            GSON: b'["+1", "+1",/*,+1]',
        }[leniency]
    )
