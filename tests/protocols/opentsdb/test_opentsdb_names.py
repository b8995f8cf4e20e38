from __future__ import annotations

import pytest
from room_fixture import SECRET

from headrace import limits
from headrace.errors import Refused
from headrace.model.series import SeriesName, SeriesTable, series_name
from headrace.model.spelling import KeyCache, Spelling
from headrace.protocols.opentsdb.names import OPENTSDB_RULES
from headrace.protocols.opentsdb.writing.wire import read_name


@pytest.mark.parametrize("text", ["sys.cpu-0_a/b", "(x),[y]=#:", "系统指标", "Größe", "Ωμέγα", "ааа", "٣"])
def test_letters_digits_and_the_seeds_set_are_legal(text: str) -> None:
    OPENTSDB_RULES.check(series_name(text, {text: text}))


@pytest.mark.parametrize("bad", " !\"$%&'*+;<>?@\\^`{|}~\t\n\0\x7f€😀\ufffd\u200b")
def test_all_else_is_refused(bad: str) -> None:
    with pytest.raises(Refused) as refused:
        OPENTSDB_RULES.check(series_name(f"a{bad}", {"k": "v"}))
    assert refused.value.rule == "metric-character"


def test_names_are_case_sensitive() -> None:
    table = SeriesTable(SECRET)
    assert table.key_of(series_name("M", {"k": "v"})) != table.key_of(series_name("m", {"k": "v"}))


@pytest.mark.parametrize(("count", "refused"), [(1, False), (16, False), (24, False), (32, False), (33, True)])
def test_number_of_tags(count: int, refused: bool) -> None:
    name = series_name("m", {f"k{i}": "v" for i in range(count)})
    if refused:
        with pytest.raises(Refused):
            OPENTSDB_RULES.check(name)
    else:
        OPENTSDB_RULES.check(name)


def test_the_longest_name() -> None:
    OPENTSDB_RULES.check(series_name("m" * limits.OPENTSDB_NAME_BYTES_MAX, {"k": "v"}))
    with pytest.raises(Refused):
        OPENTSDB_RULES.check(series_name("m" * (limits.OPENTSDB_NAME_BYTES_MAX + 1), {"k": "v"}))


def test_every_spelling_of_a_name_has_its_key() -> None:
    table = SeriesTable(SECRET)
    cache = KeyCache(table, read_name)
    spellings: list[Spelling] = [
        (b'"m"', b'{"a":"1","b":"2"}'),
        (b'"m"', b'{"b": "2", "a": 1}'),
        (b'"\\u006d"', b'{"a":"x","b":"2","a":"1"}'),
    ]
    low, high = table.key_of(SeriesName("m", (("a", "1"), ("b", "2"))))
    for _ in range(2):  # a miss, then a hit
        assert cache.keys_of(spellings).tolist() == [[low, high]] * 3


def test_a_spelling_that_is_no_name_is_not_remembered() -> None:
    cache = KeyCache(SeriesTable(SECRET), read_name)
    with pytest.raises(Refused):
        cache.keys_of([(b'"m"', b"null")])
    assert not cache


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CACHED_NAMES_MAX", 100)
    cache = KeyCache(SeriesTable(SECRET), read_name)
    for batch in range(50):
        cache.keys_of([(b'"m"', b'{"k":"%d-%d"}' % (batch, i)) for i in range(10)])
        assert len(cache) <= 100
