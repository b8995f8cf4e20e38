from __future__ import annotations

import json

import pytest

from headrace import limits
from headrace.errors import Refused, Unavailable
from headrace.protocols.opentsdb import faults


def test_the_envelope() -> None:
    status, headers, body = faults.refuse(413, Refused("body-too-large", "the body is too large", "limit 1 MiB"))
    assert status == 413
    assert headers == [(b"content-type", b"application/json; charset=UTF-8")]
    assert json.loads(body) == {"error": {"code": 413, "message": "the body is too large", "details": "limit 1 MiB"}}


def test_details_are_left_out_when_there_are_none() -> None:
    assert json.loads(faults.envelope(400, "x")) == {"error": {"code": 400, "message": "x"}}


def test_unavailable_says_when_to_come_back() -> None:
    status, headers, body = faults.unavailable(Unavailable("queue full", retry_after_s=3))
    assert (status, dict(headers)[b"retry-after"]) == (503, b"3")
    assert json.loads(body)["error"]["message"] == "Storage exception: queue full"


@pytest.mark.parametrize("name", ["f", "jQuery1.cb", "$_a[0]", ""])
def test_callbacks(name: str) -> None:
    assert faults.callback_of(name) == name


@pytest.mark.parametrize("name", ["alert(1)", "a;b", "1f", "<script>", "f\n", "é"])
def test_what_is_no_callback(name: str) -> None:
    with pytest.raises(Refused):
        faults.callback_of(name)


def test_a_strangers_text_is_shown_up_to_a_length() -> None:
    assert faults.shown("x" * limits.OPENTSDB_SHOWN_TEXT_MAX) == "x" * limits.OPENTSDB_SHOWN_TEXT_MAX
    assert len(faults.shown("x" * 10**6)) == limits.OPENTSDB_SHOWN_TEXT_MAX + 1


def test_a_rule_without_words_in_opentsdb_keeps_its_own() -> None:
    refused = Refused("series-limit", "no new series: all are in use")
    assert faults.refused_name(refused, "m", {"k": "v"}) == "no new series: all are in use"
