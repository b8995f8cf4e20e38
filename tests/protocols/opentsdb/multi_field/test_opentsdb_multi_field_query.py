"""mquery: the questions and answers of Alibaba's SDK (ExampleOfMultiField)."""

from __future__ import annotations

from typing import Any

import pytest
from real_room import RealRoom, answered, error
from wind_points import TAGS, WIND, T, asking

from headrace import limits


async def test_what_the_sdk_writes_comes_back_in_columns(tsd: RealRoom) -> None:
    later = {**WIND, "timestamp": (T + 1) * 1000, "fields": {"speed": 50}}
    assert (await tsd.post("mput", [WIND, later])).status == 204
    names = ("speed", "level", "direction")
    asked = asking(*({"field": name, "aggregator": "none", "rate": False} for name in names))
    [element] = answered(await tsd.post("mquery", asked))
    assert element == {
        "metric": "wind",
        "columns": ["timestamp", *names],
        "values": [[T, 45.2, 1, "S"], [T + 1, 50, None, None]],
        "tags": TAGS,
        "aggregatedTags": [],
    }
    [every] = answered(await tsd.post("mquery", asking({"field": "*"}, limit=1, offset=1)))
    assert (every["columns"], every["values"]) == (
        ["timestamp", "direction", "level", "speed"],
        [[T + 1, None, None, 50]],
    )
    averaged = asking({"field": "speed", "aggregator": "avg", "downsample": "1m-avg", "alias": "mean"})
    averaged["start"] = T - 100
    [element] = answered(await tsd.post("mquery", {**averaged, "msResolution": True}))
    assert element["columns"] == ["timestamp", "mean"]
    assert element["values"] == [[(T - T % 60) * 1000, 47.6]]


async def test_an_answer_of_many_pieces_is_the_same_answer(tsd: RealRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that are each there at moments of their own, in two groups."""
    expected: dict[str, list[list[Any]]] = {}
    points = []
    for city in ("a", "b"):
        for at in range(23):
            fields = {name: at for name, every in (("x", 2), ("y", 3), ("z", 5)) if at % every == 0}
            if fields:
                points.append({"metric": "wind", "timestamp": T + at, "fields": fields, "tags": {"city": city}})
                row = [T + at, *(fields.get(name) for name in ("x", "y", "z"))]
                expected.setdefault(city, []).append(row)
    assert (await tsd.post("mput", points)).status == 204
    names = [{"field": name, "aggregator": "none"} for name in ("x", "y", "z")]
    asked = {"start": T, "queries": [{"metric": "wind", "fields": names}]}
    for piece_values in (1, 8, 12, 10_000):
        monkeypatch.setattr(limits, "ANSWER_PIECE_VALUES", piece_values)
        found = answered(await tsd.post("mquery", asked))
        assert {element["tags"]["city"]: element["values"] for element in found} == expected


async def test_fields_are_no_plain_metrics(tsd: RealRoom) -> None:
    await tsd.post("mput", WIND)
    await tsd.put(("wind.plain", T, 1, {"city": "a"}))
    assert answered(await tsd.get("suggest?type=metrics")) == ["wind", "wind.plain"]
    assert answered(await tsd.get("suggest?type=field&metric=wind")) == ["direction", "level", "speed"]
    assert answered(await tsd.get("suggest?type=field&q=s")) == ["speed"]
    for name in ("wind", "wind\x1fspeed"):
        asked = {"start": T, "queries": [{"aggregator": "sum", "metric": name}]}
        assert error(await tsd.post("query", asked))[0] == 400
    assert answered(await tsd.get("search/lookup?m={city=*}"))["totalResults"] == 1


async def test_conditions_and_pages(tsd: RealRoom) -> None:
    """As TestHiTSDBClientMultiFieldFeatures asks: each field has its own condition, rows of the others stay."""
    speeds, levels = (45.1, 45.2, 46, 47, 43.8), (1.8, 1.2, 1.9, 0.9, 1.1)
    points = [
        {**WIND, "timestamp": T + at, "fields": {"speed": speed, "level": level}}
        for at, (speed, level) in enumerate(zip(speeds, levels, strict=True))
    ]
    assert (await tsd.post("mput", points)).status == 204
    both = ({"field": "speed", "dpValue": ">=45.2"}, {"field": "level", "dpValue": ">=1.2"})
    [element] = answered(await tsd.post("mquery", asking(*both)))
    assert element["values"] == [[T, None, 1.8], [T + 1, 45.2, 1.2], [T + 2, 46, 1.9], [T + 3, 47, None]]
    [element] = answered(await tsd.post("mquery", asking({"field": "level"}, offset=1, limit=2)))
    assert element["values"] == [[T + 1, 1.2], [T + 2, 1.9]]
    [element] = answered(await tsd.post("mquery", asking({"field": "level", "top": 0, "where": ""}, globalLimit=1)))
    assert element["values"] == [[T, 1.8]]
    assert answered(await tsd.post("mquery", asking({"field": "speed", "delta": True, "preDpValue": ">46.5"}))) == []


@pytest.mark.parametrize(
    ("field", "sub", "name"),
    [
        ({"field": "*", "where": "level>=1.2"}, {}, "where"),
        ({"field": "level", "top": 3}, {}, "top"),
        ({"field": "level"}, {"rlimit": 3}, "rlimit"),
        ({"field": "level"}, {"slimit": 3}, "slimit"),
    ],
)
async def test_what_nobody_has_described_is_refused_by_name(
    tsd: RealRoom, field: dict[str, Any], sub: dict[str, Any], name: str
) -> None:
    await tsd.post("mput", WIND)
    told = (501, f"'{name}' of a multi-field query is not implemented")
    assert error(await tsd.post("mquery", asking(field, **sub))) == told


async def test_mistakes_of_readers(tsd: RealRoom) -> None:
    assert error(await tsd.post("mquery", "{}")) == (400, "Missing sub queries")
    assert error(await tsd.post("mquery", asking())) == (400, "Missing the fields")
    assert error(await tsd.post("mquery", asking({"field": "x"}))) == (400, "No such name for 'metrics': 'wind.x'")
