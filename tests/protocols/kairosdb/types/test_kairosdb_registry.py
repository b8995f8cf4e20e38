from __future__ import annotations

from headrace.protocols.kairosdb.types.registry import CustomType, Types


def test_groups() -> None:
    types = Types([CustomType("position", "place", {"x": "double"})])
    assert [types.group_of(name) for name in ("complex", "complex-number")] == ["complex", "complex"]
    assert types.group_of("histogram") == "histogram"
    assert types.group_of("position") == "place"
    assert types.group_of("registered no longer") == "registered no longer"
    assert "position" in types
    assert all(name in types for name in ("string", "complex", "histogram"))
    assert "place" not in types


def test_fields_come_in_the_order_of_the_type() -> None:
    types = Types([CustomType("t", "t", {"b": "long", "a": "string"})])
    assert types.read("t", b'{"a": "x\\u0041\\"", "b": 7}').json == '{"b":7,"a":"xA\\""}'


def test_a_type_of_the_deployers_takes_the_place_of_ours() -> None:
    types = Types([CustomType("histogram", "histogram", {"low": "long"})])
    assert types.read("histogram", b'{"low":7}').json == '{"low":7}'
